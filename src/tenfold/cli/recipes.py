"""`tenfold recipes`."""

from json import dumps
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from tenfold.cli import completion
from tenfold.cli.options import Json
from tenfold.errors import UsageError
from tenfold.progress import say

EPILOG = """
Examples:
  # all of them, with what they reached
  tenfold recipes
  # every field of one
  tenfold recipes cnn
  # a file to change
  tenfold recipes cnn --save my.json
"""

WIDTH = 80  # columns


def recipes(
    recipe: Annotated[
        str | None,
        typer.Argument(help="One recipe, to see all its fields.", metavar="RECIPE", autocompletion=completion.recipes),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write that recipe to a JSON file.")] = None,
    json: Json = False,
) -> None:
    """List the recipes, with their parameters, time and measured accuracy, or show one of them whole."""
    from tenfold.cli.printing import table
    from tenfold.learn import networks
    from tenfold.learn.networks.registry import LINE_NETWORKS
    from tenfold.learn.recipes import tasks
    from tenfold.learn.recipes.presets import DEFAULT, RECIPES, measured, resolve, timed_on

    if recipe is not None:
        chosen = resolve(recipe)
        if save is not None:
            chosen.save(save)
            say(f"the recipe {chosen.name} is in {save}; train it: tenfold train {save}")
        elif json:
            say(dumps(chosen.as_dict(), indent=2))
        else:
            changed = chosen.differences()
            fields = [(name, str(value), "*" if name in changed else "") for name, value in chosen.as_dict().items()]
            table(("field", "value", "differs from the default"), fields, left=3)
        return
    if save is not None:
        raise UsageError("--save needs the name of a recipe: tenfold recipes cnn --save my.json")
    listed, rows = [], []
    for name, each in RECIPES.items():
        size = networks.parameters(networks.build(each, len(tasks.parse(each.task).classes)))
        found = measured().get(name)
        listed.append({**each.as_dict(), "parameters": size, "measured": None if found is None else vars(found)})
        reached = ("–", "not measured", "")
        if found is not None:
            spread = f" ± {found.deviation:.2%}" if found.n > 1 else ""  # which a single training has none of
            seconds = f"{found.seconds:,.{1 if found.seconds < 100 else 0}f} s"
            reached = (seconds, f"{found.accuracy:.2%}{spread}", f"{found.n}")
        title = f"{name} (default)" if name == DEFAULT else name
        rows.append((title, each.network, f"{size:,}", f"{each.epochs}", *reached))
    if json:
        say(dumps(listed, indent=2))
        return
    table(("recipe", "network", "parameters", "epochs", "time", "test accuracy", "n"), rows, left=2)
    notes = ["every field of one: tenfold recipes NAME"]
    if machines := timed_on():
        notes.insert(0, f"accuracy is mean ± standard deviation over n seeds; times on {machines}")
    lines = ", ".join(LINE_NETWORKS)
    notes.append(f"networks for --network: {', '.join(networks.NETWORKS)}; with --task lines: {lines}")
    say()
    for note in notes:
        say(fill(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
