"""Runs: the folders that training leaves behind.

recipe.json        what was asked for           last.ckpt            the state of training, to resume it
metrics.csv        a row an epoch               model.safetensors    the trained network, which describes itself
steps.csv          loss and accuracy inside the epochs
evaluation.json    scores on the test set       report.html, *.png   the same to look at
corruptions.json   errors on corrupted digits   corruptions.png, corrupted.png
"""

import csv
import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tenfold import documents, files
from tenfold.errors import DataError, FormatError, RunError, StorageError, TenfoldError, UsageError, one_line
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import LINES

if TYPE_CHECKING:  # so that a run is found before anything heavy is loaded
    import torch
    from torch import nn

    from tenfold.learn.training.models import Model

ROOT = Path("runs")
Target: TypeAlias = "str | Path | Run | Model | nn.Module | None"  # of whom a model is
_SEALED = ("recipe.json", "metrics.csv", "steps.csv")  # whose SHA-256 the model says
_TAKEN = "is being trained by another process: wait for it, or stop that first"
_PATIENCE = 5.0  # seconds in which a process may end that trains a run and was asked to
DEFAULT = "default"  # the bundled model, where a run is wanted
BUNDLED = Path(__file__).parents[2] / "models" / "digits.safetensors"


@dataclass
class Epoch:
    """A row of metrics.csv. Validation figures are None when there are no validation digits."""

    epoch: int  # counted from 1
    train_loss: float  # cross-entropy of the batches as they were learnt: augmented, and with dropout
    train_accuracy: float
    val_loss: float | None  # cross-entropy
    val_accuracy: float | None
    lr: float  # of the epoch's last step
    seconds: float


@dataclass(frozen=True)
class Run:
    """A run folder. Opening one reads its recipe; the rest is read when asked for."""

    path: Path
    recipe: Recipe

    @classmethod
    def open(cls, path: "str | Path | Run") -> "Run":
        """The run in a folder, given as a path or by its name in ./runs. Raises RunError when it is none."""
        if isinstance(path, Run):
            return path
        places = [Path(path), ROOT / path]
        folder = next((place for place in places if (place / "recipe.json").is_file()), None)
        if folder is None:
            what = "is not a run: it has no recipe.json" if places[0].exists() else "does not exist"
            raise RunError(f"{path} {what}; `tenfold runs` lists the runs there are")
        try:
            return cls(folder, Recipe.read(folder / "recipe.json"))
        except TenfoldError as error:
            raise RunError(f"{folder} is not a run of this version: {error}") from error

    @property
    def model_file(self) -> Path:
        """Where the trained network is."""
        return self.path / "model.safetensors"

    @property
    def checkpoint_file(self) -> Path:
        """Where the state of training is."""
        return self.path / "last.ckpt"

    @property
    def finished(self) -> bool:
        """Whether training has finished."""
        return self.model_file.is_file()

    @property
    def unused(self) -> bool:
        """Whether training was stopped before it saved anything."""
        return _unused(self.path)

    @property
    def lock_file(self) -> Path:
        """What is locked while it is trained."""
        return files.lock_file(self.path)

    @property
    def running(self) -> bool:
        """Whether a process of this machine trains it now."""
        if not self.lock_file.is_file():
            return False
        try:
            with files.lock(self.lock_file, wait=False) as free:
                return not free
        except StorageError:  # another user's: it cannot be told
            return False

    def model(self, device: "torch.device | None" = None) -> "Model":
        """The trained network. Raises RunError when training has not finished or the file is damaged."""
        from tenfold.learn.training import models

        if not self.finished:
            raise RunError(f"{self.path} has no model yet: resume it with `tenfold train --resume {self.path}`")
        self.check("recipe.json")
        return models.load(self.model_file, device)

    def digests(self) -> dict[str, str]:
        """SHA-256 of the files that training leaves beside the model, which says them."""
        there = (name for name in _SEALED if (self.path / name).is_file())
        return {name: hashlib.sha256((self.path / name).read_bytes()).hexdigest() for name in there}

    def check(self, name: str) -> None:
        """Raise RunError where a file of a finished run is another than when its training ended."""
        from safetensors import SafetensorError, safe_open

        if not self.finished:
            return
        try:
            with safe_open(self.model_file, framework="numpy") as file:
                said = documents.decoded((file.metadata() or {}).get("beside", "{}"), dict[str, str])
        except (SafetensorError, OSError, FormatError):  # which whoever wants the model is told
            return
        if said.get(name, self.digests().get(name)) != self.digests().get(name):
            raise RunError(f"cannot read {self.path / name}, it is damaged, or was changed: it has another SHA-256")

    @property
    def metrics(self) -> list[dict[str, float | None]]:
        """The rows of metrics.csv, an epoch each; None where nothing was measured."""
        self.check("metrics.csv")
        return _rows(self.path / "metrics.csv", [field.name for field in fields(Epoch)])

    @property
    def steps(self) -> list[dict[str, float | None]]:
        """The rows of steps.csv: training loss and accuracy since the row before, `epoch` epochs from the start."""
        self.check("steps.csv")
        return _rows(self.path / "steps.csv", ["epoch", "loss", "accuracy"])

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """What `evaluate` found on the test set, if it was asked and the file is whole."""
        try:
            found: dict[str, Any] = documents.read(self.path / "evaluation.json", dict[str, Any])
            documents.converted(found.get("accuracy"), float)
        except DataError:
            return None
        return found


def all_runs(root: str | Path = ROOT) -> Iterator[Run]:
    """The runs in a folder, the newest first; folders that are none are passed over."""
    if not Path(root).is_dir():
        return
    for recipe in sorted(Path(root).glob("*/recipe.json"), key=lambda path: (path.stat().st_mtime, path), reverse=True):
        try:
            yield Run.open(recipe.parent)
        except RunError:
            continue


def newest(root: str | Path = ROOT) -> Run | None:
    """The newest finished run in a folder, if any."""
    return next((run for run in all_runs(root) if run.finished), None)


def locate(target: "str | Path | Run | None") -> "Run | Path":
    """What a user means by RUN: a run, or a file of its own.

    A run is given as such, by its folder, by its name in ./runs or by its model.safetensors; None is the newest
    finished one here; "default" is the file of the bundled model's weights; any other file is itself.

    Raises RunError when there is none.
    """
    if target is None:
        newest_run = newest()
        if newest_run is None:
            raise RunError(f"there is no finished run in {ROOT}: `tenfold train` makes one")
        return newest_run
    if isinstance(target, Run):
        return target
    path = files.home(target)
    if path.is_file():
        inside = path.name == "model.safetensors" and (path.parent / "recipe.json").is_file()
        return Run.open(path.parent) if inside else path
    if str(target) == DEFAULT and not path.exists():
        return BUNDLED
    return Run.open(path)


def is_network(target: str | Path) -> bool:
    """Whether `locate` gives a run or a file of weights, rather than a picture or nothing."""
    try:
        located = locate(target)
    except RunError:
        return False
    return isinstance(located, Run) or located.suffix.lower() == ".safetensors"


def find_model(
    target: "Target",
    device: "torch.device | None" = None,
    *,
    lines: bool = False,
    normalise: tuple[float, float] | None = None,
) -> "tuple[Model, Run | None, Path]":
    """The model that `target` means (see `locate`), its run if it has one, and the folder for files about it.

    A Model is itself, and a DigitClassifier that was fitted has one. A network that was trained elsewhere is one too,
    see `models.of_module`. These stay on their own device.

    Raises RunError when there is none, or it cannot be used; also for one that reads lines, unless that will do.
    """
    from torch import nn

    from tenfold.learn.training import models

    if isinstance(target, nn.Module):
        return models.of_module(target, normalise), None, ROOT / f"of-{type(target).__name__}"
    if normalise is not None:
        raise UsageError("normalise is for networks that were trained elsewhere: a run knows its own")
    target = getattr(target, "model_", target)
    if isinstance(target, models.Model):
        folder = ROOT / f"of-{Path(target.recipe.name).name}"
        return _of_digits(target, folder, lines), None, folder
    if target is not None and not isinstance(target, str | Path | Run):
        what = f"the class {target.__name__}" if isinstance(target, type) else type(target).__name__
        raise UsageError(f"a run, a Model or an nn.Module that has learnt is wanted, not {what}")
    located = locate(target)
    if isinstance(located, Run):
        return _of_digits(located.model(device), located.path, lines), located, located.path
    if located.suffix != ".safetensors":
        models.load_torch(located)  # which tells a pickled network, that is refused, from damage
        raise RunError(
            f"{located} has weights without a description: give a run, or its model.safetensors; or in "
            "Python the network that has them, tenfold.evaluate(network)"
        )
    return _of_digits(models.load(located, device), located, lines), None, located.with_suffix("")


def _of_digits(model: "Model", path: Path, lines: bool) -> "Model":
    if model.task == LINES and not lines:
        raise RunError(f"{path} reads lines: this is for networks that read one digit")
    return model


def title(target: "Target", run: Run | None) -> str:
    """What a model is called that `find_model` found: the path of its run or file, or what it is of."""
    if run is not None:
        return str(run.path)
    if target is None or isinstance(target, str | Path | Run):
        return str(target)
    return str(getattr(getattr(target, "recipe", None), "name", type(target).__name__))


@contextmanager
def begun(recipe: Recipe, out: str | Path | None = None) -> Iterator[Run]:
    """A new run, as `create` makes it, held against other processes."""
    path = _place(recipe, out)
    with held(path):
        yield create(recipe, path)


def create(recipe: Recipe, out: str | Path | None = None) -> Run:
    """A new run folder: `out`, or runs/<time>-<recipe>. What a killed process left before it began is none in use.

    Raises StorageError when `out` is in use or cannot be made.
    """
    path = _place(recipe, out)
    try:
        if path.is_dir() and any(path.iterdir()) and not _unused(path, recipe):
            how = f"resume it with --resume {path}, or " if (path / "recipe.json").is_file() else ""
            raise StorageError(f"{path} exists already and is not empty: {how}choose another place")
        files.directory(path)
        recipe.save(path / "recipe.json")
    except (OSError, StorageError) as error:
        with suppress(OSError):
            path.rmdir()  # if it is empty
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot make the folder {path}: {error.strerror or error}") from error
    return Run(path, recipe)


def _place(recipe: Recipe, out: str | Path | None) -> Path:
    """`out`, or a folder in ./runs that no other process has."""
    if out is not None:
        return Path(out)
    stem = path = ROOT / f"{time.strftime('%Y%m%d-%H%M%S')}-{Path(recipe.name).name}"
    number = 2
    try:
        files.directory(ROOT)
        while True:
            with suppress(FileExistsError):
                path.mkdir()
                return path
            path, number = stem.with_name(f"{stem.name}-{number}"), number + 1
    except OSError as error:
        raise StorageError(f"cannot make the folder {path}: {error.strerror or error}") from error


def _unused(path: Path, recipe: Recipe | None = None) -> bool:
    """Whether a folder holds what a training writes before its first checkpoint, of this recipe, and nothing else."""
    if not {file.name for file in path.iterdir() if not file.name.startswith(".")} <= {"recipe.json", "members.json"}:
        return False
    if recipe is None or not (path / "recipe.json").exists():
        return True
    with suppress(TenfoldError):
        return Recipe.read(path / "recipe.json") == recipe
    return False


def held(path: Path) -> AbstractContextManager[None]:
    """Hold a run's folder against other processes. Raises StorageError when one trains it already."""
    return files.held(path, f"{path} {_TAKEN}", wait=_PATIENCE)


def _rows(path: Path, columns: list[str]) -> list[dict[str, float | None]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [{name: float(row[name]) if row[name] else None for name in columns} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise RunError(f"cannot read {path}, it is damaged: {one_line(error)}") from error
