import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from tenfold.errors import DataError
from tenfold.mnist.layouts import raw as raw_module
from tenfold.mnist.layouts.raw import Raw, by_part, emnist, part_of


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("training", "train"),
        ("testSet", "test"),
        ("mnist_valid.csv", "validation"),
        ("val-00000-of-00001.parquet", "validation"),
        ("t10k-images-idx3-ubyte", "test"),
        ("test/train.csv", "train"),  # the file's own name counts
        ("Testament", None),
        ("trained", None),
    ],
)
def test_a_name_says_its_part(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_what_says_no_part_is_the_training_part_unless_another_is() -> None:
    assert by_part(Path("d"), ["digits.csv", "test.csv"]) == {"train": "digits.csv", "test": "test.csv"}
    assert by_part(Path("d"), ["digits.csv", "train.csv"]) == {"train": "train.csv"}
    with pytest.raises(DataError, match=r"two sets for test, test\.csv and testing\.csv: give the path of one"):
        by_part(Path("d"), ["test.csv", "testing.csv"])


def test_emnist_is_turned_by_its_name() -> None:
    images = np.arange(784 * 3, dtype=np.float32).reshape(3, 28, 28)
    raw = Raw()
    assert emnist(Path("letters/train.csv"), images, np.array([1, 2, 26]), raw)[0] is images
    assert (raw.classes, raw.notes) == (None, [])
    turned, labels = emnist(Path("emnist-letters-train.csv"), images.reshape(3, 784), np.array([1, 2, 26]), raw)
    assert (turned == images.swapaxes(1, 2)).all()
    assert labels.tolist() == [0, 1, 25]
    assert raw.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    emnist(Path("EMNIST/balanced-train"), images, np.array([0, 10, 46]), raw)
    assert raw.classes is not None
    assert (len(raw.classes), raw.classes[10], raw.classes[46]) == (47, "A", "t")
    assert len(raw.notes) == 1


def test_emnist_under_another_name_is_known_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.arange(784 * 3, dtype=np.uint8).reshape(3, 28, 28), np.array([1, 2, 26], dtype=np.uint8)
    file = tmp_path / "letters" / "train-images-idx3-ubyte.gz"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(images.tobytes(), mtime=0))
    assert emnist(file, images, labels, Raw())[0] is images
    monkeypatch.setitem(raw_module._SUMS, hashlib.sha256(file.read_bytes()).hexdigest(), "letters")
    raw = Raw()
    turned, numbers = emnist(file, images, labels, raw)
    assert (turned == images.swapaxes(1, 2)).all()
    assert numbers.tolist() == [0, 1, 25]
    assert raw.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    monkeypatch.setitem(raw_module._SUMS, hashlib.sha256(file.read_bytes()).hexdigest(), "digits")
    assert emnist(file, images, labels, raw)[1] is labels  # whose labels are their names
