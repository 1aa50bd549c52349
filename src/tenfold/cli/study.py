"""`tenfold study`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tenfold.learn.search.statistics import Comparison, Summary
    from tenfold.learn.search.study import Study

EPILOG = """
Examples:

  tenfold study fast --seeds 30                    mean, deviation and 95 % interval

  tenfold study mlp --against mish --seeds 10      which is better, seed by seed

  tenfold study cnn dropout=0 --against cnn        what a field is worth

  tenfold study fast --seeds 30 --test             on the test set: to publish, not to choose by

  tenfold study cnn --on ray --address 10.0.0.1:6379

The same command goes on where it stopped, and more --seeds add to it.
"""

_WHAT, _WHERE = "What is trained", "Where and how fast"


def option(panel: str, *names: str, help: str, **more: Any) -> Any:
    """An option of a panel, whose help says its default itself."""
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


def study(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe (see `tenfold recipes`) or a .json file with one. \\[default: fast]"),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            help="Fields to change in it, such as dropout=0 epochs=3 hidden=512x256.", metavar="FIELD=VALUE"
        ),
    ] = None,
    seeds: Annotated[
        int, option(_WHAT, help="How many, counted from the recipe's own. \\[default: 10]", metavar="N")
    ] = 10,
    against: Annotated[
        str | None, option(_WHAT, help="A second recipe, to compare seed by seed.", metavar="RECIPE")
    ] = None,
    test: Annotated[bool, option(_WHAT, "--test", help="Score the test set too, each run once, at its end.")] = False,
    data: Annotated[Path | None, option(_WHAT, help="Your own digits, for both recipes.")] = None,
    task: Annotated[str | None, option(_WHAT, help="The task, for both: digits, parity, is:7, 0-4/5-9.")] = None,
    out: Annotated[Path | None, option(_WHAT, help="The folder. \\[default: runs/study-RECIPE…]")] = None,
    json: Annotated[bool, option(_WHAT, "--json", help='Print JSON, and nothing else; "mean" is a fraction.')] = False,
    quiet: Annotated[bool, option(_WHAT, "--quiet", "-q", help="No progress; only the result and errors.")] = False,
    on: Annotated[str, option(_WHERE, help="local or ray. \\[default: local]")] = "local",
    address: Annotated[
        str | None,
        option(_WHERE, help="Of the Ray cluster: HOST:PORT, or auto. \\[default: a Ray of this machine]"),
    ] = None,
    jobs: Annotated[
        int | None,
        option(_WHERE, help="Trainings at once. \\[default: one for each core, or one on a GPU]", metavar="N"),
    ] = None,
    threads: Annotated[int, option(_WHERE, help="Cores for each training. \\[default: 1]", metavar="N")] = 1,
    device: Annotated[str | None, option(_WHERE, help="auto, cuda, mps, xpu or cpu.")] = None,
) -> None:
    """Train a recipe over many seeds: mean, deviation and interval; or two recipes, and whether one is better."""
    from tenfold.errors import TenfoldError
    from tenfold.learn.recipes import presets
    from tenfold.learn.search import space
    from tenfold.learn.search import study as studies

    name, words = split_words(recipe, fields)
    base = presets.resolve(name or presets.DEFAULT)
    common = {"data": data, "task": task, "device": device}
    found = studies.study(
        base,
        seeds=seeds,
        against=against,
        test=test,
        out=out,
        on=on,
        address=address,
        jobs=jobs,
        threads=threads,
        quiet=quiet or json,
        common={field: value for field, value in common.items() if value is not None},
        **space.changes(words, base),
    )
    if json:
        print(found.as_json())
    else:
        _print(found)
    failed = found.group.failed | ({} if found.against is None else found.against.failed)
    if failed:
        seed, why = next(iter(failed.items()))
        raise TenfoldError(f"{len(failed)} of the trainings failed and are left out, first that of seed {seed}: {why}")


def split_words(recipe: str | None, fields: list[str] | None) -> tuple[str | None, list[str]]:
    """The recipe, which may be left out, and the words with a = in them, in any order."""
    from tenfold.errors import UsageError

    words = [*([] if recipe is None else [recipe]), *(fields or [])]
    names = [word for word in words if "=" not in word]
    if len(names) > 1:
        raise UsageError(f"{names[1]} makes no sense after {names[0]}: fields have values, as in dropout=0")
    return (names[0] if names else None), [word for word in words if "=" in word]


def _print(found: "Study") -> None:
    from tenfold.cli.printing import table
    from tenfold.learn.search import study as studies

    groups = [group for group in (found.group, found.against) if group is not None]
    rows = [
        row_of(name, group.summary, sum(row["seconds"] for row in group.rows) / len(group.rows))
        for name, group in zip(studies.labels(found), groups, strict=True)
        if group.summary is not None
    ]
    table(("recipe", f"{found.split} accuracy", "deviation", "95 % interval", "seeds", "seconds"), rows)
    if found.difference is not None:
        print(f"\n{difference(found.difference, *studies.labels(found))}")
    print(f"\nthe runs, a table and a figure: {found.path}")


def row_of(name: str, summary: "Summary", seconds: float | None, *, percent: bool = True) -> tuple[str, ...]:
    """A row of the table of recipes."""
    form = ".3%" if percent else ".4f"
    interval = "" if summary.low is None else f"{summary.low:{form}} to {summary.high:{form}}"
    cells = name, f"{summary.mean:{form}}", f"{summary.deviation:{form}}", interval, str(summary.n)
    return cells if seconds is None else (*cells, f"{seconds:.1f}")


def difference(found: "Comparison", first: str, second: str) -> str:
    """A paired comparison in words."""
    points = f"{found.mean * 100:+.3f} points"
    counts = f"better with {found.wins} of {found.n} seeds" + (f", as good with {found.ties}" if found.ties else "")
    if found.low is None or found.high is None:
        return f"{first} against {second}: {points}; more seeds are needed to tell that from luck"
    interval = f"95 % interval {found.low * 100:+.3f} to {found.high * 100:+.3f}"
    chance = "" if found.p is None else f", p = {found.p:.2g} in a paired t-test"
    sure = "" if found.low > 0 or found.high < 0 else "; that may be luck"
    return f"{first} against {second}: {points} ({interval}{chance}; {counts}){sure}"
