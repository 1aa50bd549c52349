"""Many trainings, done by an engine: processes of this machine or a cluster."""

import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Required, TypedDict

from tenfold import documents, files
from tenfold.engines.jobs import Engine, Event, Report, cores
from tenfold.engines.opening import check, engine
from tenfold.errors import ClusterError, DataError, DivergedError, Interrupted, RunError, UsageError
from tenfold.learn.recipes import devices
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.stopping import Stop
from tenfold.learn.training import ranks, runs
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.start import train
from tenfold.learn.training.watchers import StopTraining, Watcher
from tenfold.progress import Progress

RESULT = "result.json"  # in a run's folder: the row of a finished training
_POLL = 0.5  # seconds between two looks at Ctrl-C


@dataclass(frozen=True)
class Place:
    """Where trainings are done: by which engine, how many at once, and with how many threads each."""

    on: str = "local"  # or "ray"
    address: str | None = None  # of the Ray cluster
    jobs: int | None = None  # at once; None is one for each core, or one on a GPU
    threads: int = 1

    def __post_init__(self) -> None:
        check(self.on, self.address)
        if ranks.launched():  # whose environment every training would take for its own
            raise UsageError(
                "torchrun is for tenfold train: many trainings share the machine by --jobs, others by --on ray"
            )
        for name, value in (("jobs", self.jobs), ("threads", self.threads)):
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be 1 or more, not {value}")
        most = 4 * (os.cpu_count() or 1)
        if self.on == "local" and self.threads > most:
            raise UsageError(f"--threads must be at most {most} on {os.cpu_count()} cores, not {self.threads}")

    @property
    def here(self) -> bool:
        """Whether trainings are done on this machine, so that one that was stopped can be resumed in its folder."""
        return self.on == "local"

    def opened(self, recipe: Recipe, most: int) -> AbstractContextManager[Engine]:
        """The engine, for so many trainings of a recipe."""
        jobs = self.jobs
        if jobs is None and self.here:
            jobs = max(1, cores() // self.threads) if devices.choose(recipe.device).type == "cpu" else 1
        jobs = jobs and min(jobs, most)
        gpus = int(recipe.device.startswith("cuda"))
        return engine(self.on, jobs=jobs, threads=self.threads, gpus=gpus, address=self.address)


@dataclass(frozen=True)
class Outcome:
    """What came of a training."""

    row: dict[str, Any]  # val_accuracy, val_loss and epoch of the weights kept; seconds; and test scores if asked for
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)  # of the run folder, where it is to travel


class _Row(TypedDict, total=False):
    """The row of a training, as it is kept."""

    seed: Required[int]
    epoch: int | None
    val_accuracy: Required[float | None]
    val_loss: float | None
    train_loss: float | None
    seconds: Required[float]
    data: Required[str]
    test_accuracy: float
    test_nll: float | None
    test_ece: float | None


@dataclass(frozen=True)
class Training:
    """The job of training a recipe. It reports every epoch as a dict.

    Results depend on the number of threads in their last bits, so that it is the same wherever the job is done.
    """

    recipe: Recipe
    threads: int = 1
    folder: str | None = None  # where the run is kept, on this machine; one that is there is resumed
    travel: bool = False  # the run's files come back with the outcome
    test: bool = False  # score the test set in the end

    def __call__(self, report: Report) -> Outcome:
        """Train."""
        import torch

        torch.set_num_threads(self.threads)
        outcome = self.trained([_Reporter(report, self.recipe.epochs)])
        assert outcome is not None  # as it ends early only where a watcher wants it
        return outcome

    def trained(self, watchers: Sequence[Watcher]) -> Outcome | None:
        """Train, watched. None if a watcher ended it early."""
        if self.folder is not None:
            return self._train(Path(self.folder), watchers)
        with tempfile.TemporaryDirectory(prefix="tenfold-") as scratch:
            return self._train(Path(scratch) / "run", watchers)

    def _train(self, folder: Path, watchers: Sequence[Watcher]) -> Outcome | None:
        began = time.perf_counter()
        try:
            run = _resumed(folder, watchers) or train(self.recipe, out=folder, quiet=True, watchers=watchers)
        except StopTraining:
            return None
        seconds = time.perf_counter() - began
        model = Run.open(folder).model()
        row = {
            "seed": self.recipe.seed,
            **{name: model.metrics.get(name) for name in ("epoch", "val_accuracy", "val_loss", "train_loss")},
            "seconds": round(seconds, 3),
            "data": model.data["sha256"],
        }
        if self.test:
            row |= _test_scores(folder)
        contents = {path.name: path.read_bytes() for path in folder.iterdir() if path != run.checkpoint_file}
        return Outcome(row, contents if self.travel else {})


def _test_scores(folder: Path) -> dict[str, float]:
    """What a row says of an evaluation on the test set."""
    from tenfold.learn.scoring.evaluation import evaluate

    found = evaluate(folder, draw=False)
    return {"test_accuracy": found.accuracy, "test_nll": found.nll, "test_ece": found.ece}


class _Reporter(Watcher):
    """Reports every epoch to the engine."""

    def __init__(self, report: Report, epochs: int) -> None:
        self._report, self._epochs = report, epochs

    def epoch(self, state: State) -> None:
        self._report({**asdict(state.history[-1]), "epochs": self._epochs})


def _resumed(folder: Path, watchers: Sequence[Watcher]) -> Run | None:
    """The finished run in a folder, resumed if need be; None if there is none that can be."""
    try:
        run = Run.open(folder)
        return run if run.finished else train(resume=run, quiet=True, watchers=watchers)
    except (RunError, DivergedError):  # nothing there yet, damaged, or it stopped for good: all anew
        with runs.held(folder):  # the process of a command that was killed lives on for a moment
            shutil.rmtree(folder, ignore_errors=True)
        return None


class Tally(Progress):
    """The progress of many trainings, on standard error: how many are done, and the epochs of those under way."""

    ROWS = 8  # trainings under way that are shown

    def __init__(self, what: str, total: int | None, *, quiet: bool = False) -> None:
        super().__init__(quiet=quiet)
        self.total: int | None = total
        self._what, self._done, self._note = what, 0, ""
        self._shown: set[int] = set()

    def done(self, number: int, note: str | None = None) -> None:
        """So many are done, of which `note` is worth saying."""
        self._done, self._note = number, self._note if note is None else note
        self.update(None, self._what, number, self.total, self._note)

    def epoch(self, key: int, name: str, row: dict[str, Any]) -> None:
        """The training `key` has done an epoch, described by a row of its metrics and their number."""
        if key in self._shown or len(self._shown) < self.ROWS:
            self._shown.add(key)
            score = "" if row.get("val_accuracy") is None else f"{row['val_accuracy']:.2%}"
            self.update(key, f"  {name}", row["epoch"], row["epochs"], score)

    def ended(self, key: int, text: str) -> None:
        """The training `key` is over: a line on it, and one more is done."""
        self._shown.discard(key)
        self.remove(key)
        self.line(text)
        self.done(self._done + 1)


@dataclass(frozen=True)
class Lost:
    """A training that gave no weights, and why."""

    error: str


def train_all(
    wanted: Mapping[Path, Recipe], engine: Engine, place: Place, tally: Tally, stop: Stop, *, test: bool = False
) -> dict[Path, dict[str, Any] | Lost]:
    """Train a recipe into each folder, except where that is done already; the row of each, or why there is none.

    Args:
        wanted: The recipe for each run folder.
        engine: What `place` has opened.
        place: Where it is done.
        tally: Shows how far it is.
        stop: Set by Ctrl-C.
        test: Score each on the test set, too.

    Raises Interrupted on Ctrl-C, StorageError, and what a training raises that the others would raise as well.
    """
    rows: dict[Path, dict[str, Any] | Lost] = {
        folder: row for folder in wanted if (row := _done(folder, test)) is not None
    }
    left = [folder for folder in wanted if folder not in rows]
    several = len({recipe.name for recipe in wanted.values()}) > 1
    running: dict[int, Path] = {}
    tally.done(len(rows))
    number = 0
    while left or running:
        if stop.asked:
            raise Interrupted(f"stopped after {len(rows):,} of {len(wanted):,} trainings; the same command resumes")
        while left and len(running) < engine.slots:
            running[number] = left.pop(0)
            engine.start(number, _job(wanted[running[number]], running[number], place, test))
            number += 1
        for event in engine.wait(_POLL):
            folder = running[event.key]
            name = f"{wanted[folder].name} " * several + f"seed {wanted[folder].seed}"
            if event.kind == "reported":
                tally.epoch(event.key, name, event.value)
                continue
            del running[event.key]
            if event.kind == "failed" and isinstance(event.value, Interrupted):  # Ctrl-C reached it before us
                stop.asked = True
                continue
            rows[folder], text = _ended(event, folder)
            tally.ended(event.key, f"{name}  {text}")
    lost = [row.error for row in rows.values() if isinstance(row, Lost)]
    if lost and len(lost) == len(rows):
        raise ClusterError(f"none of the {len(rows):,} trainings finished; the first: {lost[0]}")
    return rows


def _job(recipe: Recipe, folder: Path, place: Place, test: bool) -> Training:
    """The job of training a recipe into a folder, which is there if that is on this machine."""
    if place.here:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Training(recipe, place.threads, str(folder.absolute()), test=test)
    shutil.rmtree(folder, ignore_errors=True)
    return Training(recipe, place.threads, None, travel=True, test=test)


def _ended(event: Event, folder: Path) -> tuple[dict[str, Any] | Lost, str]:
    """What came of a training, and in words. Raises what the others would raise as well."""
    if event.kind == "done":
        assert isinstance(event.value, Outcome)
        return _kept(folder, event.value), _scores(event.value.row)
    if event.kind == "lost" or isinstance(event.value, DivergedError):
        return Lost(str(event.value)), f"failed: {event.value}"
    raise event.value


def _scores(row: dict[str, Any]) -> str:
    shown = {"val_accuracy": "validation accuracy", "test_accuracy": "test accuracy"}
    parts = [f"{what} {row[name]:.2%}" for name, what in shown.items() if row.get(name) is not None]
    return "  ".join([*parts, f"{row['seconds']:.1f} s"])


def _done(folder: Path, test: bool) -> dict[str, Any] | None:
    """The row of a finished training before, with its test scores if they are wanted; None for a damaged one."""
    try:
        row: dict[str, Any] = documents.read(folder / RESULT, dict[str, Any])
        documents.converted(row, _Row)
    except DataError:
        return None
    if test and "test_accuracy" not in row:
        row |= _test_scores(folder)
        _write(folder, row)
    return row


def _kept(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """The outcome's row, once it and the run's files are in the folder for good."""
    if outcome.contents:
        with files.folder(folder) as temporary:
            for name, content in outcome.contents.items():
                (temporary / name).write_bytes(content)
            _write(temporary, outcome.row)
    else:
        _write(folder, outcome.row)
        with suppress(OSError):
            (folder / "last.ckpt").unlink()  # three times as large as the model, and of no more use
    return outcome.row


def _write(folder: Path, row: dict[str, Any]) -> None:
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    files.text(folder / RESULT, json.dumps(plain) + "\n")
