"""The fields of a recipe as text: what stands behind `--epochs` or after `epochs=` on the command line."""

import types
import typing
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from tenfold.errors import UsageError
from tenfold.learn.recipes.recipe import check_name, kinds, typed


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
    meant: Any = text  # what cannot be read as the field's type stays text, which `typed` refuses
    if typing.get_origin(kind) is tuple:
        widths = text.replace("x", ",").split(",") if text not in ("", "none") else []
        if all(width.strip().isdecimal() for width in widths):
            meant = list(map(int, widths))
    elif kind is bool:
        meant = {"true": True, "false": False}.get(text.lower(), text)
    elif kind in (int, float):
        with suppress(ValueError):
            meant = float(text)
    return typed(name, meant)
