import io

import pytest
import torch
from rich.console import Console
from torch import nn

from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.display import Display
from tenfold.learn.training.runs import Epoch

RECIPE = Recipe(epochs=12, batch_size=10)


def state(**fields: object) -> State:
    network = nn.Sequential(nn.Linear(1, 1))
    made = State(network, torch.optim.SGD(network.parameters(), 0.1), ["0", "1"], "", {})
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def lines(width: int, *, terminal: bool, val_loss: float | None = 0.25) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, no_color=True, highlight=False)
    row = Epoch(3, 0.5, 0.9, val_loss, None if val_loss is None else 0.95, 0.001, 1.25)
    with Display(RECIPE, console=console) as display:
        display.epoch(state(history=[row]))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().strip()


@pytest.mark.parametrize(
    ("width", "terminal", "text"),
    [
        (
            40,
            False,
            "epoch  3/12  train loss 0.5000  accuracy  90.00%  val loss 0.2500  accuracy  95.00%  lr 0.001  1.2 s",
        ),
        (80, True, "epoch  3/12  val loss 0.2500  accuracy  95.00%  1.2 s"),
        (50, True, "epoch  3/12  accuracy  95.00%  1.2 s"),
    ],
)
def test_a_line_for_each_epoch_fits_its_terminal(width: int, terminal: bool, text: str) -> None:
    assert lines(width, terminal=terminal) == text


def test_without_validation_digits_the_line_has_the_training_s() -> None:
    assert lines(80, terminal=True, val_loss=None) == "epoch  3/12  train loss 0.5000  accuracy  90.00%  1.2 s"


def test_a_bar_over_the_whole_training() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Display(RECIPE, console=console) as display:
        display.step(state(epoch=2, step=5, sums=torch.tensor([25.0, 45.0])), 50)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "epoch 3/12" in text
    assert "105/600" in text
    assert "loss 0.500  acc 90.0%" in text


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(RECIPE, quiet=True) as display:
        display.line("nothing")
    assert capsys.readouterr().out == ""
