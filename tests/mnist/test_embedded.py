import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from tenfold.errors import DataError
from tenfold.mnist import embedded

MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}


@pytest.mark.parametrize("name", MD5)
def test_the_files_are_the_published_ones_byte_for_byte(name: str) -> None:
    raw = (embedded.FOLDER / name).read_bytes()
    assert hashlib.md5(raw).hexdigest() == MD5[name]
    assert hashlib.sha256(raw).hexdigest() == embedded.SHA256[name]


@pytest.mark.parametrize(("part", "count", "ones"), [("train", 60_000, 6742), ("test", 10_000, 1135)])
def test_the_digits(part: str, count: int, ones: int) -> None:
    digits = embedded.read(part)
    assert digits.images.shape == (count, 28, 28)
    assert digits.images.dtype == np.uint8
    assert digits.labels.dtype == np.int64
    assert (digits.labels == 1).sum() == ones
    assert embedded.read(part) is digits


def test_a_damaged_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MD5:
        shutil.copy(embedded.FOLDER / name, tmp_path)
    assert all(check.good for check in embedded.verify(tmp_path))
    raw = bytearray((tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes())
    raw[100] ^= 1
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(raw)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert [(check.good, check.size > 0) for check in embedded.verify(tmp_path)] == [
        (True, True),
        (False, False),
        (True, True),
        (False, True),
    ]
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="SHA-256 differs"):
        embedded.read.__wrapped__("test")
    with pytest.raises(DataError, match="missing from the installation"):
        embedded.read.__wrapped__("train")
