import csv
import io
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli, on_paper, write_number
from read import hostile
from tenfold.read.lines import BUNDLED
from tenfold.read.many import processes
from tenfold.read.reader import Reader
from tenfold.read.reading import Reading

NUMBERS = ("3827", "140", "62", "9053", "71")


def draw(path: Path, number: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(on_paper(write_number(number, size=40))).save(path)
    return path


@pytest.fixture
def place(here: Path) -> Path:
    """Five numbers in scans/ and scans/more/, a picture that is cut off among them, and a blank one."""
    for k, number in enumerate(NUMBERS):
        draw(here / "scans" / ("" if k < 3 else "more") / f"{k + 7}.png", number)
    (here / "scans" / "10.png").write_bytes((here / "scans" / "9.png").read_bytes()[:200])
    Image.fromarray(np.full((50, 50), 240, np.uint8)).save(here / "scans" / "blank.png")
    return here


PATHS = ["scans/7.png", "scans/8.png", "scans/9.png", "scans/10.png", "scans/blank.png"]
PATHS += ["scans/more/10.png", "scans/more/11.png"]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are read, as they are, in this process."""
    monkeypatch.setattr(processes, "_ALONE", math.inf)  # however slow the machine is
    seen: list[str] = []
    real = Reader.read

    def read(self: Reader, picture: str, **more: object) -> Reading:
        seen.append(picture)
        return real(self, picture, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Reader, "read", read)
    return seen


def stop_at(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(processes, "_ALONE", math.inf)
    real = Reader.read

    def read(self: Reader, picture: str, **more: object) -> Reading:
        if picture == path:
            raise KeyboardInterrupt
        return real(self, picture, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Reader, "read", read)


def test_one_picture_is_its_text(tenfold_cli: Cli, place: Path) -> None:
    done = tenfold_cli("read", "scans/7.png", "--always-answer")
    assert (done.status, done.out, done.err) == (0, "3827\n", "")
    done = tenfold_cli("read", "scans/7.png", "--always-answer", "-o", "out.txt")
    assert (done.status, done.out) == (0, "")
    assert Path("out.txt").read_text() == "3827\n"
    done = tenfold_cli("read", "scans/blank.png")
    assert (done.status, done.out, done.err) == (0, "", "tenfold: no digits found in scans/blank.png\n")
    assert tenfold_cli("read", "scans/blank.png", "--quiet").err == ""


def test_several_pictures_are_a_line_each(tenfold_cli: Cli, place: Path) -> None:
    done = tenfold_cli("read", "scans", "--always-answer")
    assert done.status == 3
    lines = dict(line.split(":") for line in done.out.splitlines())
    assert list(lines) == [path for path in PATHS if path != "scans/10.png"]
    assert lines["scans/7.png"] == " 3827"
    assert lines["scans/blank.png"] == ""
    assert done.err.startswith("tenfold: cannot read scans/10.png: it is cut off")
    assert done.err.count("\n") == 1


def test_json_is_a_line_for_each_and_nothing_else(tenfold_cli: Cli, place: Path) -> None:
    done = tenfold_cli("read", "scans", "none.png", "--json", "--output", "out.jsonl")
    assert done.status == 3
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["path"] for row in rows] == [*PATHS, "none.png"]
    assert [row["path"] for row in rows if "error" in row] == ["scans/10.png", "none.png"]
    assert list(rows[0]) == ["path", "text", "lines", "numbers", "digits", "ignored"]
    assert set(rows[0]["digits"][0]) == {"value", "probability", "box", "sure"}
    assert Path("out.jsonl").read_text() == done.out


def test_csv(tenfold_cli: Cli, place: Path) -> None:
    done = tenfold_cli("read", "scans/**/*.png", "-o", "new/out.csv", "--threshold", 0)
    assert done.status == 3
    assert done.out == ""
    assert done.err.splitlines()[-1] == "7 pictures: 5 sure, 1 without digits, 1 not read; see new/out.csv"
    rows = list(csv.DictReader(io.StringIO(Path("new/out.csv").read_text())))
    assert [row["path"] for row in rows] == PATHS
    assert (rows[0]["text"], rows[0]["sure"], rows[0]["digits"]) == ("3827", "true", "4")
    assert "is cut off" in rows[3]["error"]


def test_standard_input(tenfold_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = Path("scans/7.png").read_bytes()
    for words in ([], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        assert tenfold_cli("read", "--always-answer", *words).out == "3827\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    done = tenfold_cli("read")
    assert (done.status, done.err) == (3, "tenfold: standard input is empty: it has 0 bytes\n")


def test_upright(tenfold_cli: Cli, here: Path) -> None:
    Image.fromarray(np.rot90(on_paper(write_number("2479")))).save("turned.png")
    assert tenfold_cli("read", "turned.png").out == "2479\n"
    assert tenfold_cli("read", "turned.png", "--upright").out != "2479\n"


def test_a_box_and_a_single_digit(tenfold_cli: Cli, place: Path) -> None:
    first = json.loads(tenfold_cli("read", "scans/7.png", "--json").out)["digits"][0]["box"]
    around = ",".join(str(side) for side in (first[0] - 8, first[1] - 8, first[2] + 16, first[3] + 16))
    found = json.loads(tenfold_cli("read", "scans/7.png", "--json", "--single", "--box", around).out)
    assert [digit["value"] for digit in found["digits"]] == ["3"]
    done = tenfold_cli("read", "scans/7.png", "--box", "0,0,5000,5000")
    assert done.status == 3
    assert "is not inside the picture" in done.err
    assert tenfold_cli("read", "scans/7.png", "--max-pixels", 100).err.endswith("if that is meant\n")


def test_the_model_can_be_named(tenfold_cli: Cli, place: Path) -> None:
    from tenfold.read.classifier import BUNDLED

    shutil.copy(BUNDLED, "mine.onnx")
    assert tenfold_cli("read", "scans/7.png", "--model", "mine.onnx", "--always-answer").out == "3827\n"


def test_annotated_pictures_and_a_page_for_review(tenfold_cli: Cli, place: Path) -> None:
    done = tenfold_cli("read", "scans", "--threshold", 1, "--annotate", "out", "--review", "web/look.html")
    assert done.status == 3
    assert done.out.startswith("scans/7.png: ????\n")
    found = sorted(str(p.relative_to("out").as_posix()) for p in Path("out").rglob("*.png"))
    assert found == ["7.png", "8.png", "9.png", "blank.png", "more/10.png", "more/11.png"]
    page = Path("web/look.html").read_text()
    assert page.count("<article>") == sum(map(len, NUMBERS))
    assert "1 picture without digits, 1 that could not be read; of 7 pictures" in page
    assert 'href="../scans/more/11.png"' in page


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.txt"])
def test_a_resumed_file_is_the_same(
    tenfold_cli: Cli, place: Path, name: str, monkeypatch: pytest.MonkeyPatch, readings: list[str]
) -> None:
    assert tenfold_cli("read", "scans", "-o", f"whole-{name}").status == 3
    with monkeypatch.context() as inner:
        stop_at(inner, "scans/blank.png")
        done = tenfold_cli("read", "scans", "-o", name)
    assert done.status == 130
    last = done.err.splitlines()[-1]
    assert last == "tenfold: stopped after 4 of 7 pictures; the same command with --resume continues"
    assert not Path(name).exists()
    with open(f"{name}.part", "ab") as part:
        part.write(b'{"path": "scans/bl')
    done = tenfold_cli("read", "scans", "-o", name)
    assert done.status == 1
    assert "resume it with --resume, or remove it" in done.err
    readings.clear()
    done = tenfold_cli("read", "scans", "-o", name, "--resume")
    assert done.status == 3
    assert readings == PATHS[3:]  # the one that could not be read is tried again
    assert Path(name).read_bytes() == Path(f"whole-{name}").read_bytes()
    assert not Path(f"{name}.part").exists()

    Image.open("scans/9.png").save("scans/10.png")
    readings.clear()
    done = tenfold_cli("read", "scans", "-o", name, "--resume")
    assert (done.status, readings) == (0, ["scans/10.png"])
    assert tenfold_cli("read", "scans", "-o", f"whole-{name}").status == 0
    assert Path(name).read_bytes() == Path(f"whole-{name}").read_bytes()


def test_resuming_gives_the_whole_review_and_all_annotated_pictures(
    tenfold_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["read", "scans", "--threshold", 1, "-o", "out.csv"]
    assert tenfold_cli(*words, "--review", "whole.html").status == 3
    Path("out.csv").rename("whole.csv")
    with monkeypatch.context() as inner:
        stop_at(inner, "scans/more/10.png")
        assert tenfold_cli(*words).status == 130
    assert tenfold_cli(*words, "--resume", "--review", "again.html", "--annotate", "out").status == 3
    assert Path("again.html").read_bytes() == Path("whole.html").read_bytes()
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert len(list(Path("out").rglob("*.png"))) == 6


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("scans --resume", 2, "--resume needs the file to resume"),
        ("scans -o out.xlsx", 2, "must end in .csv, .json, .jsonl, .txt"),
        ("scans --box 1,2,3", 2, "must be x,y,width,height"),
        ("scans --box a,b,c,d", 2, "must be x,y,width,height"),
        ("scans --threshold 1.5", 2, "must be a probability"),
        ("scans --threshold 0.5 --always-answer", 2, "give one"),
        ("scans --max-pixels 0", 2, "must be 1 or more"),
        ("scans --max-pages 0", 2, "must be 1 or more"),
        ("scans --max-seconds 0", 2, "must be above 0"),
        ("scans --workers 0", 2, "--workers must be 1 or more"),
        ("scans --review look.png", 2, "must end in .html"),
        ("scans --annotate scans", 2, "would write over"),
        ("scans --annotate scans/7.png", 2, "is a file: name a folder"),
        ("scans --device gpu", 1, "no device 'gpu'"),
        ("scans --model none.onnx", 1, "there is no model file none.onnx"),
        ("scans --model bad.onnx -o out.csv", 1, "cannot use bad.onnx"),
        ("empty", 1, "there are no pictures in empty"),
        ("scans/*.jpg", 1, "no picture matches"),
        ("none.png", 3, "there is no picture none.png"),
        ("scans --review scans/7.png/look.html", 1, "choose another place"),
    ],
)
def test_bad_input(tenfold_cli: Cli, place: Path, words: str, status: int, says: str) -> None:
    (place / "empty").mkdir()
    (place / "bad.onnx").write_bytes(b"no model")
    before = {p: p.read_bytes() if p.is_file() else b"" for p in place.rglob("*")}
    done = tenfold_cli("read", *words.split())
    assert done.status == status
    assert says in done.err
    assert done.err.startswith("tenfold: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert {p: p.read_bytes() if p.is_file() else b"" for p in place.rglob("*")} == before


@pytest.mark.slow
def test_hostile_pictures_are_rows_that_say_why_and_all_others_are_read(tenfold_cli: Cli, place: Path) -> None:
    pytest.importorskip("pypdfium2")
    Path("scans/nested.pdf").write_bytes(hostile.nested_forms())
    Path("scans/pages.pdf").write_bytes(hostile.many_pages())
    Path("scans/strokes.pdf").write_bytes(hostile.many_strokes())
    words = ("read", "scans", "-o", "out.csv", "--max-seconds", 4, "--max-pixels", 30_000_000)
    for more in ((), ("--resume",)):  # which tries them again
        done = tenfold_cli(*words, *more)
        assert done.status == 3
        rows = {row["path"]: row for row in csv.DictReader(Path("out.csv").read_text("utf-8").splitlines())}
        for name, why in (
            ("nested", "needs more than 210 MB of memory to be decoded|takes more than 4 s"),
            ("pages", "has 2,000 pages, more than the limit of 100: --max-pages allows more|takes more than 4 s"),
            ("strokes", "takes more than 4 s: raise that with --max-seconds if it is meant"),
        ):
            assert re.search(why, rows[f"scans/{name}.pdf"]["error"])
        assert rows["scans/7.png"]["text"] == "3827"
        assert len(rows) == 10
    Path("two.pdf").write_bytes(hostile.many_pages(2))
    assert "2 pages, more than the limit of 1" in tenfold_cli("read", "two.pdf", "--max-pages", 1).err
    assert tenfold_cli("read", "two.pdf", "--max-pages", 2).status == 0


def test_digits_alone_and_the_decimal_separator(tenfold_cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, object]] = []
    real = Reader.__init__

    def init(self: Reader, *arguments: object, **more: object) -> None:
        made.append(more)
        real(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Reader, "__init__", init)
    draw(here / "7.png", "71")
    assert tenfold_cli("read", "7.png", "--digits-only", "--decimal", ",").out == "71\n"
    assert (made[-1]["digits_only"], made[-1]["decimal"]) == (True, ",")
    wrong = tenfold_cli("read", "7.png", "--decimal", ";")
    assert (wrong.status, "must be" in wrong.err) == (2, True)


def test_a_table_is_csv(tenfold_cli: Cli, here: Path) -> None:
    Image.fromarray(on_paper(write_number("40 62", size=40, seed=3))).save(here / "table.png")
    assert tenfold_cli("read", "table.png", "--table").out == "40,62\n"
    for more in (["other.png"], ["--json"], ["-o", "out.csv"], ["--annotate", "boxes"]):
        refused = tenfold_cli("read", "table.png", "--table", *more)
        assert (refused.status, "--table" in refused.err) == (2, True)


def test_names_cannot_command_a_terminal_or_make_lines(
    tenfold_cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(here / "7.png", "71")
    Path("no\nnumber \x1b[31m.png").write_bytes(b"none")
    done = tenfold_cli("read", "no\nnumber \x1b[31m.png", "7.png")
    assert done.err.startswith("tenfold: no number \\x1b[31m.png is not a picture")
    assert (done.err.count("\n"), done.out) == (1, "7.png: 71\n")
    monkeypatch.setattr("tenfold.read.tables.cells", lambda _: [["\x1b[31m7", "a\nb"]])  # as classes may be called
    assert tenfold_cli("read", "7.png", "--table").out == '\\x1b[31m7,"a\nb"\n'


def test_where_nobody_listens(here: Path) -> None:
    draw(here / "7.png", "71")
    command = f"{shlex.quote(sys.executable)} -m tenfold read 7.png >&-"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_model_for_rows(tenfold_cli: Cli, here: Path) -> None:
    draw(here / "7.png", "71")
    assert tenfold_cli("read", "7.png", "--lines", BUNDLED).out == "71\n"
    (here / "none.onnx").write_bytes(b"none")
    assert tenfold_cli("read", "7.png", "--lines", "none.onnx").status == 1
