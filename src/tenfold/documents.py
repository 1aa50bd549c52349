"""What files say in JSON, with the types that it must have; what is nested too deeply or is no number is refused."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from tenfold.errors import DataError, FormatError, one_line

LARGEST = 2**26  # bytes of a file of JSON

T = TypeVar("T")


def converted(value: Any, kind: type[T]) -> T:
    """A value as a type, by msgspec: dicts become dataclasses, lists tuples. Raises FormatError for any other."""
    import msgspec

    try:
        fit: T = msgspec.convert(value, kind, dec_hook=lambda _, given: given)
    except (msgspec.ValidationError, RecursionError) as error:
        raise FormatError(one_line(error).replace("`", "")) from error
    return fit


def decoded(text: str | bytes, kind: type[T]) -> T:
    """What a text says in JSON, as a type. Raises FormatError for what is no JSON, or is of another type."""
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise FormatError("it is nested too deeply") from error
    except ValueError as error:
        raise FormatError(one_line(error)) from error
    return converted(value, kind)


def read(path: str | Path, kind: type[T], what: str = "") -> T:
    """What a file says in JSON, as a type; `what` it is, for the errors, as in "the recipe ".

    Raises DataError where it cannot be read or is larger than 64 MiB, else as `decoded` does.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {what}{path}: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > LARGEST:
        raise DataError(f"cannot read {what}{path}: it has more than {LARGEST >> 20} MiB")
    return decoded(raw, kind)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return value
