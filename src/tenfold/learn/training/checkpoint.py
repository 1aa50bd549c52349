"""The state of training on disk: saved so that resuming from it gives the very weights of a run without a stop."""

import copy
import hashlib
import io
import zipfile
import zlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from torch import Tensor, nn

from tenfold import documents, files
from tenfold.errors import FormatError, RunError, one_line
from tenfold.learn.training.models import check_finite, load_torch
from tenfold.learn.training.runs import Epoch

_SEAL = "archive/.sha256"  # the record that says the SHA-256 of all others
_Whole = Annotated[int, Meta(ge=0, le=2**53)]


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


@dataclass
class _Saved:
    """What a checkpoint holds: the fields of a State, with network and optimizer as state dicts."""

    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    classes: list[str]
    data: str
    recipe: dict[str, Any]
    epoch: _Whole
    step: _Whole
    sums: Tensor | None
    marks: list[tuple[_Whole, Tensor]]
    seconds: float
    random: list[Tensor]
    history: list[Epoch]
    steps: list[dict[str, float]]
    best: dict[str, Tensor] | None
    stopped: bool
    sealed: bool = False  # since version 0.1.0 with a SHA-256


def save(state: State, path: Path) -> None:
    """Write the state, whole or not at all, with its SHA-256. Raises StorageError."""
    plain = {one.name: getattr(state, one.name) for one in fields(State)}
    plain |= {"network": state.network.state_dict(), "optimizer": state.optimizer.state_dict(), "sealed": True}
    plain["history"] = [asdict(row) for row in state.history]
    packed = io.BytesIO()  # in memory first: on a full disk torch.save fails with an error of its own kind
    torch.save(plain, packed)
    with zipfile.ZipFile(packed, "a") as archive:  # torch passes over what it does not know
        archive.writestr(_SEAL, _digest(archive))
    files.content(path, packed.getvalue())


def _digest(archive: zipfile.ZipFile) -> str:
    """SHA-256 of the records of an archive, by their names."""
    digest = hashlib.sha256()
    for name in sorted(archive.namelist()):
        if name != _SEAL:
            digest.update(f"{name} {archive.getinfo(name).file_size}\n".encode())
            digest.update(archive.read(name))
    return digest.hexdigest()


def load(path: Path) -> dict[str, Any]:
    """The fields of the state that `save` wrote, network and optimizer as state dicts on the CPU.

    Raises RunError when there is no such file or it is damaged.
    """
    if not path.is_file():
        raise RunError(f"{path.parent} has no checkpoint to resume: train it again with `tenfold train`")
    plain = load_torch(path)
    if isinstance(plain, dict) and "sealed" in plain:
        try:
            with zipfile.ZipFile(path) as archive:
                whole = archive.read(_SEAL).decode() == _digest(archive)
        except (OSError, KeyError, ValueError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise RunError(f"{path} is damaged: {one_line(error)}") from error
        if not whole:
            raise RunError(f"{path} is damaged: it is not what its SHA-256 says")
    try:
        saved = documents.converted(plain, _Saved)
    except FormatError as error:
        raise RunError(f"{path} is not a checkpoint of this version of tenfold: {error}") from error
    check_finite(path, saved.network | (saved.best or {}))
    return {one.name: getattr(saved, one.name) for one in fields(State)}


def restore(plain: dict[str, Any], network: nn.Sequential, optimizer: torch.optim.Optimizer) -> State:
    """The state that `load` read, in a network and its optimizer, on the device where the network is.

    Raises RunError for one that is of others.
    """
    fresh = {name: value.shape for name, value in network.state_dict().items()}
    try:
        for weights in (plain["network"], plain["best"] or plain["network"]):
            if {name: value.shape for name, value in weights.items()} != fresh:
                raise ValueError("its weights are of another network")
        network.load_state_dict(plain["network"])
        keys = [set(group) for group in optimizer.param_groups]
        optimizer.load_state_dict(plain["optimizer"])
        if keys != [set(group) for group in optimizer.param_groups]:
            raise ValueError("its optimizer is another")
        known = type(optimizer).__module__.startswith("torch.")  # one's own may keep what it likes
        for parameter, values in optimizer.state.items() if known else ():
            for value in values.values():
                if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                    raise ValueError("its optimizer is of another network")
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise RunError(f"the checkpoint is damaged: {one_line(error)[:200]}") from error
    return State(**{**plain, "network": network, "optimizer": optimizer})
