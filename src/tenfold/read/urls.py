"""Pictures and folders of an object store by their URL, through pyarrow: s3://, gs://, abfs://, and file://.

What follows the bucket is the name as it stands, without escapes such as %20. The environment says who asks and, if it
is not the usual place, where the store is, as pyarrow has it: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL and so on.
"""

import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.errors import DataError, StorageError, UsageError, missing_extra

_URL = re.compile(r"(s3|gs|gcs|abfs|abfss|file)://([^/]*)/?(.*?)(\?\w+=[^/]*)?", re.DOTALL)
_OTHER = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_SECRET = re.compile(r"[?&]([^=&/]*(?:secret|token|password|sig|key)[^=&/]*)=", re.IGNORECASE)


def check(place: str) -> None:
    """Raise UsageError, which does not repeat it, for a URL with a secret in it, or one that is of no object store."""
    match = _OTHER.match(place)
    if match is None:
        return
    scheme, rest = match[1], place[match.end() :]
    if "@" in rest and ":" in rest.partition("/")[0].partition("@")[0]:  # a secret may have slashes
        bucket = rest.rpartition("@")[2].partition("/")[0].partition("?")[0]
        raise UsageError(f"leave the password out of {scheme}://…@{bucket}: the environment holds it")
    if named := _SECRET.search(rest):
        raise UsageError(f"leave {named[1]} out of the {scheme}:// URL: the environment holds it")
    if not is_url(place):
        raise UsageError(f"{scheme}:// is no object store: fetch the picture first, as in curl -s URL | tenfold read -")
    if scheme == "file" and not rest.startswith("/"):
        raise UsageError(f"{place} is on another machine: a file of this one is file:///…")


def is_url(place: str) -> bool:
    """Whether a place is in an object store, rather than a path."""
    return _URL.fullmatch(place) is not None


def local(place: str) -> Path | None:
    """The path that a place is on this machine's disk; None for one in an object store."""
    if not is_url(place):
        return files.home(place)
    return Path(place.removeprefix("file://")) if place.startswith("file://") else None


def content(
    place: str, what: str = "picture", *, take: Callable[[Any], bytes | bytearray] = lambda opened: opened.read()
) -> bytes | bytearray:
    """The bytes of a file, as `take` reads them.

    Raises DataError, of which the text is one line about the picture, or what else it is.
    """
    path = local(place)
    store: Any
    store, key = _place(place) if path is None else (None, "")
    try:
        with open(path, "rb", opener=_opened) if path is not None else store.open_input_stream(key) as opened:
            return take(opened)
    except FileNotFoundError as error:
        raise DataError(f"there is no {what} {place}") from error
    except IsADirectoryError as error:
        raise DataError(f"{place} is a folder, not a {what}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {place}: {_reason(error)}") from error


def _opened(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes into is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def put(place: str, raw: bytes) -> None:
    """Write a file, whole or not at all: an object store shows one when it is closed. Raises StorageError."""
    path = local(place)
    if path is not None:
        files.content(path, raw)
        return
    store, key = _place(place)
    try:
        with store.open_output_stream(key) as opened:
            opened.write(raw)
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot write {place}: {_reason(error)}") from error


def inside(folder: str) -> list[tuple[str, bool]]:
    """What a folder of an object store holds: the place of each, and whether it is a folder. Raises DataError."""
    store, key = _place(folder)
    from pyarrow.fs import FileSelector, FileType

    query = _parts(folder)[3]  # stays at each URL, for the URL alone must tell where the picture is
    bare = folder.removesuffix(query).rstrip("/")
    try:
        entries = store.get_file_info(FileSelector(key, recursive=False, allow_not_found=True))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot list {folder}: {_reason(error)}") from error
    return [(f"{bare}/{each.base_name}{query}", each.type == FileType.Directory) for each in entries]


def is_folder(place: str) -> bool | None:
    """Whether the place of a URL is a folder; None where nothing is. Raises DataError."""
    path = local(place)
    if path is not None:
        return path.is_dir() if path.exists() else None
    store, key = _place(place)
    from pyarrow.fs import FileType

    try:
        kind = store.get_file_info([key])[0].type
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {place}: {_reason(error)}") from error
    return None if kind == FileType.NotFound else bool(kind == FileType.Directory)


def store(place: str) -> tuple[Any, str]:
    """A file system of pyarrow's, and the key of a place in it: of a URL, or of a path of this machine."""
    path = local(place)
    return _place(f"file://{os.path.abspath(path)}" if path is not None else place)


def _place(url: str) -> tuple[Any, str]:
    """The store of a URL, and its key there."""
    scheme, root, key, query = _parts(url)
    check(url)
    store, base = _store(scheme, root, query)
    return store, f"{base.rstrip('/')}/{key}".rstrip("/") or "/"


def _parts(url: str) -> tuple[str, str, str, str]:
    """Scheme, bucket, name, and a query with its question mark."""
    match = _URL.fullmatch(url)
    assert match is not None
    return match[1], match[2], match[3], match[4] or ""


@lru_cache(maxsize=32)
def _store(scheme: str, root: str, query: str) -> tuple[Any, str]:
    """Where a URL begins: a file system of pyarrow's and its top; asked for once, for a region may have to be found."""
    try:
        from pyarrow.fs import FileSystem
    except ModuleNotFoundError as error:
        raise missing_extra("pyarrow", "cluster") from error
    try:
        store, base = FileSystem.from_uri(f"{scheme}://{root}/{query}" if root else f"{scheme}:///{query}")
    except (OSError, ValueError) as error:
        raise DataError(f"there is no {scheme}://{root}: {_reason(error)}") from error
    return store, str(base)


def _reason(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(words.split()).partition(" Detail:")[0][:200]
