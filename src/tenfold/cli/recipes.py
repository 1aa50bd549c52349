"""`tenfold recipes`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli.options import Json

if TYPE_CHECKING:
    from tenfold.learn.recipes.presets import Measured

EPILOG = """
Examples:
  tenfold recipes                       # all of them, with what they reached
  tenfold recipes cnn                   # every field of one
  tenfold recipes cnn --save my.json    # to change
"""


def recipes(
    recipe: Annotated[str | None, typer.Argument(help="One recipe, to see all its fields.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write that recipe to a JSON file.")] = None,
    json: Json = False,
) -> None:
    """List the recipes with their parameters, time and measured accuracy, or show one of them whole."""
    import json as to_json

    from tenfold.cli.printing import table
    from tenfold.errors import UsageError
    from tenfold.learn import networks
    from tenfold.learn.recipes.presets import DEFAULT, RECIPES, measured, resolve

    if recipe is not None:
        chosen = resolve(recipe)
        if save is not None:
            chosen.save(save)
            print(f"the recipe {chosen.name} is in {save}; train it: tenfold train {save}")
        elif json:
            print(to_json.dumps(chosen.as_dict(), indent=2))
        else:
            changed = chosen.differences()
            fields = [(name, str(value), "*" if name in changed else "") for name, value in chosen.as_dict().items()]
            table(("field", "value", "differs from the default"), fields, left=3)
        return
    if save is not None:
        raise UsageError("--save needs the name of a recipe: tenfold recipes cnn --save my.json")
    listed = {
        name: (recipe_, measured().get(name), networks.parameters(networks.build(recipe_)))
        for name, recipe_ in RECIPES.items()
    }
    if json:
        rows = [
            {**r.as_dict(), "parameters": size, "measured": None if m is None else vars(m)}
            for r, m, size in listed.values()
        ]
        print(to_json.dumps(rows, indent=2))
        return
    table(
        ("recipe", "network", "parameters", "epochs", "batch", "optimizer", "schedule", "time", "test accuracy"),
        [
            (
                f"{name} (default)" if name == DEFAULT else name,
                r.network,
                f"{size:,}",
                f"{r.epochs}",
                f"{r.batch_size}",
                f"{r.optimizer} {r.lr:g}",
                r.schedule,
                "not measured" if m is None else f"{m.seconds:,.{1 if m.seconds < 100 else 0}f} s",
                "not measured" if m is None else f"{m.accuracy:.2%}{_spread(m)} (n = {m.n})",
            )
            for name, (r, m, size) in listed.items()
        ],
        left=2,
    )
    if machines := {m.machine for _, m, _ in listed.values() if m is not None}:
        print(f"\naccuracy is mean ± standard deviation over n seeds; times on {', '.join(sorted(machines))}")
    print(f"networks for --network: {', '.join(networks.NETWORKS)}")


def _spread(found: "Measured") -> str:
    """The standard deviation, which a single training has none of."""
    return f" ± {found.deviation:.2%}" if found.n > 1 else ""
