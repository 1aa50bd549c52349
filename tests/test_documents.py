from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tenfold import documents
from tenfold.errors import DataError, FormatError


@dataclass
class Point:
    x: int
    names: tuple[str, ...] = ()


def test_json_becomes_the_type_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 3, "names": ["a"]}')
    assert documents.read(tmp_path / "a.json", Point) == Point(3, ("a",))
    assert documents.decoded(" 1e3", float) == 1000.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"x": "3"}', "Expected int, got str"),
        ("{}", "missing required field x"),
        ("[" * 100_000, "nested too deeply"),
        ('{"x": NaN}', "no number of JSON"),
        ('{"x": 1e999}', "no number of JSON"),
        (f'{{"x": {"9" * 5000}}}', "digits"),
        ("{", "Expecting"),
        (b"\xff\xfe\xff", "decode"),
    ],
)
def test_what_is_none_of_it_is_one_line(text: str | bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=says) as raised:
        documents.decoded(text, Point)
    assert "\n" not in str(raised.value)


def test_a_file_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"cannot read the note .*No such file"):
        documents.read(tmp_path / "none.json", Any, "the note ")
    monkeypatch.setattr(documents, "LARGEST", 10)
    (tmp_path / "a.json").write_text(" " * 11)
    with pytest.raises(DataError, match="more than"):
        documents.read(tmp_path / "a.json", Point)
