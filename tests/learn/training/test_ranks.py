"""Several processes that train together, started by torchrun as a user would."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from conftest import write_idx
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.digits import pictures
from tenfold.learn.digits.augment import Augmentation
from tenfold.learn.digits.parts import Part
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training import checkpoint, ranks
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
# Gentle steps, since a large rate makes a difference in the last digit grow tenfold every few steps.
GENTLE = [
    "-m",
    "tenfold",
    "train",
    "mlp",
    "--optimizer",
    "sgd",
    "--lr",
    "0.01",
    "--momentum",
    "0.5",
    "--batch-size",
    "20",
    "--device",
    "cpu",
]

# Every recipe in turn, in double precision, so that what is not the same is not rounding.
IN_DOUBLE = """
import sys
import torch
import tenfold
from tenfold.learn import inference, training
from tenfold.learn.recipes.presets import RECIPES

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.Tensor.float = lambda tensor: tensor.double()
training.grey = inference.grey = lambda images: images.unsqueeze(1).double().div_(255)
data, out = sys.argv[1:]
more = {
    "cnn": {"augment": "rotate=10,shift=1,elastic=1,erase=4", "label_smoothing": 0.1, "patience": 1},
    "cnn-sgd": {"batch_size": 51},
    "pictures": {"styles": 50, "outliers": 50, "amp": False, "lr": 0.01, "epochs": 1},
}
for name in RECIPES:
    options = {"batch_size": 50, "epochs": 2, "device": "cpu", **more.get(name, {})}
    tenfold.train(name, data=data, out=f"{out}/{name}", quiet=True, **options)
"""


def torchrun(size: int, *words: object) -> list[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
    return [*command, *map(str, words)]


def finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=ENVIRONMENT)


def apart(first: Path, second: Path) -> float:
    """The largest difference between the weights of two runs."""
    a, b = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


def told(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if line.startswith("tenfold: ")]


def from_tenfold(errors: str) -> bool:
    """Whether a traceback goes through our files; torchrun's own, when a rank fails, does not."""
    return "/tenfold/" in "".join(re.findall(r'File "(.*)"', errors))


def test_alone_there_is_nothing_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    network = networks.build(RECIPES["mlp"])
    with ranks.joined() as team:
        assert ranks.first()
        assert team.first
        assert team.parallel(network, team.part(7)) is network
        assert len(team.part(7)) == 7


@pytest.mark.parametrize(("count", "size"), [(128, 2), (50, 4), (7, 7), (3, 5), (10_000, 3)])
def test_rows_are_dealt_out_evenly_and_all(count: int, size: int) -> None:
    parts = [range(count)[ranks.Team(rank, size).rows(count)] for rank in range(size)]
    assert [row for part in parts for row in part] == [*range(count)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_cannot_be_shared() -> None:
    with pytest.raises(UsageError, match="--batch-size 3 makes no sense: it is shared by 4 ranks"):
        ranks.Team(1, 4).part(3)
    with pytest.raises(UsageError, match="--device mps is not for several ranks: give cuda"):
        ranks.Team(1, 4).device("mps")
    with pytest.raises(UsageError, match="--device cuda:1 is not for several ranks"):
        ranks.Team(1, 4).device("cuda:1")


@pytest.mark.parametrize("rows", [slice(0, 4), slice(4, 9)])
def test_a_part_of_a_batch_is_changed_as_in_the_whole(rows: slice) -> None:
    torch.manual_seed(0)
    ink, distances = torch.rand(9, 1, 28, 28), torch.randint(0, 200, (9, 56, 56), dtype=torch.uint8)
    part = Part(9, rows)
    augmentation = Augmentation.parse("rotate=15,shift=2,scale=0.1,shear=5,elastic=1,erase=6")

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(3)

    assert torch.allclose(augmentation(ink[rows], seeded(), part), augmentation(ink, seeded())[rows], atol=1e-6)
    whole = pictures.spoil(ink, distances, augmentation, seeded())
    assert torch.allclose(
        pictures.spoil(ink[rows], distances[rows], augmentation, seeded(), part), whole[rows], atol=1e-5
    )
    dropout = networks.Dropout(0.4)
    torch.manual_seed(1)
    blanked = dropout(ink.flatten(1))
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(ranks._Dropout(dropout, part)(ink[rows].flatten(1)), blanked[rows])
    assert torch.equal(torch.rand(1), after)  # what is drawn next is the same, too


def test_sigterm_waits_until_a_file_is_written() -> None:
    code = """
import os, signal, sys
from tenfold.learn import ranks
with ranks._unbroken():
    os.kill(os.getpid(), signal.SIGTERM)
    print("written", flush=True)
print("too late")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "written\n")


@pytest.mark.slow
def test_ctrl_c_ends_a_rank_that_waits_for_others_to_come() -> None:
    code = """
import os, signal, threading
from tenfold.learn import ranks
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
with ranks.joined():
    pass
"""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lonely = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT | lonely, check=False, timeout=30)
    assert done.returncode == -signal.SIGINT


@pytest.mark.slow
def test_two_ranks_learn_what_one_process_learns_by_every_recipe(data: Path, tmp_path: Path) -> None:
    script = tmp_path / "in_double.py"
    script.write_text(IN_DOUBLE)
    with subprocess.Popen([sys.executable, script, data, tmp_path / "one"], env=ENVIRONMENT) as alone:
        done = finished(torchrun(2, script, data, tmp_path / "two"))
        assert done.returncode == 0, done.stderr
    assert alone.returncode == 0
    for name in RECIPES:
        one, two = Run.open(tmp_path / "one" / name), Run.open(tmp_path / "two" / name)
        assert apart(one.path, two.path) < 1e-5, name
        assert len(one.metrics) == len(two.metrics)
        for ours, theirs in zip(one.metrics, two.metrics, strict=True):
            assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, abs=2e-6)
        assert [*map(len, one.steps)] == [*map(len, two.steps)]


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 of MNIST's digits."""
    digits = embedded.read("train")
    return write_idx(tmp_path_factory.mktemp("some"), Digits(digits.images[:3000], digits.labels[:3000]))


@pytest.fixture(scope="module")
def alone(some: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of one process over these digits, and what it printed."""
    out = tmp_path_factory.mktemp("alone") / "run"
    done = finished([sys.executable, *GENTLE, "--epochs", "3", "--data", str(some), "--out", str(out)])
    assert done.returncode == 0, done.stderr
    return out, done.stdout


@pytest.mark.slow
def test_the_command_prints_and_writes_once(some: Path, alone: tuple[Path, str], tmp_path: Path) -> None:
    done = finished(torchrun(2, *GENTLE, "--epochs", "3", "--data", some, "--out", tmp_path / "run"))
    assert done.returncode == 0, done.stderr

    def figures(text: str) -> str:
        return re.sub(r"\S+ s$|\S+/run", "", text, flags=re.MULTILINE)

    assert figures(done.stdout) == figures(alone[1])
    assert "Warning" not in done.stderr
    names = {"recipe.json", "metrics.csv", "steps.csv", "last.ckpt", "model.safetensors", "curves.png"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == names
    assert apart(tmp_path / "run", alone[0]) < 1e-5  # after 375 steps in single precision


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the ranks in /proc")
@pytest.mark.parametrize("how", ["a rank is killed", "Ctrl-C", "Ctrl-C at one rank"])
def test_a_run_that_was_stopped_goes_on(some: Path, alone: tuple[Path, str], tmp_path: Path, how: str) -> None:
    out = tmp_path / "run"
    command = torchrun(2, *GENTLE, "--epochs", "3", "--data", some, "--out", out)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                if (out / "metrics.csv").is_file() and len((out / "metrics.csv").read_text().splitlines()) > 1:
                    break
                time.sleep(0.01)
            began = time.monotonic()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert len(children) == 2
            if how == "Ctrl-C":
                process.send_signal(signal.SIGINT)
            else:
                os.kill(int(children[1]), signal.SIGKILL if how == "a rank is killed" else signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert time.monotonic() - began < 25
    assert process.returncode != 0
    assert not from_tenfold(errors), errors
    lines = told(errors)
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    assert not (out / "model.safetensors").exists()
    state = checkpoint.load(out / "last.ckpt")
    assert (1, 0) <= (state.epoch, state.step) < (3, 0)
    if how == "a rank is killed":
        assert state.step == 0
        assert len(lines) <= 1, errors  # none where torchrun ended the other before it noticed
        assert not lines or f"go on from what is saved: tenfold train --resume {out}" in lines[0]
    else:
        assert len(lines) == 1, errors
        assert lines[0].startswith("tenfold: stopped ")
        assert f"tenfold train --resume {out}" in lines[0]
    again = ["-m", "tenfold", "train", "--resume", str(out)]
    done = finished(torchrun(3, *again) if how == "Ctrl-C" else [sys.executable, *again])
    assert done.returncode == 0, done.stderr
    assert apart(out, alone[0]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("what", ["folder", "diverged"])
def test_an_error_is_told_once(data: Path, tmp_path: Path, what: str) -> None:
    options = [] if what == "folder" else ["--lr", "1e9", "--optimizer", "sgd"]
    says = f"{tmp_path} exists already and is not empty" if what == "folder" else "in epoch 1: lower --lr"
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path if what == "folder" else tmp_path / "run"
    words = ["--data", data, *options, "--batch-size", "50", "--device", "cpu", "--out", out]
    done = finished(torchrun(2, "-m", "tenfold", "train", "mlp", *words))
    assert done.returncode == 1
    assert len(told(done.stderr)) == 1, done.stderr
    assert says in told(done.stderr)[0]
    assert not from_tenfold(done.stderr)
    assert done.stdout == ""
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", *(["run"] if what == "diverged" else [])}
