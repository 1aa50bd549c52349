"""Several processes that train together, started by torchrun as a user would."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from conftest import until, write_idx
from learn.trainings import weights
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.stopping import Stop
from tenfold.learn.training import checkpoint, ranks
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
# Without what each process draws for itself, with gentle steps, and without ReLU, which a rounding may tip over
# (weights were 1e-4 apart on one processor, below 1e-5 on another): then averaged gradients are those of the batch.
GENTLE = (
    *("train", "mlp", "hidden=none", "dropout=0", "device=cpu"),
    *("optimizer=sgd", "lr=0.01", "momentum=0.5", "batch_size=20"),
)


def torchrun(size: int, *words: object) -> list[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
    return [*command, "-m", "tenfold", *map(str, words)]


def finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=ENVIRONMENT)


def apart(first: Path, second: Path) -> float:
    """The largest difference between the weights of two runs."""
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


def reported(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if line.startswith("tenfold: ")]


class Part(ranks.SingleProcess):
    """One of several processes that do not talk."""

    def __init__(self, rank: int, size: int) -> None:
        super().__init__()
        self.rank, self.size = rank, size


def test_a_single_process_shares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    network = networks.build(RECIPES["mlp"])
    with ranks.joined(Stop()) as group:
        assert ranks.first()
        assert (group.first, group.size) == (True, 1)
        assert group.wrap(network, torch.device("cpu")) is network
        assert range(7)[group.rows(7)] == range(7)
        assert not group.poll_stop()
        group.stop.asked = True
        assert group.poll_stop(3)


@pytest.mark.parametrize(("count", "size"), [(128, 2), (50, 4), (7, 7), (3, 5), (10_000, 3)])
def test_rows_are_dealt_out_evenly_and_all(count: int, size: int) -> None:
    parts = [range(count)[Part(rank, size).rows(count)] for rank in range(size)]
    assert [row for part in parts for row in part] == [*range(count)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("name", ["mps", "cuda:1"])
def test_devices_that_several_processes_cannot_share(name: str) -> None:
    group = object.__new__(ranks.ProcessGroup)
    with pytest.raises(UsageError, match=f"--device must be cuda or cpu for several processes, not {name}"):
        group.device(name)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 of MNIST's digits."""
    digits = embedded.read("train")
    return write_idx(tmp_path_factory.mktemp("some"), Digits(digits.images[:3000], digits.labels[:3000]))


@pytest.fixture(scope="module")
def alone(some: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process over these digits."""
    out = tmp_path_factory.mktemp("alone") / "run"
    done = finished([sys.executable, "-m", "tenfold", *GENTLE, "epochs=3", f"data={some}", "--out", str(out)])
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(some: Path, alone: Path, tmp_path: Path) -> None:
    done = finished(torchrun(2, *GENTLE, "epochs=3", f"data={some}", "--out", tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 3/3") == 1
    assert "Warning" not in done.stderr
    names = {"recipe.json", "metrics.csv", "steps.csv", "last.ckpt", "model.safetensors", "curves.png"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == names
    assert apart(tmp_path / "run", alone) < 1e-6  # after 375 steps in single precision
    one, two = Run.open(alone), Run.open(tmp_path / "run")
    for ours, theirs in zip(one.metrics, two.metrics, strict=True):
        assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, abs=2e-5)
    assert len(one.steps) == len(two.steps)


@pytest.mark.slow
def test_batch_normalisation_dropout_and_augmentation_are_each_process_s_own(some: Path, tmp_path: Path) -> None:
    words = ("train", "fast", "dropout=0.2", "augment=rotate=10,shift=1", "epochs=2", f"data={some}", "device=cpu")
    done = finished(torchrun(2, *words, "--out", tmp_path / "run", "-q"))
    assert done.returncode == 0, done.stderr
    accuracy = Run.open(tmp_path / "run").metrics[-1]["val_accuracy"]
    assert accuracy is not None
    assert accuracy > 0.85


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes in /proc")
@pytest.mark.parametrize("how", ["killed", "Ctrl-C"])
def test_a_run_that_was_stopped_is_resumed(some: Path, alone: Path, tmp_path: Path, how: str) -> None:
    out = tmp_path / "run"
    command = torchrun(2, *GENTLE, "epochs=3", f"data={some}", "--out", out)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            metrics = out / "metrics.csv"
            until(lambda: metrics.is_file() and metrics.read_text().count("\n") > 1, process)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert len(children) == 2
            if how == "Ctrl-C":
                for child in children:  # as a terminal does
                    os.kill(int(child), signal.SIGINT)
            else:
                os.kill(int(children[1]), signal.SIGKILL)
            _, errors = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode != 0
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    assert not (out / "model.safetensors").exists()
    state = checkpoint.load(out / "last.ckpt")
    assert (1, 0) <= (state["epoch"], state["step"]) < (3, 0)
    lines = reported(errors)
    if how == "Ctrl-C":
        assert lines, errors
        assert all(line.startswith("tenfold: stopped ") for line in lines)
    # Where one was killed, torchrun may end the other before it notices.
    assert all(f"tenfold train --resume {out}" in line for line in lines)
    done = finished([sys.executable, "-m", "tenfold", "train", "--resume", str(out)])
    assert done.returncode == 0, done.stderr
    assert apart(out, alone) < 1e-6


@pytest.mark.slow
def test_one_program_trains_several_times(some: Path, tmp_path: Path) -> None:
    program = tmp_path / "twice.py"
    program.write_text(f"""
import tenfold
words = dict(data={str(some)!r}, epochs=1, quiet=True)
try:
    tenfold.train("mlp", lr=1e9, optimizer="sgd", out="{tmp_path}/diverged", **words)
except tenfold.errors.DivergedError:
    print("diverged")
for seed in range(2):
    tenfold.train("mlp", seed=seed, out="{tmp_path}/seed-%s" % seed, **words)
""")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)]
    done = finished(launcher)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("diverged") == 2
    assert all(Run.open(tmp_path / f"seed-{seed}").finished for seed in range(2))


@pytest.mark.slow
def test_an_error_names_its_reason(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = finished(torchrun(2, "train", "mlp", f"data={data}", "batch_size=50", "device=cpu", "--out", tmp_path))
    assert done.returncode == 1
    assert any(f"{tmp_path} exists already and is not empty" in line for line in reported(done.stderr)), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
