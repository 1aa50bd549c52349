from pathlib import Path
from typing import Any

import pytest
from torch import nn

import tenfold
from learn.trainings import TINY
from tenfold.errors import RunError, StorageError, UsageError
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training import runs
from tenfold.learn.training.runs import Run, all_runs, create, find_model, newest


def test_runs_are_found_newest_first(data: Path, here: Path) -> None:
    assert newest() is None
    with pytest.raises(RunError, match="there is no finished run in runs: `tenfold train` makes one"):
        find_model(None)
    first = tenfold.train("mlp", data=data, epochs=1, **TINY)
    second = tenfold.train("mlp", seed=1, data=data, epochs=1, **TINY)
    (here / "runs" / "broken").mkdir()
    (here / "runs" / "broken" / "recipe.json").write_text("{")
    assert [r.path for r in all_runs()] == [second.path, first.path]
    (second.model_file).unlink()
    finished = newest()
    assert finished is not None
    assert finished.path == first.path
    assert Run.open(first.path.name).path == first.path
    with pytest.raises(RunError, match="has no model yet: resume it with `tenfold train --resume"):
        find_model(second.path)
    model, its_run, _ = find_model(first.model_file)
    assert its_run is not None  # a file in a run stands for the run
    assert its_run.path == first.path
    (here / "alone.safetensors").write_bytes(first.model_file.read_bytes())
    model, its_run, _ = find_model(here / "alone.safetensors")
    assert its_run is None
    assert model.recipe.name == "mlp"


def test_without_out_a_run_is_named_for_its_time_and_recipe(here: Path) -> None:
    first, second = (create(RECIPES["mlp"]) for _ in range(2))
    assert first.path.parent == Path("runs")
    assert first.path.name.split("-")[2] == "mlp"
    assert first.path != second.path


def test_damaged_rows_are_named(run: Run) -> None:
    assert run.evaluation is None
    (run.path / "evaluation.json").write_text("[")
    assert run.evaluation is None
    (run.path / "metrics.csv").write_text("epoch\nx\n")
    with pytest.raises(RunError, match=r"cannot read .*metrics\.csv, it is damaged"):
        _ = run.metrics


@pytest.mark.parametrize("name", ["recipe.json", "metrics.csv", "steps.csv"])
def test_a_flipped_bit_beside_the_model_is_found(run: Run, name: str) -> None:
    raw = bytearray((run.path / name).read_bytes())
    raw[-5] ^= 1
    (run.path / name).write_bytes(raw)
    with pytest.raises(RunError, match=rf"cannot read .*{name}, it is damaged"):
        run.model() if name == "recipe.json" else getattr(run, name.partition(".")[0])


def test_what_a_kill_left_before_the_first_checkpoint_is_gone_on_with(data: Path, here: Path) -> None:
    wanted = tenfold.train("mlp", data=data, epochs=1, out="whole", **TINY)
    (here / "r").mkdir()
    (here / "r" / ".recipe.json.00000000-1.part").write_text("{")
    tenfold.train("mlp", data=data, epochs=1, out="r", **TINY)
    for name in ("a", "b"):
        (here / name).mkdir()
        (here / name / "recipe.json").write_bytes((wanted.path / "recipe.json").read_bytes())
    tenfold.train("mlp", data=data, epochs=1, out="a", **TINY)
    tenfold.train(resume="b", quiet=True)
    losses = {name: [row["val_loss"] for row in Run.open(here / name).metrics] for name in ("whole", "r", "a", "b")}
    assert len(set(map(str, losses.values()))) == 1
    (here / "c").mkdir()
    (here / "c" / "recipe.json").write_text("{}")
    with pytest.raises(StorageError, match="not empty"):  # begun with another recipe
        tenfold.train("mlp", data=data, epochs=1, out="c", **TINY)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (nn.Linear, "not the class Linear"),
        (nn.Linear(784, 10).state_dict(), "not OrderedDict"),
        (3, "not int"),
    ],
)
def test_what_is_no_model(target: Any, says: str) -> None:
    with pytest.raises(UsageError, match=f"a Model or an nn.Module that has learnt is wanted, {says}"):
        find_model(target)


def test_a_model_is_itself(trained: Run) -> None:
    model = trained.model()
    assert find_model(model)[0] is model
    assert runs.title(model, None) == model.recipe.name
    assert runs.title(nn.Linear(2, 2), None) == "Linear"
    with pytest.raises(UsageError, match="a run knows its own"):
        find_model(model, normalise=(0.5, 0.5))
