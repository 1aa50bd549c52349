"""Files that appear whole or not at all, and a lock for whoever writes.

They are written beside their place and renamed into it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tenfold.errors import StorageError


@contextmanager
def file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds, remove it when it fails.

    Raises StorageError when the file cannot be written (full disk, no permission, a folder in the way).
    """
    path = Path(path)
    if path.is_dir() or not path.name:
        raise StorageError(f"cannot write {path}: it is a folder; name a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as written:  # a rename that survives a power cut needs the bytes on the disk first
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # the disk that refused the file may refuse this too: the first error is to be told
            temporary.unlink(missing_ok=True)


def content(path: str | Path, raw: bytes) -> None:
    """Write bytes to `path`, whole or not at all. Raises StorageError."""
    with file(path) as temporary:
        temporary.write_bytes(raw)


def text(path: str | Path, words: str) -> None:
    """Write text to `path` as UTF-8, whole or not at all. Raises StorageError."""
    content(path, words.encode("utf-8"))


@contextmanager
def folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` when the block succeeds, remove it when it fails.

    Raises StorageError when `path` holds something already or cannot be written.
    """
    path = Path(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise StorageError(f"{path} exists already and is not empty: choose another place, or remove it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(".part", f".{path.name}.", path.parent, ignore_cleanup_errors=True) as made:
            temporary = Path(made)
            temporary.chmod(0o755)
            yield temporary
            if path.is_dir():
                path.rmdir()  # empty, as checked above
            os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror or error}; free some space or choose another place")


@contextmanager
def lock(path: Path, *, wait: bool | float) -> Iterator[bool]:
    """Hold the lock file `path` against other processes, as long as this one lives; whether that could be done.

    With `wait` it always can, if not within so many seconds. Raises StorageError when the file cannot be made.
    """
    from filelock import FileLock, Timeout

    held = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=-1 if wait is True else float(wait))
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"cannot make {path}: {error.strerror or error}") from error
    try:
        yield True
    finally:
        held.release()
