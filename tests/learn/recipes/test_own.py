"""Networks, optimizers and augmentations of a user's own."""

import json
import linecache
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tenfold
from conftest import Cli
from learn.trainings import TINY, same, weights
from tenfold.errors import RunError, UsageError
from tenfold.learn.recipes import own
from tenfold.learn.recipes.presets import resolve
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import StopTraining, Watcher

CODE = """
import torch
from beside import WIDTH
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(1, WIDTH, 3, stride=4)
        self.out = nn.Linear(WIDTH * 49, classes)

    def forward(self, images):
        return self.out(torch.relu(self.conv(images)).flatten(1))

def wide(classes, recipe):
    width = recipe.hidden[0]
    return nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, classes))

def optimizer(parameters):
    return torch.optim.NAdam(parameters, lr=2e-3)

def lbfgs(parameters):
    return torch.optim.LBFGS(parameters)

def shifted(batch):
    return batch.roll(1, 3)

def logits_of_one(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 1))

def broken(classes):
    return nn.Sequential(nn.Linear(3, classes))

class Closure(torch.optim.SGD):
    def step(self, closure):
        return super().step(closure)

def brightened(batch):
    return (batch * 255).byte()

def transposing(batch):
    return batch.flatten(1)

number = 3
"""


@pytest.fixture
def code(here: Path) -> Path:
    (here / "mine.py").write_text(CODE)
    (here / "beside.py").write_text("WIDTH = 4\n")
    return here / "mine.py"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process, where nothing of a user's own was loaded."""
    monkeypatch.setattr(own, "_live", {})
    for name in [name for name in sys.modules if name.startswith(("tenfold_mine", "beside", "house"))]:
        del sys.modules[name]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mine.py:Net", "mine.py:wide", "house.nets:Net"])
def test_every_verb_takes_a_network_of_ones_own(
    code: Path, data: Path, tenfold_cli: Cli, few_shown: None, network: str
) -> None:
    (code.parent / "house").mkdir()
    (code.parent / "house" / "nets.py").write_text(CODE)
    (code.parent / "house" / "__init__.py").touch()
    small = ["--network", network, "--epochs", 1, "--batch-size", 50, "--hidden", 8, "--data", data]
    for words in (
        ["train", "mlp", *small, "--out", "r", "--quiet"],
        ["evaluate", "r"],
        ["predict", "r", "--count", 2],
        ["explain", "r"],
        ["export", "r"],
        ["save", "r", "--as", "state"],
        ["ensemble", "r", "r", "--out", "e"],
        ["evaluate", "e"],
        ["study", "mlp", *small, "--seeds", 2, "--jobs", 1, "--against", "mlp", "--out", "s"],
        ["tune", "mlp", *small, "--search", "lr=1e-4..1e-2", "--trials", 2, "--seeds", 0, "--jobs", 1, "--out", "t"],
        ["train", "--init", "r", "--new-head", "--task", "parity", "--epochs", 1, "--batch-size", 50, "--out", "p"],
    ):
        done = tenfold_cli(*words)
        assert done.status == 0, (words, done.err)
    recipe = json.loads(Path("r/recipe.json").read_text())
    where = network if network.startswith("house") else f"{code.parent / network}"
    assert recipe["network"] == where
    assert recipe["code"] == own.checksum([where])
    kept = torch.load("mnist_model_state.pth")
    assert own.load(where)(*([10] if "wide" not in network else [10, resolve("mlp", hidden=(8,))])).load_state_dict(
        kept
    )


def test_a_function_a_class_and_what_is_no_longer_there(
    code: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inside(nn.Sequential):
        def __init__(self, classes: int) -> None:
            super().__init__(nn.Flatten(), nn.Linear(784, classes))

    run = tenfold.train("mlp", network=Inside, data=data, epochs=1, out="r", **TINY)
    assert tenfold.evaluate(run, draw=False).n == 200
    monkeypatch.setattr(own, "_live", {})
    with pytest.raises(RunError, match="what is defined inside of a function cannot be found again"):
        Run.open("r").model()
    run = tenfold.train("mlp", network=f"{code}:Net", data=data, epochs=1, out="f", **TINY)
    first = weights(run)
    monkeypatch.setattr(own, "_live", {})
    code.write_text(CODE + "# another now\n")
    with pytest.warns(UserWarning, match="is another now than when it was learnt"):
        model = Run.open("f").model()
    assert same(model.network.state_dict(), first)
    monkeypatch.setattr(own, "_live", {})
    code.unlink()
    with pytest.raises(RunError, match=r"there is no file .*mine\.py, whose code is needed"):
        Run.open("f").model()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("network", "mine.py:nothing", "has no nothing"),
        ("network", "mine.py:number", "is no function and no class"),
        ("network", "gone.py:Net", r"there is no file .*gone\.py"),
        ("network", "gone.away:Net", "gone.away cannot be imported: ModuleNotFoundError"),
        ("network", "mine.py:logits_of_one", r"makes \(2, 1\) of 2 images, and logits \(2, 10\) are wanted"),
        ("network", "mine.py:broken", r"fails for images \(2, 1, 28, 28\): RuntimeError"),
        ("network", "mine.py:shifted", "fails for 10 classes: AttributeError"),
        ("network", nn.Linear(784, 10), "a function or a class is wanted"),
        ("optimizer", "mine.py:shifted", r"mine\.py:shifted fails: AttributeError"),
        ("optimizer", "mine.py:lbfgs", "asks for the loss several times in a step"),
        ("network", nn.Sequential(*[nn.Linear(9, 9)] * 9), "each training, not Sequential: put it into one"),
        ("optimizer", "mine.py:Closure", "asks for the loss several times in a step"),
        ("augment", "mine.py:brightened", r"makes torch.uint8 of ink in \[0, 1\]"),
        ("augment", "mine.py:transposing", r"makes \(50, 784\) of a batch \(50, 1, 28, 28\)"),
    ],
)
def test_what_is_none_says_so(code: Path, data: Path, field: str, value: object, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        tenfold.train("mlp", **{"data": data, "epochs": 1, "out": "r", **TINY, field: value})


def test_a_file_that_trains_when_it_is_imported(here: Path) -> None:
    (here / "script.py").write_text("import tenfold\ndef build(classes): ...\ntenfold.train('mlp', network=build)\n")
    with pytest.raises(UsageError, match="trains when it is imported: put that behind if __name__"):
        resolve("mlp", network="script.py:build")
    assert not Path("runs").exists()


def test_an_optimizer_keeps_its_own_rates_and_the_schedule(code: Path, data: Path) -> None:
    seen = []

    def two(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        first, *rest = parameters
        groups: list[dict[str, Any]] = [{"params": [first], "lr": 0.5}, {"params": rest}]
        made = torch.optim.SGD(groups, lr=0.1)
        made.register_step_pre_hook(lambda optimizer, *_: seen.append([g["lr"] for g in optimizer.param_groups]))
        return made

    run = tenfold.train("mlp", optimizer=two, lr=1e-3, schedule="linear", data=data, epochs=1, out="r", **TINY)
    assert seen[0] == [0.5, 0.1]
    assert run.metrics[-1]["lr"] == pytest.approx(seen[-1][0], rel=1e-3)
    assert seen[5] == pytest.approx([0.25, 0.05])


def test_an_optimizer_without_rates_of_its_own(data: Path, here: Path) -> None:
    class Plain(torch.optim.Optimizer):
        def __init__(self, parameters: Iterable[Tensor]) -> None:
            super().__init__(parameters, {})

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for parameter in self.param_groups[0]["params"]:
                parameter.data -= self.param_groups[0]["lr"] * parameter.grad

    run = tenfold.train("mlp", optimizer=Plain, lr=0.1, schedule="constant", data=data, epochs=1, out="r", **TINY)
    assert run.metrics[-1]["lr"] == 0.1


def test_a_class_of_a_notebook_that_is_defined_anew_is_another() -> None:
    found = []
    for cell in ("1", "2"):
        lines = [f"class Net:\n    def forward(self, images):\n        return {cell}\n"]
        linecache.cache[cell] = (1, None, lines[0].splitlines(keepends=True), cell)
        there: dict[str, Any] = {"__name__": "no_file"}
        exec(compile(lines[0], cell, "exec"), there)
        own._live["no_file:Net"] = there["Net"]
        found.append(own.checksum(["no_file:Net"]))
    assert found[0] != found[1]


def test_a_run_with_all_of_ones_own_is_resumed_to_the_bit(code: Path, data: Path, tenfold_cli: Cli) -> None:
    mine: dict[str, Any] = {"network": f"{code}:Net", "optimizer": f"{code}:optimizer", "augment": f"{code}:shifted"}
    whole = tenfold.train("mlp", data=data, epochs=2, out="whole", **TINY, **mine)

    class Ended(Watcher):
        def epoch(self, state: State) -> None:
            raise StopTraining

    with pytest.raises(StopTraining):
        tenfold.train("mlp", data=data, epochs=2, out="cut", watchers=[Ended()], **TINY, **mine)
    resumed = tenfold.train(resume="cut", quiet=True)
    assert same(weights(whole), weights(resumed))
    plain = tenfold.train("mlp", data=data, epochs=2, out="plain", **TINY, network=mine["network"])
    assert not same(weights(whole), weights(plain))


def test_a_network_that_was_trained_elsewhere(data: Path, here: Path, few_shown: None) -> None:
    first, second = nn.Linear(784, 10), nn.Linear(784, 10)
    network = nn.Sequential(nn.Flatten(), first)
    half = tenfold.evaluate(network, data=data, normalise=(0.5, 0.5), draw=False)
    scaled = nn.Sequential(nn.Flatten(), second)
    factor = 0.3081 / 0.5
    with torch.no_grad():
        second.weight.copy_(first.weight * factor)
        second.bias.copy_(first.bias + first.weight.sum(1) * (0.1307 - 0.5) / 0.5)
    assert tenfold.evaluate(scaled, data=data, draw=False).nll == pytest.approx(half.nll, rel=1e-4)
    assert network.training
    found = tenfold.evaluate(network, data=data)
    assert found.report is not None
    assert Path(found.report).is_file()
    path = tenfold.export(network, "digits.onnx", normalise=(0.5, 0.5))
    assert tenfold.Reader(path).classifier.classes == tuple("0123456789")
    for bad, says in (
        (nn.Flatten(), "has no weights"),
        (nn.Linear(3, 4), "fails for images"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), r"makes \(2, 1\) of 2 images"),
    ):
        with pytest.raises(UsageError, match=says):
            tenfold.evaluate(bad)
    with pytest.raises(UsageError, match="normalise must be a mean and a deviation above 0"):
        tenfold.evaluate(network, normalise=(0.5, 0.0))
    with pytest.raises(UsageError, match="a run knows its own"):
        tenfold.evaluate("r", normalise=(0.5, 0.5))
