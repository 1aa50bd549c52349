"""`tenfold predict`."""

import csv
import io
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli import completion
from tenfold.cli.options import Device
from tenfold.errors import printable
from tenfold.progress import say

EPILOG = """
Examples:
  # 16 random test digits
  tenfold predict
  # only mistakes
  tenfold predict --wrong --count 8
  # the same digits each time
  tenfold predict runs/half --seed 1
  # all answers, as Kaggle takes them
  tenfold predict --data test.csv -o submission.csv
"""


def predict(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run, or a safetensors file of one. \\[default: the newest run]",
            metavar="RUN",
            autocompletion=completion.runs,
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="How many digits.")] = 16,
    wrong: Annotated[bool, typer.Option("--wrong", help="Only digits that are answered wrong.")] = False,
    seed: Annotated[int | None, typer.Option(help="Draw the same digits each time.")] = None,
    data: Annotated[Path | None, typer.Option(help="Other digits to draw from, with labels or without.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The picture, or a .csv of all answers. \\[default: predictions.png in the run's folder]",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Show random test digits with the answers, here and as a picture; trains the default recipe if there is no run."""
    from tenfold import files
    from tenfold.cli.printing import braille, console
    from tenfold.learn import figures
    from tenfold.learn.scoring import prediction
    from tenfold.learn.training import runs

    if out is not None and out.suffix.lower() == ".csv":  # as Kaggle's competition takes it
        answers = prediction.answers(run, data=data, device=device)
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([("ImageId", "Label"), *enumerate(answers, 1)])
        files.text(out, table.getvalue())
        say(f"{len(answers):,} answers in {out}")
        return
    found = prediction.predict(run, count=count, wrong=wrong, seed=seed, data=data, device=device)
    _, _, folder = runs.find_model(run)
    each = 18  # columns a digit takes: 14 and a gap
    across = max(1, (shutil.get_terminal_size().columns if sys.stdout.isatty() else 80) // each)
    screen = console()
    for start in range(0, len(found), across):
        row = found[start : start + across]
        for line in zip(*(braille(p.image) for p in row), strict=True):
            screen.print("".join(piece.ljust(each) for piece in line).rstrip(), markup=False)
        for p in row:
            text = printable(("" if p.right else f"{p.label} → ") + f"{p.answer}  {p.confidence:.0%}")
            screen.print(text[: each - 1].ljust(each), style="bold" if p.right else "bold red", end="", markup=False)
        screen.print("\n")
    if not found:
        say("no digit is answered wrong")
    path = figures.save(prediction.picture(found), out or folder / "predictions.png")
    known = [p for p in found if p.label is not None]
    score = f"{sum(p.right for p in known)} of {len(known)} right; " if known else ""
    say(f"{score}the picture: {path}")
