"""`tenfold evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """
Examples:

  tenfold evaluate                            the newest run

  tenfold evaluate runs/half --json > s.json

  tenfold evaluate runs/half --data scans/    on your own digits
"""


def evaluate(
    run: Annotated[
        Path | None, typer.Argument(help="A run or its safetensors file. \\[default: the newest run]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Other labelled digits to score on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write. \\[default: the run's folder]")] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps, xpu or cpu.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Score a run on the test set, with a report: accuracy and its interval, calibration, classes, mistakes."""
    from tenfold.cli.printing import table
    from tenfold.learn import evaluation as learn

    found = learn.evaluate(run, data=data, out=out, device=device)
    if json:
        print(found.as_json())
        return
    low, high = found.interval
    print(f"{found.model} on {found.data}, {found.n:,} digits, task {found.task}")
    print(f"accuracy {found.accuracy:.2%}  (95 % interval {low:.2%} to {high:.2%}; {len(found.mistakes):,} mistakes)")
    if found.corrected is not None:
        its = found.corrected
        print(f"accuracy {its.accuracy:.2%}  on {its.n:,} of them with 10 labels corrected, which chose nothing")
    auc = "" if found.auc is None else f"  AUC {found.auc:.5f}"
    temperature = f"at temperature {found.temperature:.2f}"
    plain = found.uncalibrated
    without = f"NLL {plain['nll']:.4f}  Brier {plain['brier']:.4f}  ECE {plain['ece']:.2%}  without it"
    print(f"NLL {found.nll:.4f}  Brier {found.brier:.4f}  ECE {found.ece:.2%}{auc}  {temperature}")
    print(f"{without}\n")
    for note in found.notes:
        print(f"{note}\n")
    rows = [(c.name, f"{c.precision:.2%}", f"{c.recall:.2%}", f"{c.f1:.2%}", f"{c.support:,}") for c in found.classes]
    table(("class", "precision", "recall", "F1", "images"), rows)
    print(f"\nthe report, with figures and mistakes: {found.report}")
