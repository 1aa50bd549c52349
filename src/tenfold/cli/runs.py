"""`tenfold runs` and `tenfold save`."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG_RUNS = """
Examples:

  tenfold runs

  tenfold runs --root other/place --json
"""
EPILOG_SAVE = """
Examples:

  tenfold save runs/half --as state                  mnist_model_state.pth

  tenfold save runs/half --as full -o mnist.pth

  tenfold save runs/half --as safetensors
"""


def runs(
    root: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """List the runs with their scores, the newest first."""
    import json as to_json

    from tenfold.cli.printing import table
    from tenfold.errors import RunError
    from tenfold.learn.training.runs import all_runs

    rows = []
    for run in all_runs(root):
        try:
            metrics, state = run.metrics, "" if run.finished else "stopped"
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
        print(to_json.dumps(rows, indent=2))
    elif not rows:
        print(f"there are no runs in {root}: `tenfold train` makes one")
    else:
        texts = [
            (
                *(str(r["run"]), str(r["recipe"]), str(r["task"])),
                *(f"{r['epochs']}/{r['of']}", str(r["state"])),
                *("–" if r[k] is None else f"{r[k]:.2%}" for k in ("val_accuracy", "test_accuracy")),
            )
            for r in rows
        ]
        table(("run", "recipe", "task", "epochs", "", "validation", "test"), texts, left=3)


def save(
    run: Annotated[Path, typer.Argument(help="A run, or a safetensors file of one.")],
    form: Annotated[str, typer.Option("--as", help="state, full or safetensors.")] = "state",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. \\[default: mnist_model_state.pth and so on, here]")
    ] = None,
) -> None:
    """Save a trained network for other programs: weights alone, the whole network, or safetensors."""
    from tenfold.learn.training import models
    from tenfold.learn.training.runs import find_model

    model, _, _ = find_model(run)
    path = models.export(model, form, output)
    how = {
        "state": f"network.load_state_dict(torch.load('{path}'))",
        "full": f"network = torch.load('{path}', weights_only=False)",
        "safetensors": f"safetensors.torch.load_file('{path}')",
    }[form]
    print(f"saved {path}; load it with {how}")
