"""A folder of Parquet: what it holds already, and nothing of others harmed."""

from functools import partial
from pathlib import Path

import pytest

from read.many.fakes import row
from tenfold.errors import FormatError, StorageError, UsageError
from tenfold.read.classifier import model_bytes
from tenfold.read.lines import BUNDLED
from tenfold.read.many import folder
from tenfold.read.many.outputs import summary, table
from tenfold.read.many.rows import Work
from tenfold.read.reader import Reader

parquet = pytest.importorskip("pyarrow.parquet")


def test_rows_that_are_there_are_kept_and_what_was_not_written_whole_is_removed(tmp_path: Path) -> None:
    place = f"{tmp_path}/out"
    assert folder.kept(place, {"model": "a"}) == set()
    paths = ["1.png", "ü\udcff\n.png"]
    parquet.write_table(table(summary(row(path, "7")) for path in paths), f"{place}/a.parquet")
    whole = (tmp_path / "out/a.parquet").read_bytes()
    (tmp_path / "out/b.parquet").write_bytes(whole[:-9])
    (tmp_path / "out/c.parquet").touch()
    assert folder.kept(place, {"model": "a"}) == set(paths)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["_settings.json", "a.parquet"]
    assert parquet.read_table(place).num_rows == 2  # the settings are no data


def test_what_is_there_is_not_harmed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="holds other files"):
        folder.kept(str(tmp_path), {})
    folder.kept(f"{tmp_path}/out/", {"model": "a", "single": True})
    with pytest.raises(UsageError, match="was started with another model: name another folder"):
        folder.kept(f"{tmp_path}/out/", {"model": "b", "single": True})
    (tmp_path / "out/_settings.json").write_text("{")
    with pytest.raises(FormatError, match="is damaged"):
        folder.kept(f"{tmp_path}/out/", {})


def test_what_a_folder_is(here: Path) -> None:
    (here / "there").mkdir()
    assert all(folder.is_folder(name) for name in ("there", "new/", "s3://bucket/x.csv", "file:///x"))
    assert not any(folder.is_folder(name) for name in ("new", "new.csv", "c:new"))


def test_terms_are_what_rows_depend_on() -> None:
    def terms(single: bool = False, **more: object) -> dict[str, object]:
        make = partial(Reader, model_bytes(), lines=model_bytes(BUNDLED), threads=1, **more)  # type: ignore[arg-type]
        return folder.terms(Work(make, single), ["scans"])

    usual = terms()
    assert usual == terms()
    for other, name in ((terms(True), "single"), (terms(threshold=0.3), "threshold"), (terms(decimal=","), "decimal")):
        assert [key for key in usual if other[key] != usual[key]] == [name]
