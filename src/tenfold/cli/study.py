"""`tenfold study`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tenfold.cli import completion
from tenfold.cli.fields import with_fields
from tenfold.cli.options import Address, Jobs, On, RecipeName, Threads, Words, option
from tenfold.errors import TenfoldError
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.learn.search.statistics import Comparison, Summary
    from tenfold.learn.search.study import Study

EPILOG = """
Examples:
  # mean and 95 % interval
  tenfold study fast --seeds 30
  # which is better
  tenfold study mlp --against mish --seeds 10
  # what a field is worth
  tenfold study cnn dropout=0 --against cnn
  # test set, to publish
  tenfold study fast --seeds 30 --test
  # on a cluster
  tenfold study cnn --on ray --address 10.0.0.1:6379
The same command resumes it where it stopped, and more --seeds add to it.
"""

_what = partial(option, "What is trained")
COMMON = ("data", "task", "device")  # fields that hold for both recipes


@with_fields
def study(  # noqa: PLR0913 - options
    recipe: RecipeName = None,
    words: Words = None,
    seeds: Annotated[int, _what(help="How many, counted from the recipe's own. \\[default: 10]", metavar="N")] = 10,
    against: Annotated[
        str | None,
        _what(help="A second recipe, to compare seed by seed.", metavar="RECIPE", autocompletion=completion.recipes),
    ] = None,
    test: Annotated[bool, _what("--test", help="Score the test set too, each run once, at its end.")] = False,
    out: Annotated[Path | None, _what("--out", "-o", help="The folder. \\[default: runs/study-RECIPE…]")] = None,
    json: Annotated[bool, _what("--json", help='Print JSON, and nothing else; "mean" is a fraction.')] = False,
    quiet: Annotated[bool, _what("--quiet", "-q", help="No progress; only the result and errors.")] = False,
    on: On = "local",
    address: Address = None,
    jobs: Jobs = None,
    threads: Threads = 1,
) -> None:
    """Train a recipe over many seeds: mean, deviation and interval; or two recipes, and whether one is better.

    Fields change the first recipe; data, task and device hold for both.
    """
    from tenfold.learn.recipes import fields
    from tenfold.learn.search import study as search

    changes = fields.changes(words or [])
    common = {name: changes.pop(name) for name in COMMON if name in changes}
    found = search.study(
        recipe,
        seeds=seeds,
        against=against,
        test=test,
        out=out,
        on=on,
        address=address,
        jobs=jobs,
        threads=threads,
        quiet=quiet or json,
        common=common,
        **changes,
    )
    say(found.as_json()) if json else _print(found)
    failed = found.group.failed | ({} if found.against is None else found.against.failed)
    if failed:
        seed, reason = next(iter(failed.items()))
        raise TenfoldError(f"{len(failed)} of the trainings failed and are left out, first seed {seed}: {reason}")


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
        say(f"\n{difference(found.difference, *studies.labels(found))}")
    say(f"\nthe runs, a table and a figure: {found.path}")


def row_of(name: str, summary: "Summary", seconds: float | None, *, percent: bool = True) -> tuple[str, ...]:
    """A row of the table of recipes."""
    form = ".3%" if percent else ".4f"
    interval = "" if summary.low is None else f"{summary.low:{form}} to {summary.high:{form}}"
    deviation = "" if summary.deviation is None else f"{summary.deviation:{form}}"
    cells = name, f"{summary.mean:{form}}", deviation, interval, str(summary.n)
    return cells if seconds is None else (*cells, f"{seconds:.1f}")


def difference(found: "Comparison", first: str, second: str) -> str:
    """A paired comparison of accuracies in words."""
    from tenfold.learn.search import statistics

    return f"{first} against {second}: {statistics.told(found, 'accuracy')}"
