"""tenfold.read_many: rows, files, review and annotated pictures from Python."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tenfold
from conftest import on_paper, write_number
from tenfold.errors import FormatError, UsageError
from tenfold.read.many.rows import Row


@pytest.fixture
def scans(here: Path) -> Path:
    (here / "scans").mkdir()
    for number in ("3827", "140"):
        Image.fromarray(on_paper(write_number(number, size=40))).save(here / f"scans/{number}.png")
    Image.fromarray(np.full((50, 50), 240, np.uint8)).save(here / "scans/blank.png")
    (here / "scans/cut.png").write_bytes((here / "scans/140.png").read_bytes()[:200])
    return here / "scans"


def test_rows_are_given_where_no_file_is_wanted(scans: Path) -> None:
    seen: list[Row] = []
    done = tenfold.read_many(scans, quiet=True)
    texts = {Path(row.path).stem: row.reading.text if row.reading else None for row in done.rows}
    assert texts == {"140": "140", "3827": "3827", "blank": "", "cut": None}
    assert done.counts == {"sure": 2, "not sure": 0, "without digits": 1, "not read": 1}
    assert tenfold.read_many([scans / "140.png", "none.png"], show=seen.append).rows == ()
    assert [row.error for row in seen] == [None, "there is no picture none.png"]


def test_what_the_command_line_writes(scans: Path) -> None:
    done = tenfold.read_many(
        scans, out="out/rows.csv", review="look.html", annotate="boxes", digits_only=True, quiet=True
    )
    assert str(done) == ("4 pictures: 2 sure, 1 without digits, 1 not read; see out/rows.csv, look.html, boxes")
    with open("out/rows.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["140", "3827", "", ""]
    assert "Not read" in Path("look.html").read_text()
    assert len(list(Path("boxes").glob("*.png"))) == 3
    Image.open(scans / "140.png").save(scans / "1400.png")
    again = tenfold.read_many(scans, out="out/rows.csv", resume=True, quiet=True)
    assert (again.kept, again.counts["sure"], again.counts["not read"]) == (3, 1, 1)


def test_what_cannot_be_meant(scans: Path) -> None:
    for words, says in (
        ({"on": "dask"}, "unknown --on 'dask'"),
        ({"address": "auto"}, "needs --on ray"),
        ({"resume": True}, "needs the file to resume"),
        ({"out": "out/"}, "is a folder"),
        ({"workers": 0}, "must be 1 or more"),
    ):
        with pytest.raises(UsageError, match=says):
            tenfold.read_many(scans, **words)
    with pytest.raises(UsageError, match="nothing to read"):
        tenfold.read_many([], out="empty.csv")
    assert not Path("empty.csv").exists()
    Path("out.csv").write_text("a,b\n")
    with pytest.raises(FormatError, match="did not write"):
        tenfold.read_many(scans, out="out.csv", resume=True)
