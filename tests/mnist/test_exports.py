from pathlib import Path

import numpy as np
import pytest

from tenfold.errors import StorageError, UsageError
from tenfold.mnist import exports, sources


@pytest.mark.parametrize("form", exports.FORMATS)
def test_what_is_exported_can_be_read_back(tmp_path: Path, data: Path, form: str) -> None:
    source = sources.load(data)
    exports.export(source, tmp_path / "out", form)
    again = sources.load(tmp_path / "out" / "mnist.npz" if form == "npz" else tmp_path / "out")
    assert again.parts.keys() == source.parts.keys()
    for name, part in source.parts.items():
        # class folders are read class by class, so the order differs, not the digits
        order = np.argsort(part.labels, kind="stable") if form == "png" else np.arange(len(part))
        assert (again.parts[name].labels == part.labels[order]).all()
        assert (again.parts[name].images == part.images[order]).all()


def test_mnist_is_exported_as_it_was_published(tmp_path: Path) -> None:
    exports.export(sources.load(), tmp_path / "out", "npz")
    with np.load(tmp_path / "out" / "mnist.npz") as archive:
        assert sorted(archive.files) == ["x_test", "x_train", "y_test", "y_train"]  # as Keras has it
        assert archive["x_train"].shape == (60_000, 28, 28)
        assert archive["y_test"][:4].tolist() == [7, 2, 1, 0]


def test_a_place_in_use_is_left_alone(tmp_path: Path, data: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        exports.export(sources.load(data), tmp_path, "png")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(UsageError, match="did you mean 'png'"):
        exports.export(sources.load(data), tmp_path / "new", "pngg")
    assert not (tmp_path / "new").exists()
