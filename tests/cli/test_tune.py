import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Cli
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import tuning
from tenfold.learn.search.report import Confirmed
from tenfold.learn.search.tuning import Tuning

FOUND = Tuning(
    Path("t"),
    "loss",
    {"complete": 3, "pruned": 1, "failed": 0},
    (Confirmed("trial 2", Recipe(lr=0.1), (0.1, 0.2)), Confirmed("as it was", Recipe(), (0.3, 0.4))),
    Recipe(lr=0.1),
    Path("t/report.html"),
)


def test_the_confirmed_are_a_table(monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli) -> None:
    calls: list[dict[str, Any]] = []

    def tune(recipe: str, **given: Any) -> Tuning:
        calls.append({"recipe": recipe, **given})
        return FOUND

    monkeypatch.setattr(tuning, "tune", tune)
    words = ["tune", "mlp", "lr=1e-3..1:log", "--search", "hidden=8,16 epochs=2", "--timeout", "2m", "--no-prune"]
    done = tenfold_cli(*words, "--objective", "loss", "--trials", 4)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("trials: 3 complete, 1 pruned\n")
    assert [line.split()[:2] for line in done.out.splitlines() if line.endswith("  2")] == [
        ["trial", "2"],
        ["as", "it"],
    ]
    assert "The recipe as it was: 0.3500 ± 0.0707. Seed by seed the difference is -0.2000; 2 seeds tell" in done.out
    assert "train the best: tenfold train t/best.json\nthe report: t/report.html\n" in done.out
    assert calls[0]["search"] == ["hidden=8,16", "epochs=2", "lr=1e-3..1:log"]
    assert (calls[0]["timeout"], calls[0]["prune"], calls[0]["trials"]) == (120, False, 4)
    told = json.loads(tenfold_cli(*words, "--json").out)
    assert told["mean"] == pytest.approx(0.15)
    best, was = told["confirmed"]
    assert (best["difference"]["mean"], best["difference"]["comparisons"]) == (pytest.approx(-0.2), 1)
    assert was["difference"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--trials 0", "--trials must be 1 or more, not 0"),
        ("--seeds -1", "--seeds must be 0 or more, not -1"),
        ("--timeout soon", "--timeout must be seconds, or as in 30m or 2h, not soon"),
        ("--timeout 0", "above 0"),
        ("--objective auc", "accuracy or loss"),
        ("--on spark", "unknown engine"),
        ("--address auto", "--on ray"),
        ("--search lr=3..2", "lower to a higher"),
        ("final=true", "nothing else to choose by"),
        ("val_size=0", "nothing else to choose by"),
        ("batch_size=50000..60000", "larger than"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_made(
    data: Path, here: Path, tenfold_cli: Cli, words: str, says: str
) -> None:
    done = tenfold_cli("tune", *words.split(), "--data", data)
    assert done.status in (1, 2)
    assert says in done.err
    assert list(here.iterdir()) == []
