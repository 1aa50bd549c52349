import gzip
from pathlib import Path

import numpy as np
import pytest

from tenfold.errors import DataError, FormatError
from tenfold.mnist import idx
from tenfold.mnist.digits import Digits


@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    idx.write(tmp_path / name, array)
    assert (idx.read(tmp_path / name) == array).all()
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b"\x00\x00")


def test_the_bytes_are_those_of_the_published_format() -> None:
    raw = bytes.fromhex("00000801 00000003 070809")
    assert idx.parse(raw, "labels").tolist() == [7, 8, 9]
    assert idx.parse(bytes.fromhex("00000B01 00000002 0102 FFFF"), "shorts").tolist() == [258, -1]


@pytest.mark.parametrize(
    ("raw", "error", "says"),
    [
        (b"", FormatError, "it is empty"),
        (b"\x89PNG\r\n\x1a\n", FormatError, "not an IDX file: its magic number is 89504e47"),
        (bytes.fromhex("00000801 00000003 0708"), DataError, "truncated: its header promises 11 bytes and it has 10"),
        (bytes.fromhex("00000801 00000001 0708"), DataError, "too long"),
        (bytes.fromhex("00000803 00000001"), DataError, "truncated"),
        (gzip.compress(bytes.fromhex("00000801 00000001 07"), mtime=0)[:-6], DataError, "gzip stream ends early"),
        (b"\x1f\x8b\x08\x00garbage-garbage", DataError, "damaged"),
    ],
)
def test_a_bad_file_is_told_apart(raw: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        idx.parse(raw, "file")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        idx.read(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty: fetch it again"),
        (b"\n<html>403 Forbidden</html>", "it is a web page, as a download that failed"),
    ],
)
def test_what_a_download_that_failed_leaves(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(FormatError, match=says):
        idx.read(tmp_path / "train-images-idx3-ubyte.gz")


def test_a_gzipped_file_without_its_suffix(tmp_path: Path, digits: Digits) -> None:
    idx.write(tmp_path / "a.gz", digits.images)
    (tmp_path / "a.gz").rename(tmp_path / "a")
    assert (idx.read(tmp_path / "a") == digits.images).all()
