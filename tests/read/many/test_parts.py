"""A folder of parts: planned once, written twice to the same bytes, and nothing of others harmed."""

import gzip
from pathlib import Path

import pytest

from tenfold.errors import DataError, FormatError, StorageError, UsageError
from tenfold.read.many import parts
from tenfold.read.many.outputs import COLUMNS, Output
from tenfold.read.many.parts import is_folder, settle
from tenfold.read.many.rows import Row
from tenfold.read.reading import Digit, Reading

parquet = pytest.importorskip("pyarrow.parquet")
PATHS = [f"{k}.png" for k in range(7)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LEAST", 3)


def row(path: str, *values: str, sure: bool = True) -> Row:
    digits = tuple(Digit(value, 0.75, {value: 0.75}, (0, 0, 1, 1), sure) for value in values)
    return Row(path, Reading(digits, path))


ROWS = [
    row("1.png", "7", "1"),
    row("2.png"),
    Row("3.png", error="cannot read 3.png: it is damaged"),
    row("=4.png", "5", sure=False),
    row("'ü\udcff\n.png", "6"),
]


def test_a_plan_is_settled_once(tmp_path: Path) -> None:
    plan, known = settle(f"{tmp_path}/out/", PATHS, {"model": "a"})
    assert (list(plan.sizes), plan.suffix, plan.left(), known) == ([3, 3, 1], ".parquet", [0, 1, 2], False)
    assert [plan.pictures(number) for number in range(3)] == [PATHS[:3], PATHS[3:6], PATHS[6:]]
    plan.write(1, ROWS)
    again, known = settle(f"{tmp_path}/out", iter(["not", "these"]), {"model": "a"})
    assert (again.left(), known, again.pictures(0)) == ([0, 2], True, PATHS[:3])
    with pytest.raises(UsageError, match="was started with another model"):
        settle(f"{tmp_path}/out/", PATHS, {"model": "b"})


def test_a_part_written_twice_is_the_same(tmp_path: Path) -> None:
    plan, _ = settle(f"{tmp_path}/out/", PATHS, {})
    plan.write(0, ROWS)
    place = tmp_path / "out" / "00000000.parquet"
    before = place.read_bytes()
    plan.write(0, ROWS)
    assert place.read_bytes() == before
    table = parquet.read_table(tmp_path / "out")  # the plan is no data
    assert tuple(table.column_names) == COLUMNS
    assert table.num_rows == len(ROWS)


def test_parts_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST", 12)
    plan, _ = settle(f"{tmp_path}/out/", map(str, range(1000)), {})
    assert sum(plan.sizes) == 1000
    assert (plan.sizes[0], max(plan.sizes)) == (3, 12)
    assert list(plan.sizes[:-1]) == sorted(plan.sizes[:-1])


def test_a_plan_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    def cut_off() -> object:
        yield from PATHS[:5]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle(f"{tmp_path}/out/", cut_off(), {})  # type: ignore[arg-type]
    plan, known = settle(f"{tmp_path}/out/", PATHS, {})
    assert (list(plan.sizes), known) == ([3, 3, 1], False)


def test_what_is_there_is_not_harmed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="holds other files"):
        settle(str(tmp_path), PATHS, {})
    plan, _ = settle(f"{tmp_path}/out/", PATHS, {})
    (tmp_path / "out/_plan/00000000.gz").write_bytes(gzip.compress(b"x")[:-3])
    with pytest.raises(FormatError, match="is damaged: remove its folder"):
        plan.pictures(0)
    (tmp_path / "out/_plan/00000000.gz").unlink()
    with pytest.raises(DataError, match="there is no plan "):
        plan.pictures(0)
    (tmp_path / "out/_plan/plan.json").write_text("{")
    with pytest.raises(FormatError, match="is damaged"):
        settle(f"{tmp_path}/out/", PATHS, {})


def test_what_a_folder_of_parts_is(here: Path) -> None:
    (here / "there").mkdir()
    assert all(is_folder(name) for name in ("there", "new/", "s3://bucket/x.csv", "file:///x"))
    assert not any(is_folder(name) for name in ("new", "new.csv", "c:new"))
    formats = [settle(f"{here}/x{k}{end}/", [], {})[0].suffix for k, end in enumerate(("", ".csv", ".jsonl", ".txt"))]
    assert formats == [".parquet", ".csv", ".jsonl", ".parquet"]


def test_csv_and_json_parts(tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl"):
        plan, _ = settle(f"{tmp_path}/out{suffix}/", PATHS, {})
        plan.write(0, ROWS)
        with Output(tmp_path / f"one{suffix}") as output:
            for each in ROWS:
                output.write(each)
            output.finish([each.path for each in ROWS])
        assert (tmp_path / f"out{suffix}/00000000{suffix}").read_bytes() == (tmp_path / f"one{suffix}").read_bytes()


def test_a_parquet_file_is_typed_and_can_be_resumed(tmp_path: Path) -> None:
    place = tmp_path / "out.parquet"
    paths = [each.path for each in ROWS]
    with Output(place) as output:
        for each in ROWS:
            output.write(each)
        output.finish(paths)
    found = parquet.read_table(place).to_pylist()
    none = dict.fromkeys(COLUMNS)
    assert found[0] == {**none, "path": "1.png", "text": "71", "sure": True, "digits": 2, "lowest_probability": 0.75}
    assert found[2] == {**none, "path": "3.png", "text": "", "error": "cannot read 3.png: it is damaged"}
    assert (found[3]["path"], found[4]["path"]) == ("=4.png", "'ü\\udcff\n.png")
    before = place.read_bytes()
    with Output(place, resume=True) as output:
        assert [(path, record.read, record.sure) for path, record in output.kept.items()] == [
            *[(paths[0], True, True), (paths[1], True, False), (paths[2], False, False)],
            *[(paths[3], True, False), (paths[4], True, True)],
        ]
        output.finish(paths)
    assert place.read_bytes() == before
    place.write_bytes(b"no Parquet")
    with pytest.raises(FormatError, match="did not write"):
        Output(place, resume=True)
