"""Tuning: a search for the fields of a recipe that give the best validation score, with Optuna.

T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", 2019, arXiv 1907.10902. Values come
from its tree-structured Parzen estimator (J. Bergstra et al., "Algorithms for hyper-parameter optimization", 2011), and
a trial ends early whose score is below the median of the others at the same epoch. Optuna keeps the trials; this module
asks it for them, has an engine train them, and tells it what came of them.
"""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.engines.jobs import Engine
from tenfold.errors import StorageError, UsageError, missing_extra
from tenfold.learn import figures
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import figures as search_figures
from tenfold.learn.search import report as tuning_report
from tenfold.learn.search import space, statistics, storage
from tenfold.learn.search.driving import FINALISTS, OBJECTIVES, STORAGE, Search, opened
from tenfold.learn.search.jobs import Lost, Place, Tally, train_all
from tenfold.learn.search.report import AS_IT_WAS, Confirmed
from tenfold.learn.search.study import check_data, check_held_out, claimed
from tenfold.learn.stopping import Stop
from tenfold.learn.training import runs

BEST = "best.json"


@dataclass(frozen=True)
class Tuning:
    """What `tune` found."""

    path: Path
    objective: str
    trials: dict[str, int]  # how many complete, pruned, failed
    confirmed: tuple[Confirmed, ...]  # the best first, scored over several seeds
    best: Recipe | None
    report: Path | None
    elsewhere: bool = False  # another process still works on it, and will confirm and write the report

    def as_dict(self) -> dict[str, Any]:
        """The tuning as JSON-ready values; scores are accuracies as fractions, or losses."""
        against = tuning_report.compared(self.confirmed, self.objective)
        rows = [
            {
                "name": one.name,
                **asdict(statistics.summary(one.scores, statistics.ends_of(self.objective))),
                "scores": list(one.scores),
                "fields": one.recipe.as_dict(),
                "difference": asdict(against[one.name]) if one.name in against else None,  # to the recipe as it was
            }
            for one in self.confirmed
        ]
        return {
            "path": str(self.path),
            "objective": self.objective,
            "trials": self.trials,
            "mean": rows[0]["mean"] if rows else None,
            "best": None if self.best is None else self.best.as_dict(),
            "confirmed": rows,
        }


def tune(  # noqa: PLR0913 - a public signature
    recipe: str | Path | Recipe | None = None,
    *,
    trials: int = 50,
    search: Sequence[str] = (),
    objective: str = "accuracy",
    timeout: float | None = None,
    seeds: int = 5,
    prune: bool = True,
    seed: int = 0,
    out: str | Path | None = None,
    on: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    threads: int = 1,
    quiet: bool = False,
    **changes: Any,
) -> Tuning:
    """Search for better fields of a recipe, on validation digits alone, and confirm the best over several seeds.

    Args:
        recipe: A recipe, its name or file; None is the default. It is the first trial, if the space holds it.
        trials: How many in all, with those that the folder has already.
        search: Words of the search space, see `space`; empty is the default of the recipe.
        objective: "accuracy" or "loss", of the validation digits.
        timeout: Seconds after which no trial is begun any more.
        seeds: How many to confirm the best three by, each with other seeds than the trials'; 0 confirms nothing.
        prune: End a trial early that is below the median of the others.
        seed: Of the search. With jobs=1 the same seed tries the same recipes, also if stopped and resumed.
        out: The folder; runs/tune-<recipe> when it is None. A tuning that is there is resumed, also by several
            processes at once.
        on: "local", processes of this machine, or "ray".
        address: Of the Ray cluster; see `connection.connected`.
        jobs: Trials at once; None is one for each core, or one on a GPU.
        threads: Cores that each trial computes on.
        quiet: Show nothing.
        changes: Fields of the recipe to change before.

    Raises UsageError, DataError, RunError, StorageError, ClusterError or MissingExtra as their names say, Interrupted
    on Ctrl-C; the same call resumes it.
    """
    _check(trials, objective, timeout, seeds, seed)
    place = Place(on, address, jobs, threads)
    _silence_optuna()
    wide, base = _space(search, presets.resolve(recipe or presets.DEFAULT, **changes))
    folder = Path(out) if out is not None else runs.ROOT / f"tune-{base.name}"
    settings = {
        "recipe": base.changed(device="auto").as_dict(),
        "search": space.as_words(wide),
        "objective": objective,
        "prune": prune,
        "seed": seed,
        "threads": threads,
    }
    deadline = None if timeout is None else time.time() + timeout
    with Stop() as stop:
        work = Search(opened(folder, settings, space.own_values(base, wide)), folder, base, wide, settings, trials)
        with storage.usable(folder / STORAGE):
            return _tune(work, place, stop, seeds, deadline, quiet=quiet)


def _silence_optuna() -> None:
    """Let Optuna print errors alone. Raises MissingExtra when it is not installed."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise missing_extra("optuna", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _space(words: Sequence[str], recipe: Recipe) -> tuple[space.Space, Recipe]:
    """The space that is searched, and the recipe around which it is. Raises UsageError, DataError."""
    wide, base = space.parse(words, recipe)
    digits = check_data(base)
    wide = wide or space.default(base, digits)
    space.check(wide, base)
    sizes = wide.get("batch_size")
    largest = sizes.high if isinstance(sizes, space.Range) else max(map(int, sizes.values)) if sizes else 0
    if largest > digits:
        raise UsageError(f"batch_size={sizes}: a batch of {largest:,} is larger than the {digits:,} training digits")
    check_held_out(base, "there is nothing else to choose by")
    return wide, base


def _tune(work: Search, place: Place, stop: Stop, seeds: int, deadline: float | None, *, quiet: bool) -> Tuning:
    """Search, and unless another process still does, confirm the best and write the report."""
    most = max(work.trials, (FINALISTS + 1) * seeds)
    with place.opened(work.base, most) as engine:
        with Tally("trials", work.trials, quiet=quiet) as tally:
            words = " ".join(work.settings["search"])
            tally.line(f"tuning {work.base.name} in {work.folder}, {engine.name}: {words}")
            work.run(engine, tally, stop, deadline, served=not place.here)
        counts = work.counts()
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(work.folder))
            except StorageError:  # who is there confirms and reports
                return Tuning(work.folder, work.objective, counts, (), None, None, elsewhere=True)
            if work.running():
                return Tuning(work.folder, work.objective, counts, (), None, None, elsewhere=True)
            confirmed: tuple[Confirmed, ...] = ()
            if seeds and counts["complete"]:
                with Tally("confirming", None, quiet=quiet) as tally:
                    confirmed = _confirm(work, seeds, engine, place, tally, stop)
            best = confirmed[0].recipe if confirmed else work.best()
            return _finish(work, best, confirmed, engine.name)


def _check(trials: int, objective: str, timeout: float | None, seeds: int, seed: int) -> None:
    if objective not in OBJECTIVES:
        raise UsageError(f"--objective must be {' or '.join(OBJECTIVES)}, not {objective}")
    for name, value, least in (("trials", trials, 1), ("seeds", seeds, 0), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"--{name} must be {least} or more, not {value}")
    if timeout is not None and timeout <= 0:
        raise UsageError(f"--timeout must be above 0 seconds, not {timeout:g}")


def _confirm(work: Search, seeds: int, engine: Engine, place: Place, tally: Tally, stop: Stop) -> tuple[Confirmed, ...]:
    """The best trials and the recipe as it was, over seeds that the search has not seen; the best mean first.

    The score of the best of many trials is in part luck. New seeds draw that luck anew.
    """
    finalists = work.finalists()
    fresh = [work.base.seed + 1 + k for k in range(seeds)]
    wanted = {
        work.folder / "confirm" / name.replace(" ", "-") / f"{seed:03}": recipe.changed(seed=seed, name=name)
        for seed in fresh
        for name, recipe in finalists.items()
    }
    tally.line(f"confirming {len(finalists)} recipes over {seeds} new seed{'s' * (seeds > 1)}")
    tally.total = len(wanted)
    rows = train_all(wanted, engine, place, tally, stop)
    found = []
    for name, recipe in finalists.items():
        mine = [rows[path] for path, one in wanted.items() if one.name == name]
        scores = tuple(float(row[f"val_{work.objective}"]) for row in mine if not isinstance(row, Lost))
        if len(scores) == len(fresh):
            found.append(Confirmed(name, recipe, scores))
        else:
            tally.line(f"{name} is left out, as it failed with {len(fresh) - len(scores)} of {len(fresh)} seeds")
    sign = -1 if work.objective == "accuracy" else 1
    return tuple(sorted(found, key=lambda one: sign * statistics.summary(one.scores).mean))


def _finish(work: Search, best: Recipe | None, confirmed: tuple[Confirmed, ...], engine_name: str) -> Tuning:
    """Write best.json, tuning.json, the figures and the report."""
    study, objective, folder, settings = work.study, work.objective, work.folder, work.settings
    if best is not None:
        best = best.changed(name=work.base.name if best == work.base else f"{work.base.name}-tuned")
        best.save(folder / BEST)
    drawn = {"history": search_figures.history(study, objective), "slices": search_figures.slices(study, objective)}
    if confirmed:
        groups = [(one.name, one.scores) for one in confirmed]
        was = next((one for one in confirmed[1:] if one.name == AS_IT_WAS), None)
        paired = None if was is None else [a - b for a, b in zip(confirmed[0].scores, was.scores, strict=True)]
        between = f"{confirmed[0].name} – {AS_IT_WAS}"
        drawn["seeds"] = search_figures.seeds(groups, f"validation {objective}", paired, between)
    pictures = {name: figures.save(figure, folder / f"{name}.png") for name, figure in drawn.items()}
    found = Tuning(folder, objective, work.counts(), confirmed, best, folder / "report.html")
    files.text(folder / "tuning.json", json.dumps({"settings": settings, **found.as_dict()}, indent=2) + "\n")
    winner = confirmed[0] if confirmed else None
    about, command = _about(work, engine_name), f"tenfold train {folder / BEST}"
    page = tuning_report.html(study, objective, confirmed, winner, about, pictures, command)
    files.text(folder / "report.html", page)
    return found


def _about(work: Search, engine_name: str) -> dict[str, str]:
    """What the report says of how it was made."""
    from importlib.metadata import version

    seconds = [float(frozen.user_attrs.get("seconds") or 0) for frozen in work.study.get_trials(deepcopy=False)]
    return {
        "recipe": work.base.name,
        "data": work.base.data or "MNIST, its validation digits",
        "search space": " ".join(work.settings["search"]),
        "objective": f"validation {work.objective}",
        "trials": ", ".join(f"{count} {state}" for state, count in work.counts().items()),
        "time of complete trials": f"{sum(seconds):.0f} s in all",
        "pruning": "below the median of the other trials at the same epoch" if work.settings["prune"] else "none",
        "seed": str(work.settings["seed"]),
        "engine": f"{engine_name}, {work.settings['threads']} thread(s) a trial",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("tenfold", "optuna", "torch")),
        "folder": str(work.folder),
    }
