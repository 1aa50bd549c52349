"""Studies: many seeds, two recipes, what is kept, and going on after every kind of end."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from conftest import Cli, draw_digits, write_idx
from learn.trainings import same, stopped, weights
from tenfold.errors import DataError, RunError, StorageError, UsageError
from tenfold.learn.recipes.presets import resolve
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import statistics
from tenfold.learn.search.study import Group, Study, claimed, labels, study
from tenfold.learn.training.runs import Run
from tenfold.learn.training.start import train

SMALL = Recipe(name="small", network="mlp", hidden=(16,), epochs=2, batch_size=32, lr=1e-2, dropout=0.2)


def scores(found: Study) -> list[float]:
    return [row["val_loss"] for row in found.group.rows]


def test_scores_over_seeds_are_those_of_single_trainings(data: Path, here: Path) -> None:
    import torch

    found = study(SMALL, seeds=3, data=data, jobs=1, quiet=True)
    assert found.path == Path("runs") / f"study-small-data={str(data).replace('/', '_')}"
    assert [row["seed"] for row in found.group.rows] == [0, 1, 2]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        run = train(SMALL, data=data, seed=2, out=here / "alone", quiet=True)
    finally:
        torch.set_num_threads(threads)
    assert run.model().metrics["val_loss"] == found.group.rows[2]["val_loss"]
    accuracies = [row["val_accuracy"] for row in found.group.rows]
    assert found.group.summary == statistics.summary(accuracies, statistics.FRACTION)
    told = json.loads(found.as_json())
    assert told["mean"] == pytest.approx(sum(accuracies) / 3)
    assert told["n"] == 3
    assert told["low"] < told["mean"] < told["high"]
    # Each seed is a run like any other, without the checkpoint that is of no more use.
    kept = Run.open(found.path / "seeds" / "002")
    assert kept.model().recipe.seed == 2
    assert not kept.checkpoint_file.exists()
    assert (found.path / "study.png").read_bytes().startswith(b"\x89PNG")
    assert (found.path / "study.csv").read_text().count("\n") == 4
    # More seeds add to it, and nothing is trained twice.
    before = {path: path.stat().st_mtime_ns for path in found.path.glob("seeds/*/model.safetensors")}
    more = study(SMALL, seeds=4, data=data, jobs=1, quiet=True)
    assert scores(more)[:3] == scores(found)
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    # Fewer sum up those that are asked for.
    two = study(SMALL, seeds=2, data=data, jobs=1, quiet=True).group.summary
    assert two == statistics.summary(accuracies[:2], statistics.FRACTION)


def test_two_recipes_are_compared_seed_by_seed(data: Path, here: Path, tenfold_cli: Cli) -> None:
    SMALL.save(here / "small.json")
    command = ["study", "small.json", "lr=1e-5", "--against", "small.json", "--seeds", 3, "--data", data, "--jobs", 1]
    status, out, err = tenfold_cli(*command)
    assert status == 0, err
    assert "runs/study-small-lr=1e-05-against-small" in out
    assert "small lr=1e-05 against small lr=0.01: -" in out
    assert "3 seeds tell nothing about luck: 2 more are needed" in out
    assert "6 trainings by 1 process of this machine, 1 thread each" in err
    status, out, _ = tenfold_cli(*command, "--json")
    told = json.loads(out)
    assert told["difference"]["mean"] == pytest.approx(told["mean"] - told["against"]["mean"])
    assert told["difference"]["losses"] == 3
    assert told["fields"]["lr"] == 1e-5
    assert told["against"]["fields"]["lr"] == 1e-2


def test_the_test_set_is_read_only_when_asked_for(tmp_path: Path, here: Path) -> None:
    data = write_idx(tmp_path / "data", draw_digits(600), draw_digits(200, seed=1))
    images = data / "t10k-images-idx3-ubyte"
    content = images.read_bytes()
    images.unlink()  # what is not there cannot be read
    (data / "t10k-labels-idx1-ubyte.gz").rename(tmp_path / "labels.gz")
    found = study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
    assert "test_accuracy" not in found.group.rows[0]
    images.write_bytes(content)
    (tmp_path / "labels.gz").rename(data / "t10k-labels-idx1-ubyte.gz")
    tested = study(SMALL, seeds=2, data=data, out="s", test=True, jobs=1, quiet=True)
    assert tested.split == "test"
    assert [0 < row["test_accuracy"] <= 1 for row in tested.group.rows] == [True, True]
    accuracies = [row["test_accuracy"] for row in tested.group.rows]
    assert tested.group.summary == statistics.summary(accuracies, statistics.FRACTION)


def test_seeds_that_diverge_are_told_and_left_out(data: Path, here: Path, tenfold_cli: Cli) -> None:
    SMALL.changed(optimizer="sgd", lr=1e30).save(here / "wild.json")
    status, _, err = tenfold_cli("study", "wild.json", "--seeds", "1", "--data", data, "--jobs", 1)
    assert status == 1
    assert "none of the 1 trainings finished" in err
    assert "the loss became" in err
    SMALL.save(here / "small.json")
    status, out, err = tenfold_cli(
        "study", "small.json", "--against", "wild.json", "--seeds", 1, "--data", data, "--jobs", 1
    )
    assert status == 1
    assert "1 of the trainings failed and are left out, first seed 0: the loss became" in err
    assert "small" in out


def test_what_every_training_would_refuse_is_refused_at_once(data: Path, here: Path) -> None:
    options: list[tuple[str, dict[str, Any]]] = [
        ("batch of 5,000", {"batch_size": 5000}),
        ("nowhere", {"data": here / "nowhere"}),
        ("leave nothing", {"network": "cnn", "channels": (2,) * 20}),
        ("task", {"task": "primes"}),
        (r"\(final.*with --test", {"final": True}),
        (r"\(val_size.*with --test", {"val_size": 0}),
    ]
    for says, wrong in options:
        with pytest.raises((DataError, UsageError), match=says):
            study(SMALL, quiet=True, **{"data": data, **wrong})
    assert not Path("runs").exists()
    with pytest.raises(UsageError, match="--seeds must be 1 or more, not 0"):
        study(SMALL, seeds=0)
    with pytest.raises(UsageError, match="both recipes are the same"):
        study(SMALL, against=SMALL.changed(name="other"), common={"data": data})


def test_a_folder_holds_one_study(data: Path, here: Path) -> None:
    study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
    with pytest.raises(RunError, match=r"recipe\.lr"):
        study(SMALL, seeds=1, data=data, lr=1e-3, out="s", quiet=True)
    with pytest.raises(RunError, match="threads"):
        study(SMALL, seeds=1, data=data, threads=2, out="s", quiet=True)
    (here / "full").mkdir()
    (here / "full" / "letter.txt").write_text("mine")
    with pytest.raises(StorageError, match="is not empty"):
        study(SMALL, seeds=1, data=data, out="full", jobs=1, quiet=True)
    with claimed(here / "s"), pytest.raises(StorageError, match="another process works in"):
        study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
    (here / "s" / "study.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)


def test_changed_data_is_noticed(tmp_path: Path, here: Path) -> None:
    data = write_idx(tmp_path / "data", draw_digits(300))
    study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
    write_idx(tmp_path / "data", draw_digits(300, seed=5))
    with pytest.raises(RunError, match="the data changed"):
        study(SMALL, seeds=2, data=data, out="s", jobs=1, quiet=True)


def test_recipes_of_one_name_are_told_apart_by_their_fields(data: Path, here: Path) -> None:
    found = study(SMALL, seeds=1, against=SMALL, dropout=0.0, common={"data": data}, jobs=1, quiet=True)
    assert labels(found) == ["small dropout=0.0", "small dropout=0.2"]


def test_networks_of_ones_own_are_told_apart_by_their_names(here: Path) -> None:
    code = "from torch import nn\ndef {}(classes): return nn.Sequential(nn.Flatten(), nn.Linear(784, classes))\n"
    (here / "mine.py").write_text(code.format("one") + code.format("two"))
    one, two = (Group(resolve("mlp", network=f"mine.py:{name}"), (), {}, None) for name in ("one", "two"))
    assert labels(Study(here, "validation", one, two)) == ["mlp network=mine.py:one", "mlp network=mine.py:two"]


LONG = SMALL.changed(name="long", epochs=30)


@pytest.fixture(scope="module")
def unstopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of LONG that nothing stopped."""
    return study(LONG, seeds=2, data=data, jobs=1, out=tmp_path_factory.mktemp("unstopped") / "s", quiet=True).path


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_same_command_resumes_in_the_middle_of_a_training(
    data: Path, here: Path, unstopped: Path, tenfold_cli: Cli, how: signal.Signals
) -> None:
    LONG.save(here / "long.json")
    words = ["study", "long.json", "--seeds", 2, "--jobs", 1, "--out", "s", "--data", data]
    done = stopped(how, *words)
    assert done.returncode == (130 if how == signal.SIGINT else -9)
    if how == signal.SIGINT:
        assert "stopped after 1 of 2 trainings; the same command resumes" in done.stderr
    metrics = Path("s/seeds/001/metrics.csv")
    before = metrics.read_text()
    assert 3 <= before.count("\n") < 31  # the names and two epochs, and those that a process did until it noticed
    assert tenfold_cli(*words).status == 0
    assert metrics.read_text().startswith(before)  # resumed, not begun again
    for seed in ("000", "001"):
        assert same(weights(Path("s/seeds") / seed), weights(unstopped / "seeds" / seed))


def test_a_damaged_row_of_a_training_is_made_again(data: Path, here: Path) -> None:
    before = study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
    for text in ("{}", "[" * 5000, '{"seed": "x"}', "null"):
        (here / "s" / "seeds" / "000" / "result.json").write_text(text)
        again = study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
        assert again.group.rows[0]["val_accuracy"] == before.group.rows[0]["val_accuracy"]
    for text in ("[" * 5000, '{"settings": {"recipe": {"lr": -1}}}', '{"settings": 3}'):
        (here / "s" / "study.json").write_text(text)
        with pytest.raises(RunError, match="is damaged"):
            study(SMALL, seeds=1, data=data, out="s", jobs=1, quiet=True)
