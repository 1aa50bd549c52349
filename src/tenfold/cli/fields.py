"""A recipe on the command line: its name and, as `epochs=5` or `--epochs 5`, its fields; the same on every verb."""

import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.cli.completion import OF_FIELDS
from tenfold.errors import UsageError
from tenfold.learn.recipes.recipe import FIELDS, PANELS, description, kinds

_METAVARS = {int: "N", float: "X", str: "TEXT", tuple: "N,N"}


def with_fields(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with an option for every field of a recipe that it has none for itself.

    It is called with `words`: those such as `epochs=5` that were among its arguments `recipe` and `words`, and one of
    the same form for each option that was given.
    """
    own = inspect.signature(verb).parameters
    options, panel = {}, ""
    for name in FIELDS:  # each field that is an option stands under the heading of itself or of one before
        panel = PANELS.get(name, panel)
        if panel and name not in own:
            options[name] = _option(name, panel)

    @functools.wraps(verb)
    def command(**given: Any) -> None:
        texts = {name: given.pop(name) for name in options}
        words = given["words"] or []
        if "recipe" in own:
            given["recipe"], words = _split(given["recipe"], words)
        for name, text in texts.items():
            if text is not None:
                words.append(f"{name}={str(text).lower() if isinstance(text, bool) else text or 'none'}")
        verb(**given | {"words": words})

    kind = inspect.Parameter.KEYWORD_ONLY
    more = [inspect.Parameter(name, kind, default=None, annotation=hint) for name, hint in options.items()]
    command.__signature__ = inspect.Signature([*own.values(), *more])  # type: ignore[attr-defined]
    command.__annotations__ = {**verb.__annotations__, **options}
    return command


def is_field(word: str) -> bool:
    """Whether a word is a field with its value, as in epochs=5, and no file."""
    return "=" in word and not Path(word).exists()


def _split(recipe: str | None, words: list[str]) -> tuple[str | None, list[str]]:
    """The recipe, which may be left out, and the words that are fields, in any order."""
    given = words if recipe is None else [recipe, *words]
    names = [word for word in given if not is_field(word)]
    if len(names) > 1:
        raise UsageError(f"a field must have a value, as in dropout=0: {names[1]} has none")
    return (names[0] if names else None), [word for word in given if is_field(word)]


@functools.cache
def _option(name: str, panel: str) -> Any:
    kind = kinds(name)[0]
    text = description(name)
    words: dict[str, Any] = {"help": f"{text[0].upper()}{text[1:]}.", "rich_help_panel": panel, "show_default": False}
    if kind is bool:
        return Annotated[bool | None, typer.Option(**words)]
    metavar = _METAVARS[typing.get_origin(kind) or kind]
    return Annotated[str | None, typer.Option(metavar=metavar, autocompletion=OF_FIELDS.get(name), **words)]
