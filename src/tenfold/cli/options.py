"""Arguments and options that several verbs have."""

from typing import Annotated, Any

import typer

from tenfold.cli import completion


def option(panel: str, *names: str, help: str, show_default: bool = False, **more: Any) -> Any:
    """An option under a heading; its help says its default itself, if it is not shown."""
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=show_default, **more)


WHERE = "Where and how fast"

RecipeName = Annotated[
    str | None,
    typer.Argument(
        help="A recipe (see `tenfold recipes`) or a .json file with one. \\[default: fast]",
        metavar="RECIPE",
        autocompletion=completion.recipes,
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Fields to change in it, such as dropout=0 epochs=3 hidden=512x256; --dropout 0 is the same.",
        metavar="FIELD=VALUE",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Device = Annotated[
    str, typer.Option(help="auto, cuda, mps, xpu or cpu.", autocompletion=completion.OF_FIELDS["device"])
]
On = Annotated[str, option(WHERE, help="local or ray. \\[default: local]")]
Address = Annotated[
    str | None, option(WHERE, help="Of the Ray cluster: HOST:PORT, or auto. \\[default: a Ray of this machine]")
]
Jobs = Annotated[
    int | None, option(WHERE, help="Trainings at once. \\[default: one for each core, or one on a GPU]", metavar="N")
]
Threads = Annotated[int, option(WHERE, help="Cores for each training. \\[default: 1]", metavar="N")]
