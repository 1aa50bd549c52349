from pathlib import Path

from conftest import draw_digits
from mnist.test_sources import write_classes
from tenfold.mnist import sources

SOME = draw_digits(30)


def test_a_folder_around_all_is_gone_into(tmp_path: Path) -> None:
    write_classes(tmp_path / "mnist_png" / "training" / "training", SOME)
    write_classes(tmp_path / "mnist_png" / "testing", SOME)
    assert {name: len(part) for name, part in sources.load(tmp_path).parts.items()} == {"train": 30, "test": 30}
    write_classes(tmp_path / "alone" / "inner", SOME)
    assert sources.load(tmp_path / "alone").classes == tuple("0123456789")


def test_a_folder_of_loose_pictures_is_no_part_and_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", SOME)
    write_classes(tmp_path, SOME.take(slice(1)), names=["test"] * 10)
    source = sources.load(tmp_path)
    assert list(source.parts) == ["train"]
    assert source.notes == ("left out: test (1 file)",)


def test_an_empty_class_is_none(tmp_path: Path) -> None:
    write_classes(tmp_path, SOME, names="abcdefghij")
    (tmp_path / "empty").mkdir()
    assert sources.load(tmp_path).classes == tuple("abcdefghij")
