"""The state of training on disk: saved so that resuming from it gives the very weights of a run without a stop."""

import copy
import io
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tenfold import files
from tenfold.errors import RunError
from tenfold.learn.training.models import load_torch
from tenfold.learn.training.runs import Epoch


@dataclass
class State:
    """Everything that training changes. `epoch` and `step` say what is done: whole epochs, and steps of the next."""

    network: nn.Sequential
    optimizer: torch.optim.Optimizer
    classes: list[str]
    data: str  # SHA-256
    recipe: dict[str, Any]
    epoch: int = 0
    step: int = 0
    # of the epoch under way, to resume it in its middle: sums (2,) of loss and right answers, the same after some
    # steps, seconds, random states
    sums: Tensor | None = None
    marks: list[tuple[int, Tensor]] = field(default_factory=list)
    seconds: float = 0.0
    random: list[Tensor] = field(default_factory=list)
    history: list[Epoch] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)  # the rows of steps.csv
    best: dict[str, Tensor] | None = None  # the weights with the lowest validation loss, when patience wants them
    stopped: bool = False  # early

    @property
    def best_epoch(self) -> int:
        """The index in `history` of the epoch with the lowest validation loss."""
        return min(range(len(self.history)), key=lambda k: (self.history[k].val_loss or 0.0, k))

    def finish_epoch(self, row: Epoch, patience: int) -> None:
        """Keep an epoch's row and, with patience, the best weights; what belonged to the epoch alone is reset."""
        self.history.append(row)
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self.sums, self.marks, self.random = None, [], []
        if patience:
            since = self.epoch - 1 - self.best_epoch
            self.best = copy.deepcopy(self.network.state_dict()) if since == 0 else self.best
            self.stopped = since >= patience


def save(state: State, path: Path) -> None:
    """Write the state, whole or not at all. Raises StorageError."""
    plain = {one.name: getattr(state, one.name) for one in fields(State)}
    plain |= {"network": state.network.state_dict(), "optimizer": state.optimizer.state_dict()}
    plain["history"] = [asdict(row) for row in state.history]
    packed = io.BytesIO()  # in memory first: on a full disk torch.save fails with an error of its own kind
    torch.save(plain, packed)
    files.content(path, packed.getvalue())


def load(path: Path) -> dict[str, Any]:
    """The fields of the state that `save` wrote, network and optimizer as state dicts on the CPU.

    Raises RunError when there is no such file or it is damaged.
    """
    if not path.is_file():
        raise RunError(f"{path.parent} has no checkpoint to resume: train it again with `tenfold train`")
    plain = load_torch(path)
    try:
        plain["history"] = [Epoch(**row) for row in plain["history"]]
        missing = {one.name for one in fields(State)} ^ plain.keys()
    except (TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path} is not a checkpoint of this version of tenfold") from error
    if missing:
        raise RunError(f"{path} is not a checkpoint of this version of tenfold: {', '.join(sorted(missing))}")
    return dict(plain)


def restore(plain: dict[str, Any], network: nn.Sequential, optimizer: torch.optim.Optimizer) -> State:
    """The state that `load` read, in a network and its optimizer, on the device where the network is."""
    network.load_state_dict(plain["network"])
    optimizer.load_state_dict(plain["optimizer"])
    return State(**{**plain, "network": network, "optimizer": optimizer})
