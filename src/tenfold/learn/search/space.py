"""Search spaces: which fields of a recipe to try, and with what values.

A word for each field: `lr=1e-4..1e-1:log` is a range on a log scale, `dropout=0..0.6` an even one, `dropout=0..0.6:0.1`
one in steps, `hidden=64,128,256` a choice, `augment=none|rotate=10,shift=2` one between values that hold commas, and
`epochs=3` is fixed. A width is that of each layer that the recipe has; `512x256` is two layers.
"""

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes import fields
from tenfold.learn.recipes.recipe import Recipe, kinds

if TYPE_CHECKING:
    import optuna

Value = bool | int | float | str

_FIXED = (  # what these say decides what is learnt, or how it is measured: no value of them is better than another
    *("name", "task", "data", "val_size", "final", "mix", "init", "new_head", "teacher", "seed", "device", "compile"),
)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both within; whole ones, on a log scale, or in steps from `low`, if so said."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    def __str__(self) -> str:
        end = ":log" if self.log else "" if self.step is None else f":{self.step:g}"
        return f"{self.low:g}..{self.high:g}{end}"


@dataclass(frozen=True)
class Choice:
    """One of some values. Widths are text, such as 512x256."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        texts = [str(value).lower() if isinstance(value, bool) else str(value) or "none" for value in self.values]
        return ("|" if any("," in text for text in texts) else ",").join(texts)


Space = dict[str, Range | Choice]


def parse(words: Sequence[str], recipe: Recipe) -> tuple[Space, Recipe]:
    """The space that words such as `lr=1e-4..1e-1:log` span, and the recipe with the fields that they fix.

    Raises UsageError, naming the word, for what cannot be, also where a value is none that the recipe can have.
    """
    space: Space = {}
    fixed: dict[str, Any] = {}
    for word in words:
        name, text = fields.split(word)
        if name in space or name in fixed:
            raise UsageError(f"{name} is given twice: say all of its values in one word")
        if name in _FIXED:
            if ".." in text and kinds(name)[0] is not str:
                raise UsageError(f"{word}: {name} cannot be searched, as it decides what is learnt or how it is scored")
            fixed[name] = fields.value(name, text)
            continue
        values = _range(name, text, word) or _choice(name, text, word, recipe)
        if isinstance(values, Choice) and len(values.values) == 1:
            fixed[name] = fields.value(name, text)
        else:
            space[name] = values
    recipe = recipe.changed(**fixed)
    check(space, recipe)
    return space, recipe


def default(recipe: Recipe, digits: int | None = None) -> Space:
    """What is worth trying for a recipe: learning rate, batch size, and widths and dropout if its network has them.

    Batches leave ten steps an epoch at least, if the number of training digits is given.
    """
    most = max(recipe.batch_size, digits // 10) if digits is not None else math.inf
    sizes = [size for size in (recipe.batch_size * 2**k // 4 for k in range(5)) if 8 <= size <= most]
    space: Space = {"lr": Range(recipe.lr / 10, recipe.lr * 10, log=True)}
    if len(sizes) > 1:
        space["batch_size"] = Choice(tuple(sizes))
    if recipe.hidden:
        widest, depth = max(recipe.hidden), len(recipe.hidden)
        widths = ["x".join([str(width)] * depth) for width in (widest // 4, widest // 2, widest, widest * 2) if width]
        own = "x".join(map(str, recipe.hidden))
        space["hidden"] = Choice(tuple(widths if own in widths else [*widths, own]))
        space["dropout"] = Range(0.0, 0.6)
    if any(isinstance(layer, nn.Conv2d) for layer in networks.build(recipe)):
        space["dropout_conv"] = Range(0.0, 0.5)
    return space


def check(space: Space, recipe: Recipe) -> None:
    """Raise UsageError for values that the recipe cannot have: each end of a range and each choice is tried."""
    for name, values in space.items():
        for value in (values.low, values.high) if isinstance(values, Range) else values.values:
            networks.check(recipe.changed(**{name: field_value(name, value, recipe)}))


def suggested(space: Space, trial: "optuna.Trial") -> dict[str, Value]:
    """The values of a trial, by Optuna."""
    found: dict[str, Value] = {}
    for name, values in space.items():
        if isinstance(values, Choice):
            found[name] = trial.suggest_categorical(name, values.values)  # type: ignore[assignment]  # None is none
        elif values.whole:
            low, high, step = (round(value) for value in (values.low, values.high, values.step or 1))
            found[name] = trial.suggest_int(name, low, high, log=values.log, step=step)
        else:
            found[name] = trial.suggest_float(name, values.low, values.high, log=values.log, step=values.step)
    return found


def applied(recipe: Recipe, values: Mapping[str, Value]) -> Recipe:
    """The recipe with the values of a trial. Raises UsageError when they do not go together."""
    return recipe.changed(**{name: field_value(name, value, recipe) for name, value in values.items()})


def own_values(recipe: Recipe, space: Space) -> dict[str, Value] | None:
    """The recipe's own values of the fields that are searched, or None if one is outside of the space."""
    found: dict[str, Value] = {}
    for name, values in space.items():
        own = getattr(recipe, name)
        if isinstance(values, Range):
            same = [own] if values.low <= own <= values.high else []
        else:
            same = [value for value in values.values if field_value(name, value, recipe) == own]
        if not same:
            return None
        found[name] = same[0]
    return found


def as_words(space: Space) -> list[str]:
    """The words that span the space."""
    return [f"{name}={values}" for name, values in space.items()]


def field_value(name: str, value: Value, recipe: Recipe) -> Any:
    """A value of a search as the field has it; a single width is that of each layer that the recipe has."""
    made = fields.value(name, value) if isinstance(value, str) else value
    if typing.get_origin(kinds(name)[0]) is not tuple:
        return made
    widths = made if isinstance(made, tuple) else (made,)
    return widths * max(1, len(getattr(recipe, name))) if len(widths) == 1 else widths


def _range(name: str, text: str, word: str) -> Range | None:
    """The range that `low..high` with `:log` or `:step` means, or None if the text is no range."""
    if ".." not in text:
        return None
    ends, _, scale = text.partition(":")
    low, _, high = ends.partition("..")
    kind = kinds(name)[0]
    if kind not in (int, float):
        raise UsageError(f"{word}: {name} has no range of values; list some, as in {name}=a,b")
    first, last = fields.value(name, low), fields.value(name, high)
    if first >= last:
        raise UsageError(f"{word}: a range must go from a lower to a higher number")
    if scale in ("", "log"):
        if scale and first <= 0:
            raise UsageError(f"{word}: a log scale must begin above 0")
        return Range(first, last, log=bool(scale), whole=kind is int)
    step = fields.value(name, scale)
    if not 0 < step <= last - first:
        raise UsageError(f"{word}: after the colon must be log, or a step that fits into the range")
    return Range(first, last, step=step, whole=kind is int)


def _choice(name: str, text: str, word: str, recipe: Recipe) -> Choice:
    """The values between commas, or between bars if there are any."""
    texts = [part.strip() for part in text.split("|" if "|" in text or name == "augment" else ",")]
    if not all(texts):
        raise UsageError(f"{word}: a value is missing")
    values: list[Value] = []
    for part in texts:
        value = field_value(name, part, recipe)
        values.append(part if isinstance(value, tuple) or value is None else value)
    if len(set(map(str, values))) < len(values):
        raise UsageError(f"{word}: a value is there twice")
    return Choice(tuple(values))
