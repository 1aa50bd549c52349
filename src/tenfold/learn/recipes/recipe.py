"""A recipe: everything that decides what a training run learns, in one frozen object."""

import dataclasses
import functools
import json
import math
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from tenfold import documents, files
from tenfold.errors import FormatError, UsageError, nearest
from tenfold.learn.recipes import own, tasks
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.recipes.devices import check_device

OPTIMIZERS = ("adam", "adamw", "sgd", "adadelta", "rmsprop")
SCHEDULES = ("constant", "step", "linear", "cosine", "onecycle")
AMOUNTS = tuple(field.name for field in dataclasses.fields(Augmentation))
MNIST = 50_000  # training digits that MNIST has beside those for validation
_LONGEST = 10_000  # characters of a text

# The ranges of fields, as msgspec has them, behind what is said of a number below.
_COUNT = ("1 or more", {"ge": 1, "le": 1_000_000})
_SOME = ("0 or more", {"ge": 0, "le": 1_000_000})
_SHARE = ("at least 0 and below 1", {"ge": 0.0, "lt": 1.0})
_POSITIVE = ("above 0", {"gt": 0.0, "le": 1e38})
_WIDTHS = ("widths above 0, below 2**31, and no more than 100", {"ge": 1, "le": 2**31 - 1, "max_length": 100})

# What fields, networks and augmentations were called in version 0.1.0, whose recipes and runs are still opened.
OLD_FIELDS = {
    "heed": "teacher_weight",
    "soften": "teacher_temperature",
    "plain": "unaugmented_epochs",
    "settle": "recalibrate_batchnorm",
}
OLD_NETWORKS = {"lean": "separable", "unpadded": "valid"}
OLD_AUGMENTATIONS = {"wear": "degrade"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to train, on what, and how. The defaults are an ordinary CNN; presets state where they differ.

    What stands beside a field is its help on the command line too. Raises UsageError, naming the field, for any value
    that it cannot have. Whether there is a network of that name is known when it is built.
    """

    name: Annotated[str, "what the recipe is called"] = "custom"
    code: Annotated[str | None, "SHA-256 of the code of a network, optimizer or augmentation of one's own"] = None

    # What is learnt
    task: Annotated[str, "digits, parity, is:7, groups such as 0-4/5-9, or lines"] = "digits"
    data: Annotated[
        str | None, "your own digits: a folder with one for each class, a file, or a set such as fashion-mnist"
    ] = None
    val_size: Annotated[float | None, "validation digits, or their share if below 1; unless the data has some"] = None
    final: Annotated[bool, "learn from the validation digits too"] = False
    mix: Annotated[
        int,
        "with --data: MNIST digits learnt along, so that nothing is forgotten",
        (f"a number of MNIST's digits, up to {MNIST:,}", {"ge": 0, "le": MNIST}),
    ] = 0

    # The network
    network: Annotated[str, "a network's name (see `tenfold recipes`), or your own: file.py:function"] = "cnn"
    channels: Annotated[tuple[int, ...], "channels of each convolution, as in 32,64", _WIDTHS] = (32, 64)
    hidden: Annotated[
        tuple[int, ...], "width of each hidden fully connected layer, as in 512,256; or none", _WIDTHS
    ] = (128,)
    dropout: Annotated[float, "dropout between the fully connected layers", _SHARE] = 0.0
    dropout_conv: Annotated[float, "dropout after the convolutions", _SHARE] = 0.0
    weight_bits: Annotated[
        int,
        "bits of a weight (quantization-aware training); 32 is none",
        ("2 to 8, or 32", {"ge": 2, "le": 32}),
    ] = 32
    init: Annotated[str | None, "a run or weights file to start from; default is the bundled model"] = None
    new_head: Annotated[bool, "with --init: a fresh output layer, for another task"] = False

    # How it is learnt
    epochs: Annotated[int, "passes over the training digits", _COUNT] = 10
    batch_size: Annotated[int, "digits in a step; what is left at the end of an epoch is skipped", _COUNT] = 128
    optimizer: Annotated[str, f"{', '.join(OPTIMIZERS)}, or file.py:function"] = "adam"
    lr: Annotated[float, "highest learning rate of the schedule", _POSITIVE] = 1e-3
    momentum: Annotated[float, "momentum of sgd and rmsprop; first beta of adam and adamw", _SHARE] = 0.9
    beta2: Annotated[float, "second beta of adam and adamw; smoothing of rmsprop; rho of adadelta", _SHARE] = 0.999
    weight_decay: Annotated[float, "weight decay", ("0 or more", {"ge": 0.0, "le": 1e6})] = 0.0
    label_smoothing: Annotated[float, "share of the target spread over all classes", _SHARE] = 0.0
    schedule: Annotated[str, "of the learning rate: " + ", ".join(SCHEDULES)] = "constant"
    warmup: Annotated[float, "share of the steps in which the learning rate rises from zero", _SHARE] = 0.0
    gamma: Annotated[float, "with schedule step: factor of the learning rate after each epoch", _POSITIVE] = 0.7
    teacher: Annotated[str | None, "a run, such as an ensemble, to learn the probabilities of (distillation)"] = None
    teacher_weight: Annotated[
        float,
        "with --teacher: its share of the loss; the labels have the rest",
        ("from 0 to 1", {"ge": 0.0, "le": 1.0}),
    ] = 0.9
    teacher_temperature: Annotated[float, "with --teacher: the temperature of distillation", _POSITIVE] = 2.0
    augment: Annotated[str, f"{', '.join(AMOUNTS)}, as in rotate=10; none; file.py:name"] = ""
    unaugmented_epochs: Annotated[int, "the last epochs, without augmentation", _SOME] = 0
    recalibrate_batchnorm: Annotated[bool, "estimate batch norm's statistics on digits without augmentation"] = False
    pictures: Annotated[bool, "learn digits as pictures show them: other pens, blur, noise, few pixels"] = False
    styles: Annotated[int, "digits drawn in styles that MNIST lacks, learnt along: crossed 7s, print", _SOME] = 0
    outliers: Annotated[int, "shapes that are no digit, learnt along so as to be rejected", _SOME] = 0
    patience: Annotated[int, "stop after so many epochs without improvement and keep the best; 0 never", _SOME] = 0
    seed: Annotated[int, "seed of everything random", ("0 or more, and below 2**63", {"ge": 0, "le": 2**63 - 1})] = 0

    # Where and how fast
    device: Annotated[str, "auto, cuda, mps, xpu or cpu"] = "auto"
    amp: Annotated[bool, "mixed precision in bfloat16"] = False
    compile: Annotated[bool, "use torch.compile: slow to start, then faster on a GPU"] = False
    channels_last: Annotated[bool, "channels-last memory order: mostly faster"] = False

    def __post_init__(self) -> None:
        for name in FIELDS:
            object.__setattr__(self, name, typed(name, getattr(self, name)))
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known and not (name in own.FIELDS and own.is_own(getattr(self, name))):
                raise UsageError(nearest(name, getattr(self, name), known))
        check_device(self.device)
        tasks.parse(self.task)
        if not own.is_own(self.augment):
            Augmentation.parse(self.augment)
        self._check_ranges()
        self._check_together()

    def _check_ranges(self) -> None:
        """Raise UsageError for what its own range does not say."""
        if self.val_size is not None:
            whole = self.val_size < 1 or self.val_size == int(self.val_size)
            self._must("val_size", self.val_size >= 0 and whole, "a number of digits or a share below 1")
        self._must("weight_bits", self.weight_bits <= 8 or self.weight_bits == 32, "2 to 8, or 32")
        self._must("data", self.data != "", "the path of your digits, or left out for MNIST")
        if not self.name.strip(". ") or any(sign in self.name for sign in "/\\"):
            raise UsageError(f"the name of a recipe must be fit for a folder, not {self.name!r}")

    def _check_together(self) -> None:
        """Raise UsageError for fields that do not go together."""
        wrong: dict[str, Any] = {
            "--new-head goes with --init: it keeps earlier weights but for their output layer": self.new_head
            and self.init is None,
            "--mix goes with --data: it learns MNIST's digits along with your own": self.mix and self.data is None,
            "--teacher does not go with --outliers: it says nothing of what is no digit": self.teacher is not None
            and self.outliers,
            "--unaugmented-epochs does not go with --pictures: digits without augmentation look otherwise than in "
            "pictures": self.unaugmented_epochs and self.pictures,
            "--pictures does not go with an augmentation of your own: it has one": self.pictures
            and own.is_own(self.augment),
            "--final leaves no validation digits for --patience to go by: use one of the two": self.final
            and self.patience,
        }
        of_digits = (
            *("mix", "teacher", "label_smoothing", "augment", "pictures", "styles", "outliers"),
            *("unaugmented_epochs", "recalibrate_batchnorm"),
        )
        for name in of_digits if self.task == tasks.LINES.name else ():
            option = f"--{name.replace('_', '-')}"
            wrong[f"{option} does not go with --task lines, which writes lines of MNIST's digits"] = getattr(self, name)
        for says, holds in wrong.items():
            if holds:
                raise UsageError(says)

    def _must(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise UsageError(f"--{name.replace('_', '-')} must be {wanted}, not {_shown(getattr(self, name))}")

    def changed(self, **changes: Any) -> Self:
        """This recipe with some fields changed.

        Raises UsageError for a field that does not exist or a value that it cannot have.
        """
        for name in changes:
            check_name(name)
        return dataclasses.replace(self, **changes)

    def differences(self, other: "Recipe | None" = None) -> dict[str, Any]:
        """The fields in which this recipe differs from another one, or from the defaults, with their values."""
        other = other or Recipe()
        return {name: value for name, value in self.as_dict().items() if value != other.as_dict()[name]}

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {**dataclasses.asdict(self), "channels": list(self.channels), "hidden": list(self.hidden)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Recipe":
        """The recipe with these fields, also as version 0.1.0 named them; those that are missing take their defaults.

        Raises UsageError for a field that does not exist or a value that it cannot have.
        """
        return cls().changed(**current(fields))

    def save(self, path: str | Path) -> None:
        """Write the recipe as JSON. Raises StorageError."""
        files.text(path, json.dumps(self.as_dict(), indent=2) + "\n")

    @classmethod
    def read(cls, path: str | Path) -> "Recipe":
        """The recipe in a JSON file; fields that are not in it take their defaults.

        Raises DataError when it cannot be read, FormatError when it is not a JSON object, UsageError for wrong fields.
        """
        try:
            return cls.from_dict(documents.read(path, dict[str, Any], "the recipe "))
        except FormatError as error:
            raise FormatError(f"{path} is not a recipe, a JSON object with the recipe's fields: {error}") from error


FIELDS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Recipe))
PANELS: dict[str, str] = {  # the first field of each group, and what the group is about
    "task": "What is learnt",
    "network": "The network",
    "epochs": "How it is learnt",
    "device": "Where and how fast",
}


@functools.cache
def kinds(name: str) -> tuple[Any, ...]:
    """The types that a field's values may have; None's, if it may be None, last."""
    kind = _hints()[name].__origin__
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def description(name: str) -> str:
    """What a field is, as it stands beside it."""
    text: str = _hints()[name].__metadata__[0]
    return text


@functools.cache
def _hints() -> dict[str, Any]:
    return typing.get_type_hints(Recipe, include_extras=True)


def check_name(name: str) -> None:
    """Raise UsageError unless a recipe has a field of this name."""
    if name in OLD_FIELDS:
        raise UsageError(f"the recipe field {name} is now called {OLD_FIELDS[name]}")
    if name not in FIELDS:
        raise UsageError(nearest("recipe field", name, sorted(FIELDS)))


def current(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's fields by their present names, whichever version wrote them."""
    found = {OLD_FIELDS.get(name, name): value for name, value in fields.items()}
    if isinstance(found.get("network"), str):
        found["network"] = OLD_NETWORKS.get(found["network"], found["network"])
    if isinstance(found.get("augment"), str):
        for old, new in OLD_AUGMENTATIONS.items():
            found["augment"] = found["augment"].replace(f"{old}=", f"{new}=")
    return found


def _shown(value: Any) -> str:
    """A value in an error, of any kind and length."""
    several = isinstance(value, list | tuple) and all(isinstance(item, int | str) for item in value[:20])
    if not several and not isinstance(value, str | int | float | bool | os.PathLike | None):
        return f"a {type(value).__name__}"
    text = ",".join(str(item)[:40] for item in value[:20]) if several else str(value)
    return f"{text[:80]}…" if len(text) > 80 else text or "empty"


def typed(name: str, value: Any) -> Any:
    """The value in a field's own type and range: JSON's lists become tuples, whole floats ints.

    Raises UsageError, naming the field, for others.
    """
    kind = kinds(name)[0]
    several = typing.get_origin(kind) is tuple
    if isinstance(value, float) and value.is_integer() and kind is int:
        value = int(value)
    elif isinstance(value, Path) and kind is str:
        value = str(value)
    elif several and isinstance(value, int):
        value = (value,)
    elif name in own.FIELDS and callable(value):
        value = own.reference(value)
    option = f"--{name.replace('_', '-')}"
    plain, ranged, says, most = _checks(name)
    try:
        value = documents.converted(value, plain)
        if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, str) and not _text(value)):
            raise FormatError(name)
    except FormatError:
        wanted = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        must = wanted.get(kind, "whole numbers such as 512,256")
        raise UsageError(f"{option} must be {must}, not {_shown(value)}") from None
    try:
        return documents.converted(value, ranged)
    except FormatError:
        must = says if several or most is None or value <= most else f"at most {most:,}"
        raise UsageError(f"{option} must be {must}, not {_shown(value)}") from None


def _text(value: str) -> bool:
    """Whether a text can be a file's name, or as short."""
    try:
        return len(value) <= _LONGEST and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


@functools.cache
def _checks(name: str) -> tuple[Any, Any, str, float | None]:
    """The type of a field, the same with its range, what that is in words, and its end if it has one."""
    from msgspec import Meta

    kind, more = _hints()[name].__origin__, _hints()[name].__metadata__[1:]
    if not more:
        return kind, kind, "", None
    says, bounds = more[0]
    if typing.get_origin(kind) is not tuple:
        most = bounds.get("le") if says.endswith(("or more", "above 0")) else None
        return kind, Annotated[kind, Meta(**bounds)], says, most
    each = Annotated[int, Meta(ge=bounds["ge"], le=bounds["le"])]
    return kind, Annotated[tuple[each, ...], Meta(max_length=bounds["max_length"])], says, None
