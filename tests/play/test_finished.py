"""What is done with a training that has finished."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tenfold.learn.scoring.evaluation import evaluate
from tenfold.learn.training.runs import Run
from tenfold.play import finished
from tenfold.play.knobs import Knobs
from tenfold.play.pace import Pace
from tenfold.play.session import Track
from tenfold.play.watching import Watch


@pytest.fixture
def track(run: Run) -> Track:
    watch = Watch(0, run.recipe, Pace(), lambda: None)
    watch.begin(run)
    return Track(Knobs(recipe="mlp"), run.recipe, None, run.path, watch, "finished")


def test_scores_are_those_of_evaluate(track: Track, run: Run, data: Path) -> None:
    found = finished.evaluate(track, str(data))
    wanted = evaluate(run, draw=False)
    assert (found["accuracy"], found["n"], found["mistakes"]) == (wanted.accuracy, 200, len(wanted.mistakes))
    assert run.evaluation is not None
    assert run.evaluation["accuracy"] == wanted.accuracy
    counts = [int(count) for count in re.findall(r'href="#c\d-\d">(\d+)<', found["matrix"])]
    assert sum(counts) == 200
    assert "data:image/png;base64," in found["matrix"]


def test_the_test_set_is_asked_once(track: Track, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = finished.evaluate(track, str(data))
    monkeypatch.setattr(finished, "evaluation", None)
    assert finished.evaluate(track, str(data)) is found


def test_a_run_is_kept_as_any_other(track: Track, run: Run, here: Path) -> None:
    told = finished.keep(track)
    kept = Run.open(told["kept"])
    assert kept.path.parent == Path("runs")
    assert kept.finished
    assert (kept.recipe, told["changed_rate"]) == (run.recipe, False)
    assert json.loads((kept.path / "recipe.json").read_text()) == json.loads((run.path / "recipe.json").read_text())
    assert finished.keep(track) == told  # and no second time
    assert len(list(Path("runs").iterdir())) == 1


@pytest.mark.slow
def test_a_model_that_reads(track: Track) -> None:
    from tenfold.read.classifier import Classifier

    assert Classifier(finished.model_file(track)).classes == tuple("0123456789")
