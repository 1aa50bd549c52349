"""What can be done with a training that has finished: score it once on the test set, keep it, read with it."""

import shutil
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.learn.export.onnx import export
from tenfold.learn.scoring import evaluation, matrix
from tenfold.learn.training import runs
from tenfold.play.initial import INITIAL
from tenfold.play.session import Track


def evaluate(track: Track, data: str | None) -> dict[str, Any]:
    """Score it on the test set of `data`, None is MNIST's, with the digits behind each number of its errors.

    The test set is asked once; after that the answer is the same. Raises DataError where there is no test set.
    """
    if track.evaluation is not None:
        return track.evaluation
    run = track.watch.run
    assert run is not None
    scored = evaluation.score(run, data=data or "mnist")
    files.text(run.path / "evaluation.json", scored.evaluation.as_json() + "\n")
    found, (sureness, answers) = scored.evaluation, (each.numpy() for each in scored.probabilities.max(1))
    track.evaluation = {
        "accuracy": found.accuracy,
        "interval": found.interval,
        "mistakes": len(found.mistakes),
        "n": found.n,
        "data": found.data,
        "matrix": matrix.html(scored.digits, answers, sureness, scored.index, tuple(c.name for c in found.classes)),
    }
    return track.evaluation


def keep(track: Track) -> dict[str, Any]:
    """Keep it as a run like any other. Raises StorageError."""
    if track.kept is None:
        assert track.watch.run is not None
        there = runs.create(track.watch.run.recipe)
        shutil.copytree(track.watch.run.path, there.path, dirs_exist_ok=True)
        if track.recipe.init is not None:
            shutil.copy(track.recipe.init, there.path / INITIAL)
        track.kept, track.watch.run = there.path, runs.Run.open(there.path)
    begun_from = None if track.begun_from is None else INITIAL
    return {"kept": str(track.kept), "changed_rate": track.watch.changed_rate, "initial": begun_from}


def model_file(track: Track) -> Path:
    """Write it as a file that reads pictures. Takes seconds. Raises MissingExtra, StorageError."""
    assert track.watch.run is not None
    return export(track.watch.run)
