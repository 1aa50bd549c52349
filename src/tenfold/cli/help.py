"""Help: what each verb shows of itself, and what `tenfold` alone says."""

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

_METAVARS = {"<int>": "N", "<int range>": "N", "<float>": "X", "<str>": "TEXT", "<path>": "PATH"}


class Verb(TyperCommand):
    """A verb whose help has no types of Python's, and its examples line by line as they are written."""

    def get_params(self, ctx: Any) -> Any:
        """Its arguments and options."""
        return _plain(super().get_params(ctx), ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help; what `formatter` is given is printed below it."""
        self.help: str | None = re.sub(r"(\S)\n *(\S)", r"\1 \2", self.help or "")
        lines: str | None = self.epilog
        self.epilog: str | None = None  # of which typer would make paragraphs
        super().format_help(ctx, formatter)
        self.epilog = lines
        formatter.write((lines or "").rstrip("\n"))


class Verbs(TyperGroup):
    """Verbs under one name, with such help."""

    def get_params(self, ctx: Any) -> Any:
        """Its options."""
        return _plain(super().get_params(ctx), ctx)


def _plain(parameters: Any, context: Any) -> Any:
    """The parameters, shown without types: a flag has no value, and an argument is what its help says."""
    for one in parameters:
        if one.param_type_name == "argument":
            one.display_type_rich = lambda ctx: None  # noqa: ARG005
        elif one.metavar is None:
            kind = one.display_type(context) if hasattr(one, "display_type") else ""
            one.metavar = "" if one.is_flag else _METAVARS.get(kind)
    return parameters


def beginning(verbs: Any) -> str:
    """What to do first, and the verbs with what each is for, in a few words."""
    width = max(map(len, verbs))
    summaries = {name: re.split(r"[.,:;]", verb.help)[0] for name, verb in verbs.items()}
    return "\n".join(
        (
            "Begin with `tenfold read photo.jpg`, or `tenfold train` to learn from MNIST.\n",
            *(f"  {name:{width}}  {summary}" for name, summary in summaries.items()),
            "\n`tenfold help VERB` shows its options and examples.",
        )
    )
