"""Data of others is unpacked within bounds: a few bytes of gzip, zip or MATLAB may stand for any number of zeros.

What a file holds may be 1 GiB, or 20 times as large as the file.
"""

import bz2
import gzip
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, TooLargeError

LARGEST, FACTOR = 2**30, 20
LONGEST = 2**24  # characters of a line of text


def most(size: int) -> int:
    """How many bytes a file of so many may hold."""
    return max(LARGEST, FACTOR * size)


def unpacked(raw: bytes, name: str) -> bytes:
    """What the bytes of a gzip file hold. Raises TooLargeError, and what gzip raises for a damaged one."""
    with gzip.open(io.BytesIO(raw)) as file:
        found = file.read(most(len(raw)) + 1)
    if len(found) > most(len(raw)):
        raise TooLargeError(_too_large(name))
    return found


class _Bounded(io.RawIOBase):
    """A file of which no more than so many bytes are read."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path
        self._left = most(path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raw = self._file.read(len(buffer))
        self._left -= len(raw)
        if self._left < 0:
            raise TooLargeError(_too_large(str(self._path)))
        buffer[: len(raw)] = raw
        return len(raw)

    def close(self) -> None:
        self._file.close()
        super().close()


def text(path: Path, encoding: str) -> io.TextIOWrapper:
    """A file of text, plain or packed by gzip or bzip2, open for reading. Raises TooLargeError while it is read."""
    opened = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    file = io.BufferedReader(_Bounded(opened(path, "rb"), path))  # type: ignore[operator]
    return io.TextIOWrapper(file, encoding=encoding, newline="")


def lines(file: io.TextIOBase, path: Path) -> Iterator[str]:
    """The lines of a text. Raises TooLargeError for one without end."""
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            raise TooLargeError(f"{path} has a line of more than {LONGEST:,} characters")
        yield line


def arrays(path: Path, wanted: Any) -> dict[str, NDArray[Any]]:
    """Of the arrays in an .npz those whose names are wanted; an .npy's has none, and is always.

    Raises DataError where an array is not as large as its header says, TooLargeError, and what numpy and zipfile raise.
    """
    size = path.stat().st_size
    with open(path, "rb") as opened:
        if opened.read(2) != b"PK":
            opened.seek(0)
            return {"": _array(opened, size, path)}
        with zipfile.ZipFile(opened) as archive:
            if sum(member.file_size for member in archive.infolist()) > most(size):
                raise TooLargeError(_too_large(str(path)))
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            found = {}
            for name in wanted(list(members)):
                with archive.open(members[name]) as member:
                    found[name] = _array(member, members[name].file_size, path)
            return found or dict.fromkeys(members, np.empty(0))


def _array(file: Any, size: int, path: Path) -> NDArray[Any]:
    """An array of NumPy's format, in a file of so many bytes."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = read(file)
    if kind.hasobject:
        raise ValueError(
            "it holds Python's objects, which could run any program when loaded: save labels "
            "as numbers or text, labels.astype(str)"
        )
    wanted = math.prod(shape) * kind.itemsize
    if any(side < 0 for side in shape) or not wanted <= size:
        raise DataError(f"{path} is damaged: an array of the shape {shape} is in {size:,} bytes")
    raw = bytearray(file.read(wanted))
    if len(raw) != wanted:
        raise DataError(f"{path} is truncated")
    values = np.frombuffer(raw, kind) if kind.itemsize else np.empty(math.prod(shape), kind)
    return values.reshape(shape, order="F" if fortran else "C")


@contextmanager
def memory(size: int) -> Iterator[None]:
    """A block in which no more memory is taken than files of so many bytes may need, where the system can say so.

    What fails then raises MemoryError.
    """
    limit = None
    with suppress(ImportError, OSError, ValueError):
        import resource

        before = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        wanted = pages * resource.getpagesize() + 3 * most(size)
        if before[0] == resource.RLIM_INFINITY or wanted < before[0]:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, before[1]))
            limit = before
    try:
        yield
    finally:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, limit)


def _too_large(name: str) -> str:
    return f"{name} holds more than {LARGEST >> 30} GiB and {FACTOR} times its own size: unpack it before"
