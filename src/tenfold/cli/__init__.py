"""The command line: each verb, a file of its name, parses its options, calls what it is for, and prints.

No verbs are fields (a recipe's fields as options), options (what several verbs take), help, completion (of words in a
shell), mistakes (words that make no command) and printing.
"""

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from tenfold import __version__
from tenfold.cli.help import Verb, Verbs, beginning
from tenfold.cli.mistakes import sentence
from tenfold.errors import Interrupted, StorageError, TenfoldError, UsageError, missing_extra, one_line
from tenfold.progress import say

VERBS = (
    "read",
    "explain",
    "serve",
    "play",
    "train",
    "tune",
    "study",
    "evaluate",
    "ensemble",
    "predict",
    "recipes",
    "runs",
    "save",
    "export",
    "doctor",
    "data",
)


def application(words: Sequence[str] = ()) -> typer.Typer:
    """All verbs under one name; where the words begin with one, that alone, since making each takes its time."""
    app = typer.Typer(
        name="tenfold",
        cls=Verbs,
        invoke_without_command=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Every verb has examples: tenfold train --help",
    )
    app.callback()(_tenfold)
    for name in words[:1] if words and words[0] in VERBS else VERBS:
        module = import_module(f"tenfold.cli.{name}")
        if name == "data":
            app.add_typer(module.app, name=name)
        else:
            app.command(name, cls=Verb, epilog=module.EPILOG)(getattr(module, name))
    return app


def _version(asked: bool) -> None:
    if asked:
        say(f"tenfold {__version__}")
        raise typer.Exit


def _tenfold(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; works at every place.")
    ] = False,
) -> None:
    """Handwritten digits: read them from any picture, learn MNIST in seconds, offline.

    Begin with: tenfold read photo.jpg, or tenfold train, then tenfold evaluate.
    """
    del version, debug  # which are looked at before
    if context.invoked_subcommand is None:
        say(beginning(getattr(context.command, "commands", {})))
        raise typer.Exit(UsageError.status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Errors end as one line on standard error, with the status they carry."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - closed by whoever started this
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks → or ± shows a question mark instead
            stream.reconfigure(errors="replace")
    debug = "--debug" in given
    words = _as_options([word for word in given if word != "--debug"])
    app = application(words)
    try:
        sys.exit(app(words, prog_name="tenfold", standalone_mode=False))
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (TenfoldError, OSError) as error:
        _fail(error, debug)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package == "tenfold":
            raise
        _fail(missing_extra(package, "train"), debug)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
            raise
        _fail(StorageError("there is not enough memory for this: give a smaller --batch-size or smaller widths"), debug)
    except Exception as error:
        # What typer raises for words that it does not understand, and for Ctrl-C, wherever it keeps its classes.
        if type(error).__name__ == "Abort":
            _fail(Interrupted("stopped"), debug)
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            say(error.format_message())
            sys.exit(UsageError.status)
        _fail(UsageError(sentence(error, words, typer.main.get_command(app))), debug)


def _as_options(words: list[str]) -> list[str]:
    """`help`, `help VERB` and `version` as the options that they stand for; other words as they are."""
    if words[:1] == ["help"]:
        return [*(word for word in words if word not in ("help", "version")), "--help"]
    return ["--version"] if words[:1] == ["version"] else words


def _fail(error: BaseException, debug: bool) -> None:
    if debug:
        raise error
    say(f"tenfold: {one_line(error)}", file=sys.stderr)
    sys.exit(error.status if isinstance(error, TenfoldError) else 1)
