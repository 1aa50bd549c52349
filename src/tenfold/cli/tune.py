"""`tenfold tune`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli.study import option, row_of, split_words
from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.learn.search.tuning import Tuning

EPILOG = """
Examples:

  tenfold tune mlp --trials 50                     learning rate, batch size, widths, dropout

  tenfold tune mlp --search lr=1e-4..1e-1:log hidden=64,128,256 dropout=0..0.6

  tenfold tune cnn epochs=3 optimizer=adam,sgd lr=1e-3..1:log --timeout 30m

  tenfold tune mlp 'augment=none|rotate=10|rotate=10,shift=2' hidden=256,512x256

  tenfold tune mlp --trials 1000 --on ray --address 10.0.0.1:6379

  tenfold train runs/tune-mlp/best.json            what it found

  optuna-dashboard sqlite:///runs/tune-mlp/study.db

The same command goes on where it stopped; run it in two terminals, and both work on one search.
"""

_WHAT, _WHERE = "What is searched", "Where and how fast"


def tune(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe (see `tenfold recipes`) or a .json file with one. \\[default: fast]"),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            help="Fields to search or, with one value, to fix: lr=1e-4..1e-1:log is a range, dropout=0..0.6:0.1 one in "
            "steps, hidden=64,128 a choice; 512x256 is two layers. \\[default: learning rate, batch size, widths and "
            "dropout, around those of the recipe]",
            metavar="FIELD=VALUES",
        ),
    ] = None,
    trials: Annotated[int, option(_WHAT, help="How many, in all. \\[default: 50]", metavar="N")] = 50,
    search: Annotated[
        list[str] | None, option(_WHAT, help="The same as FIELD=VALUES; more may follow.", metavar="FIELD=VALUES")
    ] = None,
    objective: Annotated[
        str, option(_WHAT, help="accuracy or loss of the validation digits. \\[default: accuracy]")
    ] = "accuracy",
    no_prune: Annotated[
        bool, option(_WHAT, "--no-prune", help="End no trial early, that is below the median of the others.")
    ] = False,
    seeds: Annotated[
        int,
        option(_WHAT, help="How many, to confirm the best three by; 0 for none. \\[default: 5]", metavar="N"),
    ] = 5,
    seed: Annotated[int, option(_WHAT, help="Of the search. \\[default: 0]", metavar="N")] = 0,
    data: Annotated[Path | None, option(_WHAT, help="Your own digits.")] = None,
    task: Annotated[str | None, option(_WHAT, help="The task: digits, parity, is:7, 0-4/5-9.")] = None,
    out: Annotated[Path | None, option(_WHAT, help="The folder. \\[default: runs/tune-RECIPE]")] = None,
    json: Annotated[bool, option(_WHAT, "--json", help="Print JSON, and nothing else.")] = False,
    quiet: Annotated[bool, option(_WHAT, "--quiet", "-q", help="No progress; only the result and errors.")] = False,
    timeout: Annotated[
        str | None, option(_WHERE, help="Begin no trial after so long: 90, 30m, 2h.", metavar="TIME")
    ] = None,
    on: Annotated[str, option(_WHERE, help="local or ray. \\[default: local]")] = "local",
    address: Annotated[
        str | None,
        option(_WHERE, help="Of the Ray cluster: HOST:PORT, or auto. \\[default: a Ray of this machine]"),
    ] = None,
    jobs: Annotated[
        int | None, option(_WHERE, help="Trials at once. \\[default: one for each core, or one on a GPU]", metavar="N")
    ] = None,
    threads: Annotated[int, option(_WHERE, help="Cores for each trial. \\[default: 1]", metavar="N")] = 1,
    device: Annotated[str | None, option(_WHERE, help="auto, cuda, mps, xpu or cpu.")] = None,
) -> None:
    """Search for better fields of a recipe, and confirm the best over several seeds, on validation digits alone."""
    from tenfold.learn.search import tuning

    name, words = split_words(recipe, fields)
    given = {"data": data, "task": task, "device": device}
    found = tuning.tune(
        name,
        trials=trials,
        search=[*(word for words_ in search or [] for word in words_.split()), *words],
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
        **{field: value for field, value in given.items() if value is not None},
    )
    if json:
        import json as to_json

        print(to_json.dumps(found.as_dict(), indent=2))
    else:
        _print(found)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+) *([smhd]?)", text.strip())
    try:
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else float(text)
    except ValueError:
        raise UsageError(f"--timeout {text} makes no sense: it must be seconds, or such as 30m or 2h") from None


def _print(found: "Tuning") -> None:
    from tenfold.cli.printing import table
    from tenfold.learn.search import statistics

    counts = ", ".join(f"{count} {state}" for state, count in found.trials.items() if count)
    print(f"trials: {counts or 'none'}")
    if found.elsewhere:
        print(f"another process is still at work on {found.path}, and will confirm the best and write the report")
        return
    if found.confirmed:
        accuracy = found.objective == "accuracy"
        rows = [row_of(one.name, statistics.summary(one.scores), None, percent=accuracy) for one in found.confirmed]
        print()
        table(("confirmed", f"validation {found.objective}", "deviation", "95 % interval", "seeds"), rows)
    if found.best is None:
        print("no trial came to its end, so there is no best recipe")
    else:
        print(f"\ntrain the best: tenfold train {found.path / 'best.json'}")
    print(f"the report: {found.report}")
