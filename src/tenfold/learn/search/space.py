"""Search spaces: which fields of a recipe to try, and with what values.

A word for each field: `lr=1e-4..1e-1:log` is a range on a log scale, `dropout=0..0.6` an even one, `dropout=0..0.6:0.1`
one in steps, `hidden=64,128,256` a choice, `augment=none|rotate=10,shift=2` one between values that hold commas, and
`epochs=3` is fixed. A width is that of each layer that the recipe has; `512x256` is two layers.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenfold.errors import UsageError, nearest
from tenfold.learn.recipes.recipe import Recipe

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = bool | int | float | str

_KINDS = {field.name: field.type for field in dataclasses.fields(Recipe)}
_FIXED = (  # what these say decides what is learnt, or how it is measured: no value of them is better than another
    *("name", "task", "data", "val_size", "final", "mix", "init", "new_head", "teacher", "seed", "device", "compile"),
)
_CONVOLUTIONAL = ("cnn", "lenet", "strided", "vgg", "lean")


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

    Raises UsageError, naming the word, for what cannot be meant, also where a value is none that the recipe can have.
    """
    space: Space = {}
    fixed: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or not text:
            raise UsageError(f"{word} makes no sense: a field and its values are wanted, as in lr=1e-4..1e-1:log")
        if name not in _KINDS or name == "name":
            raise UsageError(nearest("recipe field", name, sorted(set(_KINDS) - {"name"})))
        if name in space or name in fixed:
            raise UsageError(f"{name} is given twice: say all of its values in one word")
        found = _range(name, text, word) or _choice(name, text, word, recipe)
        if isinstance(found, Choice) and len(found.values) == 1:
            fixed[name] = field_value(name, found.values[0], recipe)
        elif name in _FIXED:
            raise UsageError(f"{word}: {name} is not to be searched, as it decides what is learnt or how it is scored")
        else:
            space[name] = found
    recipe = recipe.changed(**fixed)
    check(space, recipe)
    return space, recipe


def changes(words: Sequence[str], recipe: Recipe) -> dict[str, Any]:
    """The fields that words such as `dropout=0` fix. Raises UsageError also for several values."""
    space, _ = parse(words, recipe)
    if space:
        name, values = next(iter(space.items()))
        hint = "; the widths of two layers are 512x256" if name in ("hidden", "channels") else ""
        raise UsageError(f"{name}={values}: one value is wanted here, not several{hint}")
    return {
        word.partition("=")[0].strip().replace("-", "_"): field_value(
            word.partition("=")[0].strip().replace("-", "_"), word.partition("=")[2], recipe
        )
        for word in words
    }


def default(recipe: Recipe, digits: int | None = None) -> Space:
    """What is worth trying for a recipe: learning rate, batch size, and widths and dropout if its network has them.

    Batches leave ten steps an epoch at least, where it is told how many training digits there are.
    """
    most = max(recipe.batch_size, digits // 10) if digits is not None else math.inf
    sizes = [size for size in (recipe.batch_size * 2**k // 4 for k in range(5)) if 8 <= size <= most]
    space: Space = {"lr": Range(recipe.lr / 10, recipe.lr * 10, log=True)}
    if len(sizes) > 1:
        space["batch_size"] = Choice(tuple(sizes))
    if recipe.hidden:
        widest, depth = max(recipe.hidden), len(recipe.hidden)
        widths = ["x".join([str(width)] * depth) for width in (widest // 4, widest // 2, widest, widest * 2) if width]
        own = _widths(recipe.hidden)
        space["hidden"] = Choice(tuple(widths if own in widths else [*widths, own]))
        space["dropout"] = Range(0.0, 0.6)
    if recipe.network in _CONVOLUTIONAL:
        space["dropout_conv"] = Range(0.0, 0.5)
    return space


def check(space: Space, recipe: Recipe) -> None:
    """Raise UsageError for values that the recipe cannot have: each end of a range and each choice is tried."""
    for name, values in space.items():
        for value in (values.low, values.high) if isinstance(values, Range) else values.values:
            recipe.changed(**{name: field_value(name, value, recipe)})


def distributions(space: Space) -> dict[str, "BaseDistribution"]:
    """The space as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for name, values in space.items():
        if isinstance(values, Choice):
            found[name] = CategoricalDistribution(values.values)
        elif values.whole:
            step = round(values.step or 1)
            found[name] = IntDistribution(round(values.low), round(values.high), log=values.log, step=step)
        else:
            found[name] = FloatDistribution(values.low, values.high, log=values.log, step=values.step)
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
            if not values.low <= own <= values.high:
                return None
            found[name] = own
            continue
        same = [value for value in values.values if field_value(name, value, recipe) == own]
        if not same:
            return None
        found[name] = same[0]
    return found


def as_words(space: Space) -> list[str]:
    """The words that span the space."""
    return [f"{name}={values}" for name, values in space.items()]


def field_value(name: str, value: Value, recipe: Recipe) -> Any:
    """A value of a search as the field has it: text as its type, and widths as a tuple."""
    kinds = _kinds(name)
    if not isinstance(value, str):
        return (value,) * max(1, len(getattr(recipe, name))) if _is_widths(kinds) else value
    text = value.strip()
    if _is_widths(kinds):
        widths = () if text in ("", "none") else tuple(_whole(name, width) for width in text.split("x"))
        return widths * max(1, len(getattr(recipe, name))) if len(widths) == 1 else widths
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise UsageError(f"{name}={text} makes no sense: it must be true or false")
        return text.lower() == "true"
    if int in kinds or float in kinds:
        if text == "none" and types.NoneType in kinds:
            return None
        return _whole(name, text) if float not in kinds else _number(name, text)
    return "" if text == "none" and name == "augment" else text


def _kinds(name: str) -> tuple[Any, ...]:
    kind = _KINDS[name]
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _is_widths(kinds: tuple[Any, ...]) -> bool:
    return typing.get_origin(kinds[0]) is tuple


def _widths(widths: Sequence[int]) -> str:
    return "x".join(map(str, widths))


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{name}={text} makes no sense: it must be a number")
    return number


def _whole(name: str, text: str) -> int:
    number = _number(name, text)
    if number != int(number):
        raise UsageError(f"{name}={text} makes no sense: it must be a whole number")
    return int(number)


def _range(name: str, text: str, word: str) -> Range | None:
    """The range that `low..high` with `:log` or `:step` means, or None if the text is no range."""
    if ".." not in text:
        return None
    ends, _, scale = text.partition(":")
    low, _, high = ends.partition("..")
    kinds = _kinds(name)
    if not (int in kinds or float in kinds) or bool in kinds:
        raise UsageError(f"{word} makes no sense: {name} has no range of values; list some, as in {name}=a,b")
    whole = float not in kinds
    read = _whole if whole else _number
    first, last = read(name, low), read(name, high)
    if first >= last:
        raise UsageError(f"{word} makes no sense: a range goes from a lower to a higher number")
    if scale in ("", "log"):
        if scale and first <= 0:
            raise UsageError(f"{word} makes no sense: a log scale begins above 0")
        return Range(first, last, log=bool(scale), whole=whole)
    step = read(name, scale)
    if not 0 < step <= last - first:
        raise UsageError(f"{word} makes no sense: after the colon comes log, or a step that fits into the range")
    return Range(first, last, step=step, whole=whole)


def _choice(name: str, text: str, word: str, recipe: Recipe) -> Choice:
    """The values between commas, or between bars if there are any."""
    texts = [part.strip() for part in text.split("|" if "|" in text or name == "augment" else ",")]
    if not all(texts):
        raise UsageError(f"{word} makes no sense: a value is missing")
    values: list[Value] = []
    for part in texts:
        value = field_value(name, part, recipe)
        values.append(part if isinstance(value, tuple) or value is None else value)
    if len(set(map(str, values))) < len(values):
        raise UsageError(f"{word} makes no sense: a value is there twice")
    return Choice(tuple(values))
