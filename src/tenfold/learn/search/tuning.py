"""Tuning: a search for the fields of a recipe that give the best validation score, with Optuna.

T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", 2019, arXiv 1907.10902. Values come
from its tree-structured Parzen estimator (J. Bergstra et al., "Algorithms for hyper-parameter optimization", 2011), and
a trial ends early whose score is below the median of the others at the same epoch. Optuna keeps the trials; this module
asks it for them, has an engine train them, and tells it what came of them.
"""

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold import files
from tenfold.engines.jobs import Engine
from tenfold.errors import (
    ClusterError,
    Interrupted,
    MissingExtra,
    RunError,
    StorageError,
    UsageError,
    missing_extra,
    one_line,
)
from tenfold.learn import figures
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import figures as search_figures
from tenfold.learn.search import report as tuning_report
from tenfold.learn.search import searching, space, statistics, storage
from tenfold.learn.search.jobs import Lost, Place, Tally, train_all
from tenfold.learn.search.report import AS_IT_WAS, Confirmed
from tenfold.learn.search.searching import Searching
from tenfold.learn.search.study import check_data, check_held_out, claimed
from tenfold.learn.search.trials import live
from tenfold.learn.stopping import Stop
from tenfold.learn.training import runs

if TYPE_CHECKING:
    import optuna

OBJECTIVES = {"accuracy": "maximize", "loss": "minimize"}  # of validation digits
STORAGE = "study.db"
BEST = "best.json"
FINALISTS = 3  # that are confirmed, beside the recipe as it was
_TRIES = 4  # to make the tables of the database
_POLL = 0.5  # seconds between two looks at Ctrl-C
_LIVES = 100  # times that a process that searches may die, by a trial that is failed then


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
        rows, against = [], tuning_report.compared(self.confirmed, self.objective)
        for one in self.confirmed:
            found = statistics.summary(one.scores, statistics.ends_of(self.objective))
            rows.append({"name": one.name, "mean": found.mean, "deviation": found.deviation, "n": found.n})
            rows[-1] |= {
                "low": found.low,
                "high": found.high,
                "scores": list(one.scores),
                "fields": one.recipe.as_dict(),
                "difference": asdict(against[one.name]) if one.name in against else None,  # to the recipe as it was
            }
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
        work = _Search(_open(folder, settings, space.own_values(base, wide)), folder, base, wide, settings, trials)
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


def _tune(work: "_Search", place: Place, stop: Stop, seeds: int, deadline: float | None, *, quiet: bool) -> Tuning:
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
    if trials < 1:
        raise UsageError(f"--trials must be 1 or more, not {trials}")
    if timeout is not None and timeout <= 0:
        raise UsageError(f"--timeout must be above 0 seconds, not {timeout:g}")
    if seeds < 0:
        raise UsageError(f"--seeds must be 0 or more, not {seeds}")
    if seed < 0:
        raise UsageError(f"--seed must be 0 or more, not {seed}")


def _open(folder: Path, settings: dict[str, Any], first: "dict[str, space.Value] | None") -> "optuna.Study":
    """The study in the folder, that of the same settings or a new one.

    That begins with the values `first`, so that the search never ends below where it began.
    """
    place = folder / STORAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not place.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise StorageError(f"{folder} is not empty and holds no tuning: choose another --out")
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    with files.lock(folder / ".open.lock", wait=True):  # several processes may begin at once
        try:
            study = _created(place, settings)
            before = study.user_attrs.get("settings")
            study.get_trials(deepcopy=False)  # whatever is damaged is told now
            then = Recipe.from_dict(before["recipe"]).as_dict() if before is not None else {}
            if before is None:
                if first is not None:
                    study.enqueue_trial(first)
                study.set_user_attr("settings", settings)
        except MissingExtra:
            raise
        except Exception as error:  # a damaged database makes sqlite3, SQLAlchemy and Optuna raise nearly anything
            raise RunError(f"cannot resume {folder}: {place} is damaged ({one_line(error)[:120]})") from error
    if before is not None:
        whole = then  # fields that came since then had their default
        changed = [name for name, value in settings.items() if name != "recipe" and before.get(name) != value]
        changed += [f"recipe.{name}" for name, value in settings["recipe"].items() if whole[name] != value]
        if changed:
            raise RunError(
                f"{folder} holds a tuning with other settings ({', '.join(changed)}): give another --out, or remove it"
            )
    return study


def _created(place: Path, settings: dict[str, Any]) -> "optuna.Study":
    """The study in a database, made where there is none; again if another was just then at its tables."""
    import optuna
    from sqlalchemy.exc import IntegrityError, OperationalError

    tries = 0
    while True:
        try:
            return optuna.create_study(
                storage=storage.opened(_url(place)),
                study_name=storage.NAME,
                direction=optuna.study.StudyDirection[OBJECTIVES[settings["objective"]].upper()],
                load_if_exists=True,
            )
        except (IntegrityError, OperationalError):
            tries += 1
            if tries == _TRIES:
                raise
            time.sleep(0.5)


def _url(place: Path) -> str:
    return f"sqlite:///{place.absolute()}"


class _Search:
    """The trials of a tuning, as Optuna keeps them."""

    def __init__(
        self,
        study: "optuna.Study",
        folder: Path,
        base: Recipe,
        wide: space.Space,
        settings: dict[str, Any],
        trials: int,
    ) -> None:
        self.study, self.folder, self.base, self.wide = study, folder, base, wide
        self.settings, self.trials = settings, trials
        self.objective: str = settings["objective"]

    def run(self, where: Engine, tally: Tally, stop: Stop, deadline: float | None, *, served: bool) -> None:
        """Have trials trained until there are as many as wanted, or the time is up.

        Where others reach the storage only if it is `served`, it is.
        """
        from filelock import ReadWriteLock, Timeout

        searching_here = ReadWriteLock(self.folder / ".search.lock")
        with suppress(Timeout), searching_here.write_lock(timeout=0):
            storage.release(self.study, lambda _: True)  # as nobody is at work on what is said to be running
        with searching_here.read_lock():
            self._show(tally)
            url = _url(self.folder / STORAGE)
            self._run(where, tally, stop, partial(self._job, _served(url) if served else url, deadline))

    def _job(self, place: str, deadline: float | None) -> Searching:
        given = {name: self.settings[name] for name in ("objective", "prune", "seed", "threads")}
        worker = uuid.uuid4().hex[:12]
        return Searching(place, self.base, self.wide, self.trials, worker=worker, deadline=deadline, **given)

    def _run(self, where: Engine, tally: Tally, stop: Stop, job: Callable[[], Searching]) -> None:
        begun, running, over = 0, set[int](), self._left() <= 0
        while running or not over:
            if stop.asked:
                done = sum(self.counts().values())
                raise Interrupted(f"stopped after {done:,} of {self.trials:,} trials; the same command resumes")
            while not over and len(running) < where.slots and len(running) < max(1, self._left()):
                where.start(begun, job(), _LIVES)
                running.add(begun)
                begun += 1
            for event in where.wait(_POLL):
                if event.kind == "reported":
                    self._tell(tally, *event.value)
                    continue
                running.discard(event.key)
                if event.kind == "failed" and isinstance(event.value, Interrupted):  # Ctrl-C reached it before us
                    stop.asked = True
                elif event.kind == "failed":
                    raise event.value
                elif event.kind == "lost" and not running:
                    raise ClusterError(f"no process is left that searches, the last one so: {event.value}")
                over |= event.kind == "done"  # nothing is left to begin

    def _left(self) -> int:
        """How many trials have not ended, of those that are wanted."""
        return self.trials - sum(self.counts().values())

    def _tell(self, tally: Tally, kind: str, number: int, told: Any) -> None:
        if kind == "epoch":
            tally.epoch(number, f"trial {number}", told)
            return
        tally.ended(number, f"trial {number:>{len(str(self.trials - 1))}}  {told}")
        self._show(tally)

    def _show(self, tally: Tally) -> None:
        every = self._live()  # once, for each time the database is asked
        counts, best = _counts(every), self._ranked(every)
        note = f"best {searching.shown(best[0].value or 0.0, self.objective)}" if best else ""
        tally.done(sum(counts.values()), note + (f", {counts['pruned']} pruned" if counts["pruned"] else ""))

    def _live(self) -> "list[optuna.trial.FrozenTrial]":
        """The trials without those that were tried again."""
        return live(self.study.get_trials(deepcopy=False))

    def counts(self) -> dict[str, int]:
        """How many trials are complete, pruned and failed."""
        return _counts(self._live())

    def running(self) -> int:
        """How many trials others are at work on."""
        return sum(frozen.state.name == "RUNNING" for frozen in self._live())

    def _ranked(self, every: Sequence["optuna.trial.FrozenTrial"]) -> list["optuna.trial.FrozenTrial"]:
        """Those of the trials that are complete, the best first; of two alike the earlier."""
        complete = [frozen for frozen in every if frozen.state.name == "COMPLETE"]
        sign = -1.0 if self.objective == "accuracy" else 1.0
        return sorted(complete, key=lambda frozen: (sign * (frozen.value or 0.0), frozen.number))

    def best(self) -> Recipe | None:
        """The recipe of the best trial."""
        ranked = self._ranked(self._live())
        return None if not ranked else self.recipe(ranked[0])

    def recipe(self, frozen: "optuna.trial.FrozenTrial") -> Recipe:
        """The recipe of a trial."""
        return space.applied(self.base, frozen.params)

    def finalists(self) -> dict[str, Recipe]:
        """The best recipes by the names of their trials, no two alike, and the recipe as it was."""
        found: dict[str, Recipe] = {}
        for frozen in self._ranked(self._live()):
            recipe = self.recipe(frozen)
            if recipe not in (*found.values(), self.base):
                found[f"trial {frozen.number}"] = recipe
            if len(found) == FINALISTS:
                break
        return {**found, AS_IT_WAS: self.base}


def _counts(every: Sequence["optuna.trial.FrozenTrial"]) -> dict[str, int]:
    states = [frozen.state.name.lower() for frozen in every]
    return {"complete": states.count("complete"), "pruned": states.count("pruned"), "failed": states.count("fail")}


def _confirm(
    work: _Search, seeds: int, engine: Engine, place: Place, tally: Tally, stop: Stop
) -> tuple[Confirmed, ...]:
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
        mine = [rows[path] for path in wanted if path.parent.name == name.replace(" ", "-")]
        scores = tuple(float(row[f"val_{work.objective}"]) for row in mine if not isinstance(row, Lost))
        if len(scores) == len(fresh):
            found.append(Confirmed(name, recipe, scores))
        else:
            tally.line(f"{name} is left out, as it failed with {len(fresh) - len(scores)} of {len(fresh)} seeds")
    sign = -1 if work.objective == "accuracy" else 1
    return tuple(sorted(found, key=lambda one: sign * statistics.summary(one.scores).mean))


def _finish(work: _Search, best: Recipe | None, confirmed: tuple[Confirmed, ...], engine_name: str) -> Tuning:
    """Write best.json, tuning.json, the figures and the report."""
    study, objective, folder, settings = work.study, work.objective, work.folder, work.settings
    if best is not None:
        best = best.changed(name=work.base.name if best == work.base else f"{work.base.name}-tuned")
        best.save(folder / BEST)
    drawn = {
        "history": search_figures.history(study, objective),
        "slices": search_figures.slices(study, objective),
    }
    if confirmed:
        groups = [(one.name, one.scores) for one in confirmed]
        was = next((one for one in confirmed[1:] if one.name == AS_IT_WAS), None)
        paired = None if was is None else [a - b for a, b in zip(confirmed[0].scores, was.scores, strict=True)]
        between = f"{confirmed[0].name} – {AS_IT_WAS}"
        drawn["seeds"] = search_figures.seeds(groups, f"validation {objective}", paired, between)
    pictures = {
        name: figures.save(figure, folder / f"{name}.png") for name, figure in drawn.items() if figure is not None
    }
    found = Tuning(folder, objective, work.counts(), confirmed, best, folder / "report.html")
    files.text(folder / "tuning.json", json.dumps({"settings": settings, **found.as_dict()}, indent=2) + "\n")
    winner = confirmed[0] if confirmed else None
    about, command = _about(work, engine_name), f"tenfold train {folder / BEST}"
    page = tuning_report.html(study, objective, confirmed, winner, about, pictures, command)
    files.text(folder / "report.html", page)
    return found


def _about(work: _Search, engine_name: str) -> dict[str, str]:
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


def _served(url: str) -> str:
    """The address at which a storage is served to other machines, as long as this process lives."""
    from ray.util import get_node_ip_address

    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    threading.Thread(target=storage.serve, args=(url, port), daemon=True).start()
    return f"{get_node_ip_address()}:{port}"  # type: ignore[no-untyped-call]
