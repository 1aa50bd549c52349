"""The driver of a search: it opens what Optuna keeps, has trials trained by an engine, and tells what stands."""

import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold import files
from tenfold.engines.jobs import Engine
from tenfold.errors import ClusterError, Interrupted, MissingExtra, RunError, StorageError, one_line
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import searching, space, storage, trials
from tenfold.learn.search.jobs import Tally
from tenfold.learn.search.report import AS_IT_WAS
from tenfold.learn.search.searching import Searching
from tenfold.learn.stopping import Stop

if TYPE_CHECKING:
    import optuna

OBJECTIVES: dict[str, str] = {"accuracy": "maximize", "loss": "minimize"}  # of validation digits
STORAGE = "study.db"
FINALISTS = 3  # that are confirmed, beside the recipe as it was
_TRIES = 4  # to make the tables of the database
_POLL = 0.5  # seconds between two looks at Ctrl-C
_LIVES = 100  # times that a process that searches may die, by a trial that is failed then


def opened(folder: Path, settings: dict[str, Any], first: "dict[str, space.Value] | None") -> "optuna.Study":
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
            if before is None:
                if first is not None:
                    study.enqueue_trial(first)
                study.set_user_attr("settings", settings)
                return study
            then = Recipe.from_dict(before["recipe"]).as_dict()  # fields that came since then had their default
        except MissingExtra:
            raise
        except Exception as error:  # a damaged database makes sqlite3, SQLAlchemy and Optuna raise nearly anything
            raise RunError(f"cannot resume {folder}: {place} is damaged ({one_line(error)[:120]})") from error
    changed = [name for name, value in settings.items() if name != "recipe" and before.get(name) != value]
    changed += [f"recipe.{name}" for name, value in settings["recipe"].items() if then[name] != value]
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


@dataclass(frozen=True)
class Search:
    """The trials of a tuning, as Optuna keeps them."""

    study: "optuna.Study"
    folder: Path
    base: Recipe
    wide: space.Space
    settings: dict[str, Any]
    trials: int

    @property
    def objective(self) -> str:
        """What is searched for: a key of `OBJECTIVES`."""
        return str(self.settings["objective"])

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
        every = trials.live_of(self.study)  # once, for each time the database is asked
        counts, best = trials.counts(every), trials.best_of(every, self.objective)
        note = "" if best is None else f"best {searching.shown(best.value or 0.0, self.objective)}"
        tally.done(sum(counts.values()), note + (f", {counts['pruned']} pruned" if counts["pruned"] else ""))

    def counts(self) -> dict[str, int]:
        """How many trials are complete, pruned and failed."""
        return trials.counts(trials.live_of(self.study))

    def running(self) -> int:
        """How many trials others are at work on."""
        return sum(frozen.state.name == "RUNNING" for frozen in trials.live_of(self.study))

    def best(self) -> Recipe | None:
        """The recipe of the best trial."""
        best = trials.best_of(trials.live_of(self.study), self.objective)
        return None if best is None else space.applied(self.base, best.params)

    def finalists(self) -> dict[str, Recipe]:
        """The best recipes by the names of their trials, no two alike, and the recipe as it was."""
        found: dict[str, Recipe] = {}
        done = filter(trials.complete, trials.live_of(self.study))
        for frozen in sorted(done, key=lambda frozen: trials.order(frozen, self.objective)):
            recipe = space.applied(self.base, frozen.params)
            if recipe not in (*found.values(), self.base):
                found[f"trial {frozen.number}"] = recipe
            if len(found) == FINALISTS:
                break
        return {**found, AS_IT_WAS: self.base}


def _served(url: str) -> str:
    """The address at which a storage is served to other machines, as long as this process lives."""
    from ray.util import get_node_ip_address

    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    threading.Thread(target=storage.serve, args=(url, port), daemon=True).start()
    return f"{get_node_ip_address()}:{port}"  # type: ignore[no-untyped-call]
