import json
from pathlib import Path

from conftest import Cli
from learn.trainings import TINY
from tenfold.learn.train import train
from tenfold.learn.training.runs import Run


def test_runs_are_joined_and_distilled(trained: Run, data: Path, here: Path, tenfold_cli: Cli) -> None:
    other = train("mlp", data=data, out="other", epochs=1, seed=1, **TINY)
    small = {"name": "small", "network": "mlp", "hidden": [8], "batch_size": 50, "data": str(data)}
    Path("small.json").write_text(json.dumps(small))
    done = tenfold_cli("ensemble", trained.path, other.path, "-o", "two", "--distil", "small.json", "epochs=1")
    assert done.status == 0, done.err
    assert "2 members, " in done.out
    assert "the run is in two; score it on the test set: tenfold evaluate two" in done.out
    student = Run.open("two-small").recipe
    assert student.teacher == str(Path("two").absolute())
    assert (student.teacher_weight, student.teacher_temperature, student.epochs) == (1.0, 3.0, 1)
    again = tenfold_cli("ensemble", trained.path, other.path, "-o", "two")
    assert (again.status, "is not empty" in again.err) == (1, True)
