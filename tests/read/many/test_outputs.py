"""Files of many readings: every format, whole or not at all, and resumed to the same bytes."""

import csv
import io
import json
import os
from pathlib import Path
from threading import Event

import pytest

from read.many.fakes import row
from tenfold.errors import FormatError, StorageError, UsageError
from tenfold.read.many import outputs
from tenfold.read.many.outputs import Output, bare_text, is_read, is_sure, json_line, summary, text_line
from tenfold.read.many.rows import Row

ROWS = [
    row("a/1.png", "12 3", "?45"),
    row("a/2.png"),
    Row("a/3.png", error="cannot read a/3.png: it is damaged"),
    row("=1+1, or.png", "7"),
    row("'4'.png", "?9"),
    row("ü\udcff\n.png", "6"),
]


def test_lines() -> None:
    assert [text_line(r) for r in ROWS[:4]] == ["a/1.png: 12 3 / ?5\n", "a/2.png:\n", "", "=1+1, or.png: 7\n"]
    assert bare_text(ROWS[0]) == "12 3\n?5\n"
    assert bare_text(ROWS[1]) == bare_text(ROWS[2]) == ""
    lines = [json_line(r) for r in ROWS]
    assert [json.loads(line) for line in lines] == [r.as_dict() for r in ROWS]
    assert all(line.isascii() and line.count("\n") == 1 for line in lines)
    assert lines[0].startswith('{"path": "a/1.png", "text": "12 3\\n?5", "lines": ["12 3", "?5"], "numbers": [{')


def as_csv(*rows: Row) -> list[list[str]]:
    text = outputs._to_csv(map(summary, rows)).decode("utf-8", "surrogateescape")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_is_quoted_and_holds_no_formula() -> None:
    assert as_csv(*ROWS)[0] == list(outputs.COLUMNS)
    rows = as_csv(*ROWS)[1:]
    assert rows[0] == ["a/1.png", "12 3 / ?5", "false", "5", "0.5000", ""]
    assert rows[1] == ["a/2.png", "", "false", "0", "", ""]
    assert rows[2] == ["a/3.png", "", "", "", "", "cannot read a/3.png: it is damaged"]
    assert rows[3] == ["'=1+1, or.png", "7", "true", "1", "0.9990", ""]
    assert rows[4][0] == "''4'.png"
    assert outputs._cell("-7") == "-7"  # a number is no formula
    assert outputs._cell("-7+3") == "'-7+3"
    for start in "=+-@\t\r":
        assert as_csv(Row(f"{start}x", error=f"{start}y"))[1][::5] == [f"'{start}x", f"'{start}y"]


@pytest.fixture(params=["csv", "json", "jsonl", "txt"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / "new" / f"out.{request.param}"


PATHS = [r.path for r in ROWS]


def write(path: Path, rows: list[Row], paths: list[str] | None = None, *, resume: bool = False) -> bytes:
    with Output(path, resume=resume) as output:
        for r in rows:
            output.write(r)
        if paths is not None:
            output.finish(paths)
    return path.read_bytes() if paths is not None else output.part.read_bytes()


def test_a_file_is_whole_or_not_at_all(path: Path) -> None:
    with Output(path) as output:
        for r in ROWS[:2]:
            output.write(r)
        assert output.part.read_bytes().count(b"\n") >= 2
        assert not path.exists()
        output.finish(PATHS[:2])
    assert path.exists()
    assert not output.part.exists()


@pytest.mark.parametrize("stop", range(1, len(ROWS) + 1))
def test_a_resumed_file_is_the_same(path: Path, stop: int) -> None:
    whole = write(path.with_stem("whole"), ROWS, PATHS)
    write(path, ROWS[:stop])
    with Output(path, resume=True) as output:
        kept = {p for p, record in output.kept.items() if is_read(record)}
        left = [r for r in ROWS if r.path not in kept]
        for r in left:
            output.write(r)
        output.finish(PATHS)
    readable = [r for r in ROWS[:stop] if r.error is None]
    assert len(left) == len(ROWS) - len(readable)
    assert path.read_bytes() == whole


def test_a_torn_last_line_is_read_again(path: Path) -> None:
    whole = write(path.with_stem("whole"), ROWS[:2], PATHS[:2])
    part = path.with_name(f"{path.name}.part")
    raw = write(path, ROWS[:2])
    for cut in range(1, 8):
        part.write_bytes(raw[:-cut])
        with Output(path, resume=True) as output:
            assert "a/2.png" not in output.kept
            assert "a/1.png" in output.kept
            output.write(ROWS[1])
            output.finish(PATHS[:2])
        assert path.read_bytes() == whole


def test_a_finished_file_can_be_resumed(path: Path) -> None:
    whole = write(path.with_stem("whole"), [ROWS[0], ROWS[3]], [PATHS[0], PATHS[3]])
    write(path, ROWS[:1], PATHS[:1])
    assert write(path, [ROWS[3]], PATHS[3:4], resume=True) == whole  # rows of pictures not named again stay
    write(path, [Row(PATHS[0], error="broken now")], resume=True)
    assert path.read_bytes() == whole  # until it is finished


@pytest.mark.parametrize("name", ["a.png", "12: 30.png", "C:/12.png", "no suffix", "a:b: .png"])
@pytest.mark.parametrize("text", ["12:30", "", "7: 30 / ?5", "4"])
def test_texts_with_colons_are_resumed(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text(f"{name}: {text}".rstrip() + "\n", encoding="utf-8")
    with Output(path, resume=True) as output:
        assert output.kept[name]["text"] == text
        output.finish([name])
    assert path.read_text(encoding="utf-8") == f"{name}: {text}".rstrip() + "\n"


def test_the_state_of_kept_rows(path: Path) -> None:
    write(path, ROWS[:4])
    with Output(path, resume=True) as output:
        found = {p: (is_read(record), is_sure(record)) for p, record in output.kept.items()}
    wanted = {"a/1.png": (True, False), "a/2.png": (True, False), "a/3.png": (False, False), PATHS[3]: (True, True)}
    assert found == wanted


def test_an_earlier_run_is_not_written_over(path: Path) -> None:
    raw = write(path, ROWS[:1])
    with pytest.raises(StorageError, match="resume it with --resume, or remove it"):
        Output(path)
    assert path.with_name(f"{path.name}.part").read_bytes() == raw


def test_nothing_is_left_where_nothing_was_done(path: Path) -> None:
    with Output(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_files_of_others_are_not_taken(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FormatError, match="did not write"):
        Output(path, resume=True)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_text_of_one_picture_is_bare(tmp_path: Path) -> None:
    for resume in (False, True):
        with Output(tmp_path / "out.txt", alone=True, resume=resume) as output:
            output.write(ROWS[0])
            output.finish(PATHS[:1])
        assert (tmp_path / "out.txt").read_text() == "12 3\n?5\n"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"must end in \.csv, \.json, \.jsonl, \.txt"):
        Output(tmp_path / "out.xls")
    with pytest.raises(StorageError, match="it is a folder"):
        Output(tmp_path / "out.csv")
    with pytest.raises(StorageError, match="choose another place"):
        Output(tmp_path / "file" / "out.csv")


def test_rows_that_an_earlier_version_was_killed_at_are_kept(tmp_path: Path) -> None:
    """Also where the kill came inside of a name that holds the end of a line."""
    head = "path,text,sure,digits,lowest_probability,error\n"
    for raw, kept in (
        (f'{head}a.png,7,true,1,0.9,\n"b\n', ["a.png"]),
        (f"{head}a.png,7,true,1,0.9,\nb.png,7,tr", ["a.png"]),
    ):
        (tmp_path / "out.csv.part").write_text(raw)
        with Output(tmp_path / "out.csv", resume=True) as output:
            assert list(output.kept) == kept
            output.finish(kept)
        assert (tmp_path / "out.csv").read_text() == f"{head}a.png,7,true,1,0.9000,\n"


@pytest.mark.parametrize(
    "line", ['{"path": 3}', '{"path": "a", "text": 1, "error": null}', "[" * 5000, "{}", '{"path": "a", "text": ""}']
)
def test_rows_of_others_are_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "out.csv.part").write_text(f"{line}\n")
    with pytest.raises(FormatError, match="did not write"):
        Output(tmp_path / "out.csv", resume=True)


def test_rows_are_on_the_disk_soon_without_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Event()
    with Output(path) as output:
        monkeypatch.setattr(os, "fsync", lambda _: synced.set())
        output.write(ROWS[0])
        assert synced.wait(30)
