"""The state of training on disk: saved so that going on from it gives the very weights of a run without a stop."""

import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tenfold import files
from tenfold.errors import RunError
from tenfold.learn.training.models import load_torch


@dataclass
class Epoch:
    """A row of metrics.csv. Validation figures are None when there is no validation split."""

    epoch: int  # counted from 1
    train_loss: float  # cross-entropy of the batches as they were learnt: augmented, and with dropout
    train_accuracy: float
    val_loss: float | None  # cross-entropy
    val_accuracy: float | None
    lr: float  # of the epoch's last step
    seconds: float


@dataclass
class State:
    """Everything that training changes. `epoch` and `step` say what is done: whole epochs, and steps of the next."""

    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    classes: list[str]
    data: str  # SHA-256
    recipe: dict[str, Any]
    epoch: int = 0
    step: int = 0
    # of the epoch under way, to go on in its middle: sums (2,) of loss and right answers, the same as they stood after
    # some steps, seconds, random states
    sums: Tensor | None = None
    marks: list[tuple[int, Tensor]] = field(default_factory=list)
    seconds: float = 0.0
    random: list[Tensor] = field(default_factory=list)
    history: list[Epoch] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)  # the rows of steps.csv
    best: dict[str, Tensor] | None = None  # the weights with the lowest validation loss, when patience wants them
    stopped: bool = False  # early


def save(state: State, path: Path) -> None:
    """Write the state, whole or not at all. Raises StorageError."""
    plain = {name: getattr(state, name) for name in state.__dataclass_fields__}
    plain["history"] = [asdict(row) for row in state.history]
    packed = io.BytesIO()  # in memory first: on a full disk torch.save fails with an error of its own kind
    torch.save(plain, packed)
    files.content(path, packed.getvalue())


def load(path: Path) -> State:
    """The state in a file that `save` wrote, on the CPU. Raises RunError when there is none or it is damaged."""
    if not path.is_file():
        raise RunError(f"{path.parent} has no checkpoint to resume: start it anew with `tenfold train`")
    plain = load_torch(path)
    try:
        plain["history"] = [Epoch(**row) for row in plain["history"]]
        return State(**plain)
    except (TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path} is not a checkpoint of this version of tenfold") from error
