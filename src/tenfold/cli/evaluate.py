"""`tenfold evaluate`."""

from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli import completion
from tenfold.cli.options import Device, Json
from tenfold.errors import UsageError
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.learn.scoring.lines import LinesEvaluation
    from tenfold.learn.scoring.robustness import Robustness

EPILOG = """
Examples:
  # the newest run, or another one
  tenfold evaluate
  tenfold evaluate runs/half --json > s.json
  # on your own digits
  tenfold evaluate runs/half --data scans/
  # also on corrupted digits
  tenfold evaluate --corrupt
"""


def evaluate(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run or its safetensors file. \\[default: the newest run]",
            metavar="RUN",
            autocompletion=completion.runs,
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Other labelled digits, or lines, to score on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write. \\[default: the run's folder]")] = None,
    corrupt: Annotated[
        bool, typer.Option("--corrupt", help="Score it also under MNIST-C's 15 corruptions, shifts, rotations, scales.")
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Score a run on the test set, with a report: accuracy and its interval, calibration, classes, mistakes."""
    from tenfold.cli.printing import table
    from tenfold.learn.recipes.tasks import LINES
    from tenfold.learn.scoring import evaluation as learn
    from tenfold.learn.scoring import lines
    from tenfold.learn.training import runs

    if runs.find_model(run, lines=True)[0].task == LINES:
        if corrupt:
            raise UsageError("--corrupt is for networks that read one digit: lines are corrupted already")
        _print_lines(lines.evaluate(run, data=data, out=out, device=device), json=json)
        return
    found, under = learn.evaluate(run, data=data, out=out, device=device), None
    if corrupt:
        from tenfold.learn.scoring.robustness import corrupted

        under = corrupted(run, data=data, out=out, device=device)
    if json:
        more = {} if under is None else {"corruptions": loads(under.as_json())}
        say(dumps({**loads(found.as_json()), **more}, indent=2))
        return
    low, high = found.interval
    say(f"{found.model} on {found.data}, {found.n:,} digits, task {found.task}")
    say(f"accuracy {found.accuracy:.2%}  (95 % interval {low:.2%} to {high:.2%}; {len(found.mistakes):,} mistakes)")
    if found.corrected is not None:
        its = found.corrected
        say(f"accuracy {its.accuracy:.2%}  on {its.n:,} of them with 10 labels corrected, which chose nothing")
    auc = "" if found.auc is None else f"  AUC {found.auc:.5f}"
    score = "NLL {nll:.4f}  Brier {brier:.4f}  ECE {ece:.2%}".format
    say(f"{score(**vars(found))}{auc}  at temperature {found.temperature:.2f}")
    say(f"{score(**found.uncalibrated)}  without it\n")
    for note in found.notes:
        say(f"{note}\n")
    rows = [(c.name, f"{c.precision:.2%}", f"{c.recall:.2%}", f"{c.f1:.2%}", f"{c.support:,}") for c in found.classes]
    table(("class", "precision", "recall", "F1", "images"), rows)
    say(f"\nthe report, with figures and mistakes: {found.report}")
    if under is not None:
        _print_corruptions(under)


def _print_lines(found: "LinesEvaluation", *, json: bool) -> None:
    """The scores of a network for lines."""
    if json:
        say(found.as_json())
        return
    low, high = found.interval
    say(f"{found.model} on {found.data}, {found.n:,} lines")
    say(f"accuracy {found.accuracy:.2%}  of whole lines (95 % interval {low:.2%} to {high:.2%})")
    say(f"sign error rate {found.sign_error:.2%}")
    wrong = "" if found.sure_wrong is None else f", {found.sure_wrong:.2%} of those wrong"
    say(f"sure of {found.sure:.2%}{wrong}; from a probability of {found.threshold:.3f} on")


def _print_corruptions(found: "Robustness") -> None:
    """The mean error, a row for each corruption, shift, rotation and scale, and where the figures are."""
    from tenfold.cli.printing import table
    from tenfold.learn.scoring.robustness import words

    times = "" if found.ratio is None else f", {found.ratio:.2f} times that of the recipe {found.reference}"
    say(f"\nunder the 15 corruptions of MNIST-C: mean error {found.mean:.2%}{times}\n")
    names = {"corruption": "{}", "shift": "shift by {} px", "rotation": "rotation by {}°", "scale": "{} times the size"}
    rows = [("(nothing changed)", f"{found.clean:.2%}", "")]
    for family, errors in found.errors.items():
        ratios = (found.ratios or {}).get(family, {})
        for name, error in errors.items():
            ratio = f"{ratios[name]:.2f}" if name in ratios else ""
            rows.append((names[family].format(words(name)), f"{error:.2%}", ratio))
    head = ("digits changed by", "error", f"times {found.reference}'s")
    width = 2 if found.ratios is None else 3
    table(head[:width], [row[:width] for row in rows])
    if found.figures is not None:
        say(f"\nthe chart: {found.figures['corruptions']}\nthe digits: {found.figures['corrupted']}")
