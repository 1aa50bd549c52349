"""`tenfold tune`."""

import re
from functools import partial
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli.fields import with_fields
from tenfold.cli.options import WHERE, Address, Jobs, On, RecipeName, Threads, option
from tenfold.cli.study import row_of
from tenfold.errors import UsageError
from tenfold.files import holder
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.learn.search.tuning import Tuning

EPILOG = """
Examples:
  # learning rate, batch size, widths and dropout
  tenfold tune mlp --trials 50
  # ranges and choices of your own
  tenfold tune mlp --search lr=1e-4..1e-1:log hidden=64,128,256 dropout=0..0.6
  tenfold tune cnn epochs=3 optimizer=adam,sgd lr=1e-3..1:log --timeout 30m
  tenfold tune mlp 'augment=none|rotate=10|rotate=10,shift=2' hidden=256,512x256
  # on a cluster
  tenfold tune mlp --trials 1000 --on ray --address 10.0.0.1:6379
  # train what it found
  tenfold train runs/tune-mlp/best.json
  # look at the search
  optuna-dashboard sqlite:///runs/tune-mlp/study.db
The same command resumes it where it stopped; run it in two terminals, and
both work on one search.
"""

_what = partial(option, "What is searched")


@with_fields
def tune(  # noqa: PLR0913 - options
    recipe: RecipeName = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Fields to search or, with one value, to fix: lr=1e-4..1e-1:log is a range, dropout=0..0.6:0.1 one in "
            "steps, hidden=64,128 a choice; 512x256 is two layers. \\[default: learning rate, batch size, widths and "
            "dropout, around those of the recipe]",
            metavar="FIELD=VALUES",
        ),
    ] = None,
    trials: Annotated[int, _what(help="How many, in all. \\[default: 50]", metavar="N")] = 50,
    search: Annotated[
        list[str] | None, _what(help="The same as FIELD=VALUES; more may follow.", metavar="FIELD=VALUES")
    ] = None,
    objective: Annotated[
        str, _what(help="accuracy or loss of the validation digits. \\[default: accuracy]")
    ] = "accuracy",
    no_prune: Annotated[
        bool, _what("--no-prune", help="Stop no trial early that is below the median of the others.")
    ] = False,
    seeds: Annotated[
        int, _what(help="How many, to confirm the best three by; 0 for none. \\[default: 5]", metavar="N")
    ] = 5,
    seed: Annotated[int, _what(help="Of the search; seed=N is that of the trainings. \\[default: 0]", metavar="N")] = 0,
    out: Annotated[Path | None, _what("--out", "-o", help="The folder. \\[default: runs/tune-RECIPE]")] = None,
    json: Annotated[bool, _what("--json", help="Print JSON, and nothing else.")] = False,
    quiet: Annotated[bool, _what("--quiet", "-q", help="No progress; only the result and errors.")] = False,
    timeout: Annotated[
        str | None, option(WHERE, help="Start no trial after this time: 90, 30m, 2h.", metavar="TIME")
    ] = None,
    on: On = "local",
    address: Address = None,
    jobs: Jobs = None,
    threads: Threads = 1,
) -> None:
    """Search for better fields of a recipe, and confirm the best over several seeds, on validation digits alone."""
    from tenfold.learn.search import tuning

    found = tuning.tune(
        recipe,
        trials=trials,
        search=[*(word for line in search or [] for word in line.split()), *(words or [])],
        objective=objective,
        timeout=None if timeout is None else _seconds(timeout),
        seeds=seeds,
        prune=not no_prune,
        seed=seed,
        out=out,
        on=on,
        address=address,
        jobs=jobs,
        threads=threads,
        quiet=quiet or json,
    )
    say(dumps(found.as_dict(), indent=2)) if json else _print(found)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+) *([smhd]?)", text.strip())
    try:
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else float(text)
    except ValueError:
        raise UsageError(f"--timeout must be seconds, or as in 30m or 2h, not {text}") from None


def _print(found: "Tuning") -> None:
    from tenfold.cli.printing import table
    from tenfold.learn.search import report, statistics

    counts = ", ".join(f"{count} {state}" for state, count in found.trials.items() if count)
    say(f"trials: {counts or 'none'}")
    if found.elsewhere:
        who = holder(found.path)
        say(f"another process still works on {found.path}{who}, and will confirm the best and write the report")
        return
    if found.confirmed:
        accuracy = found.objective == "accuracy"
        ends = statistics.ends_of(found.objective)
        sums = [(one.name, statistics.summary(one.scores, ends)) for one in found.confirmed]
        rows = [row_of(name, total, None, percent=accuracy) for name, total in sums]
        say()
        table(("confirmed", f"validation {found.objective}", "deviation", "95 % interval", "seeds"), rows)
        say(f"\n{report.verdict(found.confirmed[0], found.confirmed, found.objective)}")
    if found.best is None:
        say("no trial finished, so there is no best recipe")
    else:
        say(f"\ntrain the best: tenfold train {found.path / 'best.json'}")
    say(f"the report: {found.report}")
