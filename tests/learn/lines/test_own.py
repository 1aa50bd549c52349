"""A user's own lines: what is read, learnt along and held out, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import on_paper, write_number
from tenfold.errors import DataError, FormatError, TenfoldError
from tenfold.learn.lines import dataset, own
from tenfold.learn.lines.alphabet import encode
from tenfold.learn.lines.dataset import Batches
from tenfold.learn.lines.glyphs import Glyphs
from tenfold.learn.lines.own import Own
from tenfold.learn.lines.writing import HEIGHT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(12):
        Image.fromarray(on_paper(write_number(f"{k}07", size=20 + 8 * k))).save(tmp_path / f"{k}.png")
    rows = "".join(f"{k}.png,{k}0 7\n" for k in range(12))
    (tmp_path / "labels.csv").write_text(f"file,text\n{rows}", "utf-8-sig")
    return tmp_path


def test_pictures_are_as_high_as_lines_and_texts_have_no_spaces(folder: Path) -> None:
    lines = own.read(folder)
    assert len(lines) == 12
    assert {picture.shape[0] for picture in lines.pictures} == {HEIGHT}
    assert lines.classes[3] == encode("307")
    learnt, held = lines.split()
    assert (len(learnt), len(held)) == (10, 2)
    assert held.classes == [encode("007"), encode("607")]


def test_own_lines_take_the_place_of_some_that_are_written(folder: Path, shapes: Glyphs) -> None:
    mine = Own([np.full((HEIGHT, 60), 200, np.uint8)], [encode("42")])
    batches = Batches(shapes, 16, 0, own=mine)
    found = [tuple(row[row > 0].tolist()) == tuple(encode("42")) for k in range(16) for row in batches[k][1]]
    assert 0.08 < np.mean(found) < 0.22
    images, labels = dataset.batched(own.read(folder), 8)[1]
    assert len(images) == len(labels) == 4


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        (None, DataError, "there is no .*labels.csv"),
        ("name,text\na.png,1\n", FormatError, "the columns file and text"),
        ("file,text\n", DataError, "names no pictures"),
        ("file,text\n0.png,\n", FormatError, "line 2: 0.png has no text"),
        ("file,text\nnone.png,7\n", DataError, "there is no picture .*none.png"),
        ("file,text\nlabels.csv,7\n", DataError, "cannot read .*labels.csv"),
    ],
)
def test_what_is_refused(folder: Path, table: str | None, error: type[TenfoldError], says: str) -> None:
    place = folder / "labels.csv"
    place.unlink()
    if table is not None:
        place.write_text(table)
    with pytest.raises(error, match=says):
        own.read(folder)
