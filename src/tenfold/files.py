"""Files that appear whole or not at all, and a lock for whoever writes.

They are written beside their place, as .NAME.MACHINE-PROCESS.part, and renamed into it. What a process left there that
was killed is removed by the next one that writes into the folder.
"""

import hashlib
import os
import platform
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tenfold.errors import StorageError

_PART = re.compile(r"\..+\.(?:([0-9a-f]{8})-)?(\d+)(?:\.\w+)?\.part")


def home(path: str | Path) -> Path:
    """A path whose ~ is the home of its user; as it stands where there is no such user."""
    return Path(os.path.expanduser(path))


@contextmanager
def file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds, remove it when it fails.

    Raises StorageError when the file cannot be written (full disk, no permission, a folder in the way).
    """
    path = Path(path)
    if path.is_dir() or not path.name:
        raise StorageError(f"cannot write {path}: it is a folder; name a file")
    temporary = path.with_name(f".{path.name}.{_machine()}-{os.getpid()}.part")
    try:
        directory(path.parent)
        remove_dead(path.parent)
        yield temporary
        with open(temporary, "rb+") as written:  # a rename that survives a power cut needs the bytes on the disk first
            os.fsync(written.fileno())
        os.replace(temporary, path)
        sync(path.parent)
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
        directory(path.parent)
        remove_dead(path.parent)
        prefix = f".{path.name}.{_machine()}-{os.getpid()}."
        with TemporaryDirectory(".part", prefix, path.parent, ignore_cleanup_errors=True) as made:
            temporary = Path(made)
            temporary.chmod(0o755)
            yield temporary
            if path.is_dir():
                path.rmdir()  # empty, as checked above
            os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def directory(path: Path) -> None:
    """Make a folder, with those around it, unless it is there; it survives a power cut. Raises OSError."""
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync(place.parent)


def sync(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            getattr(os, "fdatasync", os.fsync)(handle)  # whose data are the names
        finally:
            os.close(handle)


def remove_dead(folder: Path) -> None:
    """Remove what processes of this machine that are gone left half written in a folder."""
    for path in folder.glob(".*.part"):
        match = _PART.fullmatch(path.name)
        if match and match[1] in (None, _machine()) and not _alive(int(match[2])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)


@cache
def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _alive(process: int) -> bool:
    """Whether a process runs on this machine; on Windows none is asked, as its open files cannot be removed there."""
    try:
        if os.name == "nt":
            return process == os.getpid()
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


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


def lock_file(path: str | Path) -> Path:
    """What is locked while `path` is written: not beside it, where a process that is killed would leave it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    return Path(tempfile.gettempdir()) / f"tenfold-{user}" / f"{name}.lock"


@contextmanager
def held(path: str | Path, says: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a file or folder against other processes of this machine, as long as this one lives.

    Raises StorageError, which `says` so and which process that is, where another one has it and does not end within
    `wait` seconds.
    """
    place = lock_file(path)
    with lock(place, wait=wait) as mine:
        if not mine:
            raise StorageError(f"{says}{holder(path)}")
        with suppress(OSError):  # where a locked file cannot be written, who has it stays unknown
            handle = os.open(place, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0))
            try:
                os.write(handle, str(os.getpid()).encode())
            finally:
                os.close(handle)
        try:
            yield
        finally:
            with suppress(OSError):  # where an open file cannot be removed, that comes with its release
                place.unlink(missing_ok=True)


def holder(path: str | Path) -> str:
    """Which process holds a file or folder, as words to end a sentence with; nothing where that is not known."""
    with suppress(OSError, ValueError):
        return f" (process {int(lock_file(path).read_bytes()[:20])})"
    return ""
