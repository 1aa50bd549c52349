"""The fields of a recipe as text: what stands behind `--epochs` or after `epochs=` on the command line."""

import math
import types
import typing
from collections.abc import Iterable
from typing import Any

from tenfold.errors import UsageError
from tenfold.learn.recipes.recipe import check_name, kinds


def split(word: str) -> tuple[str, str]:
    """The field and the text of a word such as `lr=0.5`. Raises UsageError for an unknown field or one without text."""
    name, sign, text = word.partition("=")
    name = name.strip().replace("-", "_")
    if not sign or not text:
        raise UsageError(f"a field must have a value, as in lr=0.5, not {word}")
    check_name(name)
    return name, text


def changes(words: Iterable[str]) -> dict[str, Any]:
    """The fields that words such as `lr=0.5` change. Raises UsageError for wrong ones and for a field given twice."""
    found: dict[str, Any] = {}
    for word in words:
        name, text = split(word)
        if name in found:
            raise UsageError(f"{name} is given twice")
        found[name] = value(name, text)
    return found


def value(name: str, text: str) -> Any:
    """A field's value from its text: `true`, `0.5`, `512,256` or `512x256` for widths, `none` where there may be none.

    Raises UsageError for text that is no value of the field's type.
    """
    text, kind = text.strip(), kinds(name)[0]
    if text == "none" and (types.NoneType in kinds(name) or name == "augment"):
        return None if types.NoneType in kinds(name) else ""
    if typing.get_origin(kind) is tuple:
        widths = text.replace("x", ",").split(",") if text not in ("", "none") else []
        if not all(width.strip().isdigit() for width in widths):
            raise _must(name, "whole numbers such as 512,256", text)
        return tuple(map(int, widths))
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise _must(name, "true or false", text)
        return text.lower() == "true"
    if kind is int:
        return int(_number(name, text, "a whole number", whole=True))
    return _number(name, text, "a number") if kind is float else text


def _number(name: str, text: str, wanted: str, *, whole: bool = False) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and number != int(number)):
        raise _must(name, wanted, text)
    return number


def _must(name: str, wanted: str, text: str) -> UsageError:
    return UsageError(f"--{name.replace('_', '-')} must be {wanted}, not {text or 'empty'}")
