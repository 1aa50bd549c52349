import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Cli
from tenfold.cli.study import difference
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import statistics
from tenfold.learn.search import study as studies
from tenfold.learn.search.study import Group, Study


def group(name: str, scores: list[float], **failed: str) -> Group:
    rows = tuple({"seed": k, "val_accuracy": score, "seconds": 2.0} for k, score in enumerate(scores))
    return Group(Recipe(name=name), rows, {int(k[1:]): why for k, why in failed.items()}, statistics.summary(scores))


def test_two_recipes_are_a_table_and_a_sentence(monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli) -> None:
    one, two = [0.91, 0.93, 0.92, 0.93, 0.92], [0.90, 0.91, 0.91, 0.91, 0.90]
    calls: list[dict[str, Any]] = []

    def study(recipe: str, **given: Any) -> Study:
        calls.append({"recipe": recipe, **given})
        compared = statistics.paired(one, two)
        return Study(Path("s"), "validation", group("mlp", one), group("mish", two, s3="the loss became nan"), compared)

    monkeypatch.setattr(studies, "study", study)
    words = ["study", "mlp", "lr=0.1", "--against", "mish", "--seeds", 4, "--data", "d", "--jobs", 1, "--out", "s"]
    done = tenfold_cli(*words)
    assert done.status == 1  # as one failed
    assert "1 of the trainings failed and are left out, first seed 3: the loss became nan" in done.err
    assert "92.200%" in done.out
    assert "mlp against mish: +1.60 points (95 % interval " in done.out
    assert "better with 5 of 5 seeds): more than the luck of the seeds\n" in done.out
    assert "the runs, a table and a figure: s" in done.out
    assert (calls[0]["recipe"], calls[0]["lr"], calls[0]["common"]) == ("mlp", 0.1, {"data": "d"})
    assert (calls[0]["against"], calls[0]["seeds"], calls[0]["jobs"], calls[0]["out"]) == ("mish", 4, 1, Path("s"))
    told = json.loads(tenfold_cli(*words, "--json").out)
    assert told["mean"] == pytest.approx(0.922)
    assert told["against"]["failed"] == {"3": "the loss became nan"}


def test_a_difference_says_how_sure_it_is() -> None:
    one = difference(statistics.paired([0.9], [0.8]), "a", "b")
    assert one == "a against b: +10.00 points; one seed tells nothing about luck: 4 more are needed"
    unsure = statistics.paired([0.9, 0.8, 0.9, 0.7, 0.8], [0.8, 0.9, 0.9, 0.8, 0.7])
    assert "that may be luck" in difference(unsure, "a", "b")


def test_one_seed_has_no_deviation(monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli) -> None:
    found = Study(Path("s"), "validation", group("mlp", [0.9]))
    monkeypatch.setattr(studies, "study", lambda *_, **__: found)
    told = json.loads(tenfold_cli("study", "mlp", "--seeds", 1, "--json").out)
    assert (told["n"], told["mean"], told["deviation"], told["low"]) == (1, 0.9, None, None)
    lines = tenfold_cli("study", "mlp", "--seeds", 1).out.splitlines()
    assert lines[1].split() == ["mlp", "90.000%", "1", "2.0"]
