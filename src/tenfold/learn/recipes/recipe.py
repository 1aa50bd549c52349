"""A recipe: everything that decides what a training run learns, in one frozen object."""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tenfold import files
from tenfold.errors import DataError, FormatError, UsageError, nearest
from tenfold.learn.digits.augment import Augmentation
from tenfold.learn.recipes.devices import DEVICES
from tenfold.learn.recipes.tasks import check_task

NETWORKS = ("mlp", "mish", "cnn", "lenet", "strided", "vgg", "lean", "unpadded")
OPTIMIZERS = ("adam", "adamw", "sgd", "adadelta", "rmsprop")
SCHEDULES = ("constant", "step", "linear", "cosine", "onecycle")
MNIST = 50_000  # training digits that MNIST has beside those for validation


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to train, on what, and how. The defaults are an ordinary CNN; presets state where they differ.

    Raises UsageError, naming the field, for any value that cannot be meant.
    """

    name: str = "custom"

    # what is learnt
    task: str = "digits"  # digits, parity, is:7, or groups such as 0-4/5-9
    data: str | None = None  # a user's own data; None is MNIST
    val_size: float | None = None  # digits held out to choose by, or a share of them below 1; None is a sixth
    final: bool = False  # learn from the validation digits too, and choose nothing any more
    mix: int = 0  # MNIST digits learnt along with a user's own, so that nothing is forgotten; they validate then, too

    # the network
    network: str = "cnn"
    channels: tuple[int, ...] = (32, 64)  # of each convolution
    hidden: tuple[int, ...] = (128,)  # width of each fully connected layer before the last
    dropout: float = 0.0  # probability, before or between the fully connected layers
    dropout_conv: float = 0.0  # probability, after the convolutions
    init: str | None = None  # a run or weights file to start from, or "default", the bundled model; None starts fresh
    new_head: bool = False  # with init: keep all but its output layer, for another task

    # how it is learnt
    epochs: int = 10  # passes over the training digits
    batch_size: int = 128  # digits
    optimizer: str = "adam"
    lr: float = 1e-3  # the highest learning rate of the schedule
    momentum: float = 0.9  # of sgd and rmsprop; the first beta of adam and adamw
    beta2: float = 0.999  # the second beta of adam and adamw, the smoothing of rmsprop, the rho of adadelta
    weight_decay: float = 0.0
    label_smoothing: float = 0.0  # share of the target that is spread over all classes
    schedule: str = "constant"
    warmup: float = 0.0  # share of all steps over which the learning rate rises from zero
    gamma: float = 0.7  # schedule "step": factor after each epoch
    teacher: str | None = None  # a run, mostly an ensemble, whose probabilities are learnt besides the labels
    heed: float = 0.9  # with teacher: the share of the loss that they have
    soften: float = 2.0  # with teacher: the temperature at which they are learnt
    augment: str = ""  # for example rotate=10,shift=2; see Augmentation
    plain: int = 0  # the last epochs, that are without augmentation
    settle: bool = False  # estimate batch normalisation's statistics on digits as they are, after each epoch
    pictures: bool = False  # learn digits as pictures show them: other pens, blur, noise, few pixels
    styles: int = 0  # digits drawn in styles that MNIST has few of, learnt along: a 1 with a flag, a crossed 7, print
    outliers: int = 0  # shapes that are no digit, learnt along so that they can be told: letters, scribbles
    patience: int = 0  # epochs without a better validation loss before stopping; 0 never stops early
    seed: int = 0

    # where it is learnt
    device: str = "auto"
    amp: bool = False  # bfloat16 in the forward pass where that is safe
    compile: bool = False  # through torch.compile: a slow start, then faster on a GPU
    channels_last: bool = False  # memory order of convolutions: mostly faster

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _typed(field, getattr(self, field.name)))
        for name, known in (("network", NETWORKS), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise UsageError(nearest(name, getattr(self, name), known))
        if self.device.split(":")[0] not in DEVICES:
            raise UsageError(nearest("device", self.device, DEVICES))
        check_task(self.task)
        Augmentation.parse(self.augment)
        for name in ("epochs", "batch_size", "lr", "gamma", "soften"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        for name in ("dropout", "dropout_conv", "label_smoothing", "warmup", "momentum", "beta2"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        _check("heed", self.heed, 0 <= self.heed <= 1, "from 0 to 1")
        for name in ("weight_decay", "patience", "seed", "plain"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _check("seed", self.seed, self.seed < 2**63, "below 2**63")
        for name in ("channels", "hidden"):
            _check(name, getattr(self, name), all(width > 0 for width in getattr(self, name)), "widths above 0")
        if self.val_size is not None:
            size = self.val_size
            _check(
                "val_size", size, size >= 0 and (size < 1 or size == int(size)), "a number of digits or a share below 1"
            )
        if not self.name.strip(". ") or any(sign in self.name for sign in "/\\\0"):
            raise UsageError(f"the name {self.name!r} of the recipe makes no sense: it must be fit for a folder")
        if self.batch_size < 2 and self.network in ("mish", "strided", "vgg", "lean", "unpadded"):
            raise UsageError(
                f"--batch-size 1 makes no sense: the batch normalisation of {self.network} needs 2 or more"
            )
        if self.data == "":
            raise UsageError("--data is empty: give the path of your digits, or leave it out for MNIST")
        if self.new_head and self.init is None:
            raise UsageError("--new-head goes with --init: it keeps earlier weights but for their output layer")
        _check("mix", self.mix, 0 <= self.mix <= MNIST, f"a number of MNIST's digits, up to {MNIST:,}")
        if self.mix and self.data is None:
            raise UsageError("--mix goes with --data: it learns MNIST's digits along with your own")
        if self.teacher is not None and self.outliers:
            raise UsageError("--teacher does not go with --outliers: it says nothing of what is no digit")
        if self.plain and self.pictures:
            raise UsageError("--plain does not go with --pictures: digits as they are look otherwise than pictures do")
        if self.final and self.patience:
            raise UsageError("--final leaves no validation digits for --patience to go by: use one of the two")

    def changed(self, **changes: Any) -> Self:
        """This recipe with some fields changed.

        Raises UsageError for a field that does not exist or a value that cannot be meant.
        """
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise UsageError(nearest("recipe field", name, sorted(known)))
        return dataclasses.replace(self, **changes)

    def differences(self, other: "Recipe | None" = None) -> dict[str, Any]:
        """The fields in which this recipe differs from another one, or from the defaults, with their values."""
        other = other or Recipe()
        return {name: value for name, value in self.as_dict().items() if value != other.as_dict()[name]}

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    def save(self, path: str | Path) -> None:
        """Write the recipe as JSON. Raises StorageError."""
        files.text(path, json.dumps(self.as_dict(), indent=2) + "\n")

    @classmethod
    def read(cls, path: str | Path) -> "Recipe":
        """The recipe in a JSON file; fields that are not in it take their defaults.

        Raises DataError when it cannot be read, FormatError when it is not a JSON object, UsageError for wrong fields.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot read the recipe {path}: {error.strerror or error}") from error
        except ValueError as error:
            raise FormatError(f"{path} is not a recipe in JSON: {error}") from error
        if not isinstance(fields, dict):
            raise FormatError(f"{path} is not a recipe: a JSON object with the recipe's fields is wanted")
        return cls().changed(**fields)


def _check(name: str, value: object, good: bool, wanted: str) -> None:
    if not good:
        raise UsageError(f"--{name.replace('_', '-')} {_shown(value)} makes no sense: it must be {wanted}")


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _typed(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """The value in the field's own type: JSON's lists become tuples, whole floats ints; anything else is an error."""
    kinds = typing.get_args(field.type) if isinstance(field.type, types.UnionType) else (field.type,)
    if value is None and type(None) in kinds:
        return value
    for kind in kinds:
        if typing.get_origin(kind) is tuple:
            items = [value] if isinstance(value, int) else value
            if isinstance(items, list | tuple) and all(type(item) is int for item in items):
                return tuple(items)
        elif kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value) and (kind is float or value == int(value)):
                return kind(value)
        elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        elif kind is str and isinstance(value, Path):
            return str(value)
    wanted = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(
        kinds[0], "whole numbers"
    )
    raise UsageError(f"--{field.name.replace('_', '-')} {_shown(value)} makes no sense: it must be {wanted}")
