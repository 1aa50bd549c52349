"""`tenfold runs`."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.cli.options import Json
from tenfold.errors import RunError
from tenfold.progress import say

EPILOG = """
Examples:
  tenfold runs
  tenfold runs --root other/place --json
"""


def runs(
    root: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs with their scores, the newest first, and whether they are running or stopped."""
    from tenfold.cli.printing import table
    from tenfold.learn.training.runs import all_runs

    rows: list[dict[str, Any]] = []
    for run in all_runs(root):
        try:
            run.check("recipe.json")
            metrics, state = run.metrics, "" if run.finished else "running" if run.running else "stopped"
        except RunError:
            metrics, state = [], "damaged"
        last, evaluation = (metrics[-1] if metrics else {}), run.evaluation
        rows.append(
            {
                "run": str(run.path),
                "recipe": run.recipe.name,
                "task": run.recipe.task,
                "epochs": int(last.get("epoch") or 0),
                "of": run.recipe.epochs,
                "finished": run.finished,
                "state": state,
                "val_accuracy": last.get("val_accuracy"),
                "test_accuracy": evaluation["accuracy"] if evaluation else None,
            }
        )
    if json:
        say(dumps(rows, indent=2))
    elif not rows:
        say(f"there are no runs in {root}: `tenfold train` makes one")
    else:
        texts = []
        for r in rows:
            scores = ("–" if r[k] is None else f"{r[k]:.2%}" for k in ("val_accuracy", "test_accuracy"))
            texts.append((r["run"], r["recipe"], r["task"], f"{r['epochs']}/{r['of']}", r["state"], *scores))
        table(("run", "recipe", "task", "epochs", "", "validation", "test"), texts, left=3)
        if stopped := [r["run"] for r in rows if r["state"] == "stopped"]:
            say(f"\nresume what was stopped: tenfold train --resume {stopped[0]}")
