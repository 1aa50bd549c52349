from dataclasses import replace
from pathlib import Path

import tenfold
from lesson.conftest import Shown
from tenfold.lesson import boxes, photo


def test_a_photo_is_read_and_what_was_read_is_shown(shown: list[Shown], tmp_path: Path) -> None:
    photo(["025", "46"], tmp_path / "a.jpg", seed=1)
    reading = tenfold.Reader().read(tmp_path / "a.jpg", details=True)
    assert reading.lines == ("025", "46")
    boxes(tmp_path / "a.jpg", reading)
    assert [each.kind for each in shown] == ["image/jpeg"] * 2
    assert "025, 46" in shown[0].alt
    assert "025, 46" in shown[1].alt
    unsure = replace(reading, digits=tuple(replace(digit, sure=False, seen=None) for digit in reading.digits))
    boxes(tmp_path / "a.jpg", unsure)
    boxes(tmp_path / "a.jpg", replace(reading, digits=()))
    assert "???, ??" in shown[2].alt


def test_two_photos_of_one_seed_are_alike(shown: list[Shown], tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        photo(["7"], tmp_path / name, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c
