"""A study: one recipe, or two to be compared, trained over many seeds."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tenfold import documents, files
from tenfold.errors import DataError, RunError, StorageError, TenfoldError, UsageError
from tenfold.learn import figures, networks
from tenfold.learn.recipes import own, presets, tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import figures as search_figures
from tenfold.learn.search import statistics
from tenfold.learn.search.jobs import Lost, Place, Tally, train_all
from tenfold.learn.stopping import Stop
from tenfold.learn.training import runs
from tenfold.mnist import sources

SETTINGS = "study.json"
_SCORES = {"validation": "val_accuracy", "test": "test_accuracy"}  # columns of the rows
_FREE = ("device", "name")  # fields that may be changed when a study is resumed


@dataclass(frozen=True)
class Group:
    """The trainings of one recipe in a study."""

    recipe: Recipe
    rows: tuple[dict[str, Any], ...]  # of each seed that finished
    failed: dict[int, str]  # why, by seed
    summary: statistics.Summary | None  # of the scores of `rows`; None without any


@dataclass(frozen=True)
class Study:
    """What `study` found. Accuracies are fractions."""

    path: Path
    split: str  # "validation" or "test": what the scores are measured on
    group: Group
    against: Group | None = None
    difference: statistics.Comparison | None = None  # of the seeds that both have, the first less the second

    @property
    def score(self) -> str:
        """The column of the rows that is summed up."""
        return _SCORES[self.split]

    def as_dict(self) -> dict[str, Any]:
        """The study as JSON-ready values."""
        return {
            **_as_dict(self.group),
            "split": self.split,
            "path": str(self.path),
            "against": None if self.against is None else _as_dict(self.against),
            "difference": None if self.difference is None else asdict(self.difference),
        }

    def as_json(self) -> str:
        """The study as a JSON object."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False)


def _as_dict(group: Group) -> dict[str, Any]:
    empty = {"n": 0, "mean": None, "deviation": None, "low": None, "high": None}
    return {
        "recipe": group.recipe.name,
        **(empty if group.summary is None else asdict(group.summary)),
        "fields": group.recipe.as_dict(),
        "seeds": list(group.rows),
        "failed": {str(seed): why for seed, why in group.failed.items()},
    }


def study(  # noqa: PLR0913 - a public signature
    recipe: str | Path | Recipe | None = None,
    *,
    seeds: int = 10,
    against: str | Path | Recipe | None = None,
    test: bool = False,
    out: str | Path | None = None,
    on: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    threads: int = 1,
    quiet: bool = False,
    common: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Study:
    """Train a recipe with several seeds, and sum up what they reach: mean, deviation and interval.

    Args:
        recipe: A recipe, its name or file; None is the default.
        seeds: How many, counted up from the recipe's own seed. More than before add to a study that is there.
        against: A second recipe, to be compared seed by seed.
        test: Score the test set, each run once at its end: for figures to publish, not to choose by.
        out: The folder; runs/study-<what> when it is None. A study that is there is resumed.
        on: "local", processes of this machine, or "ray".
        address: Of the Ray cluster; see `connection.connected`.
        jobs: Trainings at once; None is one for each core, or one on a GPU.
        threads: Cores that each computes on. On the CPU the scores depend on it in their last digits.
        quiet: Show nothing.
        common: Fields to change in both recipes.
        changes: Fields to change in the first.

    The same seeds give the same scores wherever they are trained, on processors of one kind.

    Raises UsageError, DataError, RunError, StorageError, ClusterError or MissingExtra as their names say, Interrupted
    on Ctrl-C; the same call resumes it.
    """
    if seeds < 1:
        raise UsageError(f"--seeds must be 1 or more, not {seeds}")
    place = Place(on, address, jobs, threads)
    common = dict(common or {})
    first = presets.resolve(recipe or presets.DEFAULT, **{**common, **changes})
    recipes = {"seeds": first}
    if against is not None:
        recipes["against"] = second = presets.resolve(against, **common)
        if first.changed(name=second.name) == second:
            raise UsageError("both recipes are the same: there is nothing to compare")
    for each in recipes.values():
        check_data(each)
        if not test:
            check_held_out(each, "score the test set, with --test")
    folder = Path(out) if out is not None else runs.ROOT / _title(first, changes, recipes.get("against"))
    return _study(folder, recipes, seeds, place, test=test, quiet=quiet)


def _study(folder: Path, recipes: Mapping[str, Recipe], seeds: int, place: Place, *, test: bool, quiet: bool) -> Study:
    """Train the recipes, by the name of their folder, and sum up."""
    settings = {
        "recipe": recipes["seeds"].as_dict(),
        "against": recipes["against"].as_dict() if "against" in recipes else None,
        "threads": place.threads,
    }
    wanted = {
        folder / part / f"{recipe.seed + k:03}": recipe.changed(seed=recipe.seed + k)
        for part, recipe in recipes.items()
        for k in range(seeds)
    }
    with claimed(folder), Stop() as stop:
        _begin(folder, settings)
        with (
            place.opened(recipes["seeds"], len(wanted)) as engine,
            Tally("trainings", len(wanted), quiet=quiet) as tally,
        ):
            threads = f"{place.threads} thread{'s' * (place.threads > 1)}"
            tally.line(f"{len(wanted)} trainings by {engine.name}, {threads} each")
            rows = train_all(wanted, engine, place, tally, stop, test=test)
        if len({row["data"] for row in rows.values() if not isinstance(row, Lost)}) > 1:
            raise RunError(
                f"the data changed while {folder} was made: its scores cannot be compared; choose another --out"
            )
        split = "test" if test else "validation"
        groups = {part: _group(recipe, folder / part, rows, split) for part, recipe in recipes.items()}
        group, other = groups["seeds"], groups.get("against")
        pairs = [] if other is None else _pairs(group, other, split)
        first, second = zip(*pairs, strict=True) if pairs else ((), ())
        difference = statistics.paired(first, second, statistics.FRACTION) if pairs else None
        done = Study(folder, split, group, other, difference)
        _write(done, settings)
    return done


def check_data(recipe: Recipe) -> int:
    """Raise here and now what every training of the recipe would raise: for its data, its task and its network.

    The number of training digits.
    """
    source = sources.load(recipe.data)
    task = tasks.parse(recipe.task, source.classes)
    training = (source if not recipe.mix else sources.load()).split(recipe.val_size, final=recipe.final)[0]
    if recipe.batch_size > len(task.apply(training)):
        raise DataError(f"a batch of {recipe.batch_size:,} is larger than the {len(training):,} training digits")
    networks.build(recipe, len(task.classes))
    return len(training)


def check_held_out(recipe: Recipe, instead: str) -> None:
    """Raise UsageError, which says what to do instead, for a recipe without validation digits to choose by."""
    split = sources.load().split() if recipe.mix else sources.load(recipe.data).split(recipe.val_size)
    if recipe.final or split[1] is None:
        why = "final" if recipe.final else f"val_size={recipe.val_size:g}" if recipe.val_size is not None else "too few"
        raise UsageError(f"{recipe.name} holds no validation digits out ({why}): {instead}")


@dataclass
class _Kept:
    """Of study.json what resuming needs."""

    settings: dict[str, Any]


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes, as long as this one lives. Raises StorageError when one has it."""
    with files.held(folder, f"another process works in {folder}: wait for it, or give another --out"):
        try:
            files.directory(folder)
        except OSError as error:
            raise StorageError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        yield


def _begin(folder: Path, settings: dict[str, Any]) -> None:
    """Write down what the study is of, or make sure that the one that is there is of the same."""
    place = folder / SETTINGS
    if not place.exists():
        if any(not path.name.startswith(".") for path in folder.iterdir()):
            raise StorageError(f"{folder} is not empty and holds no study: choose another --out")
        files.text(place, json.dumps({"settings": settings}, indent=2) + "\n")
        return
    try:
        before = documents.read(place, _Kept).settings
        # Fields that came since then had their default.
        before |= {k: Recipe.from_dict(v).as_dict() for k, v in before.items() if isinstance(v, dict)}
    except TenfoldError as error:
        raise RunError(f"cannot resume {folder}: {place} is damaged ({error})") from error
    changed = []
    for name, now in settings.items():
        then = before.get(name)
        if isinstance(now, dict) and isinstance(then, dict):
            changed += [f"{name}.{key}" for key in now if key not in _FREE and then[key] != now[key]]
        elif then != now:
            changed.append(name)
    if changed:
        what = ", ".join(changed)
        raise RunError(f"{folder} holds a study with other settings ({what}): choose another --out, or remove it")


def _title(first: Recipe, changes: Mapping[str, Any], second: Recipe | None) -> str:
    """The name of a study's folder, which says what it is of, so that the same command finds it again."""
    words = [first.name, *(f"{name}={_word(value)}" for name, value in sorted(changes.items()))]
    words += [] if second is None else ["against", second.name]
    return "study-" + "".join(sign if sign.isalnum() or sign in "-=.,_" else "_" for sign in "-".join(words))[:120]


def _word(value: Any) -> str:
    if callable(value) or (isinstance(value, str) and own.is_own(value)):
        return own.short(value if isinstance(value, str) else own.reference(value))
    return "x".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _group(recipe: Recipe, folder: Path, rows: Mapping[Path, dict[str, Any] | Lost], split: str) -> Group:
    mine = {int(path.name): row for path, row in rows.items() if path.parent == folder}
    good = tuple(row for _, row in sorted(mine.items()) if not isinstance(row, Lost))
    failed = {seed: row.error for seed, row in sorted(mine.items()) if isinstance(row, Lost)}
    scores = [row[_SCORES[split]] for row in good]
    return Group(recipe, good, failed, statistics.summary(scores, statistics.FRACTION) if good else None)


def _pairs(first: Group, second: Group, split: str) -> list[tuple[float, float]]:
    """The scores of both by the number of the seed, as the two recipes may count from different ones."""
    column = _SCORES[split]
    others = {row["seed"] - second.recipe.seed: row[column] for row in second.rows}
    mine = {row["seed"] - first.recipe.seed: row[column] for row in first.rows}
    return [(mine[k], others[k]) for k in sorted(mine.keys() & others.keys())]


def labels(found: Study) -> list[str]:
    """What the recipes are called in tables and figures: by their names or, if these are one, by what differs."""
    groups = [found.group] if found.against is None else [found.group, found.against]
    names = [group.recipe.name for group in groups]
    if len(set(names)) == len(names):
        return names
    apart = [name for name in found.group.recipe.differences(groups[1].recipe) if name != "code"]
    return [" ".join([g.recipe.name, *(f"{k}={_word(getattr(g.recipe, k))}" for k in apart)]) for g in groups]


def _write(found: Study, settings: dict[str, Any]) -> None:
    """Write study.json, study.csv and study.png."""
    files.text(
        found.path / SETTINGS,
        json.dumps({"settings": settings, **found.as_dict()}, indent=2, allow_nan=False) + "\n",
    )
    groups = [found.group] if found.against is None else [found.group, found.against]
    names = labels(found)
    with files.file(found.path / "study.csv") as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        columns = ["recipe", *dict.fromkeys(key for group in groups for row in group.rows for key in row)]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for name, group in zip(names, groups, strict=True):
            writer.writerows({"recipe": name, **row} for row in group.rows)
    scores = [(name, [row[found.score] for row in g.rows]) for name, g in zip(names, groups, strict=True) if g.rows]
    if scores:
        paired = [] if found.against is None else [a - b for a, b in _pairs(found.group, found.against, found.split)]
        figures.save(search_figures.seeds(scores, f"{found.split} accuracy", paired), found.path / "study.png")
