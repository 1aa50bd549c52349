"""The IDX format of MNIST's files: a magic number, the sizes, then the values, big-endian.

Source: the format's description on the MNIST page, http://yann.lecun.com/exdb/mnist/. Byte 3 of the magic number
is the type of the values (8: unsigned byte), byte 4 the number of dimensions.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold import files
from tenfold.errors import DataError, FormatError
from tenfold.mnist import packed

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read(path: str | Path) -> NDArray[np.generic]:
    """The array in an IDX file, plain or gzipped.

    Raises DataError when the file is missing or truncated, FormatError when it is not IDX.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return parse(raw, str(path))


def parse(raw: bytes, name: str) -> NDArray[np.generic]:
    """The array in the bytes of an IDX file, plain or gzipped; `name` is for the errors, which are those of `read`."""
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = packed.unpacked(raw, name)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name} is damaged: its gzip stream ends early or does not check ({error})") from error
    if len(raw) < 4 or raw[:2] != b"\x00\x00" or raw[2] not in _TYPES or not 1 <= raw[3] <= 4:
        what = f"its magic number is {raw[:4].hex()}, images have 00000803"
        if not raw:
            what = "it is empty: fetch it again"
        elif raw.lstrip()[:1] == b"<":
            what = "it is a web page, as a download that failed leaves: fetch it again"
        raise FormatError(f"{name} is not an IDX file: {what}")
    dtype, dimensions = np.dtype(_TYPES[raw[2]]), raw[3]
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(raw) != expected:
        state = "truncated" if len(raw) < expected else "too long"
        raise DataError(f"{name} is {state}: its header promises {expected:,} bytes and it has {len(raw):,}")
    # torch.from_numpy wants an array that is writable (hence bytearray) and in the machine's own byte order
    array = np.frombuffer(bytearray(raw[start:]), dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def write(path: str | Path, array: NDArray[np.uint8]) -> None:
    """Write an array of unsigned bytes as an IDX file, gzipped if the name ends in .gz."""
    raw = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()
    files.content(path, gzip.compress(raw, mtime=0) if str(path).endswith(".gz") else raw)
