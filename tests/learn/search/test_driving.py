"""The folder of a tuning: what it holds, what may be asked of it, and what is said where it cannot be used."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from tenfold.errors import RunError, StorageError
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search.tuning import tune


def small(data: Path, **given: Any) -> None:
    recipe = Recipe(name="small", network="mlp", hidden=(8,), epochs=1, batch_size=32, data=str(data))
    usual = {"trials": 1, "search": ["lr=1e-4..1e-1:log"], "out": "t", "jobs": 1, "seeds": 0, "quiet": True}
    tune(recipe, **{**usual, **given})


def test_a_folder_holds_one_tuning(data: Path, here: Path) -> None:
    small(data)
    for change, told in (
        ({"lr": 2e-2}, r"recipe\.lr"),
        ({"objective": "loss"}, "objective"),
        ({"search": ["lr=1e-3..1"]}, "search"),
        ({"seed": 5}, "seed"),
        ({"threads": 2}, "threads"),
    ):
        with pytest.raises(RunError, match=told):
            small(data, **change)
    (here / "full").mkdir()
    (here / "full" / "letter.txt").write_text("mine")
    with pytest.raises(StorageError, match="is not empty"):
        small(data, out="full")
    with contextlib.closing(sqlite3.connect(here / "t" / "study.db")) as database:  # it can be read, and not written to
        database.execute("CREATE TRIGGER full BEFORE INSERT ON trials BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(RunError, match=r"cannot go on with .*study\.db: it is damaged, or cannot be written \(.*\)$"):
        small(data, trials=2)
    (here / "t" / "study.db").write_bytes(b"not a database at all, but long enough to look like one " * 100)
    with pytest.raises(RunError, match="damaged"):
        small(data)
