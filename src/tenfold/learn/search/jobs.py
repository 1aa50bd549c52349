"""Many trainings, done by an engine: processes of this machine or a cluster."""

import json
import math
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenfold import files as atomic
from tenfold.engines.jobs import Engine, Report
from tenfold.errors import ClusterError, DivergedError, Interrupted, RunError
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.checkpoint import Epoch
from tenfold.learn.training.display import Display
from tenfold.learn.training.stopping import Stop
from tenfold.progress import Tally

RESULT = "result.json"  # in a run's folder: the row of a training that came to its end
_POLL = 0.5  # seconds between two looks at Ctrl-C


@dataclass(frozen=True)
class Outcome:
    """What came of a training."""

    row: dict[str, Any]  # val_accuracy, val_loss and epoch of the weights kept; seconds; and test scores if asked for
    files: dict[str, bytes] = field(default_factory=dict, repr=False)  # of the run folder, where it is to travel


class Ended(Exception):
    """A training was asked to end early."""


@dataclass(frozen=True)
class Training:
    """The job of training a recipe. It tells every epoch as a dict, and ends early when it is answered so.

    Results depend on the number of threads in their last bits, so that it is the same wherever the job is done.
    """

    recipe: Recipe
    threads: int = 1
    folder: str | None = None  # where the run is kept, on this machine; it goes on with one that is there
    travel: bool = False  # the run's files come back with the outcome
    test: bool = False  # score the test set in the end

    def __call__(self, report: Report) -> Outcome | None:
        """Train. None if it was ended early."""
        import torch

        torch.set_num_threads(self.threads)
        if self.folder is not None:
            return self._train(Path(self.folder), report)
        with tempfile.TemporaryDirectory(prefix="tenfold-") as scratch:
            return self._train(Path(scratch) / "run", report)

    def _train(self, folder: Path, report: Report) -> Outcome | None:
        from tenfold.learn.scoring.evaluation import evaluate
        from tenfold.learn.training.runs import Run
        from tenfold.learn.training.start import train

        display = _Told(report)
        began = time.perf_counter()
        try:
            run = _resumed(folder, display)
            if run is None:
                run = train(self.recipe, out=folder, display=display)
        except Ended:
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
            row |= test_scores(evaluate(run, draw=False))
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path != run.checkpoint_file}
        return Outcome(row, files if self.travel else {})


def test_scores(found: Any) -> dict[str, float]:
    """What a row says of an evaluation on the test set."""
    return {"test_accuracy": found.accuracy, "test_nll": found.nll, "test_ece": found.ece}


class _Told(Display):
    """A display that shows nothing and tells every epoch to who began the job."""

    def __init__(self, report: Report) -> None:
        super().__init__(quiet=True)
        self._report = report

    def epoch(self, row: Epoch, epochs: int) -> None:
        if not self._report({**asdict(row), "epochs": epochs}):
            raise Ended


def _resumed(folder: Path, display: Display) -> Any:
    """The run in a folder, gone on with to its end; None if there is none that can be."""
    from tenfold.learn.training.runs import Run
    from tenfold.learn.training.start import train

    try:
        run = Run.open(folder)
        return run if run.finished else train(resume=run, display=display)
    except (RunError, DivergedError):  # nothing there yet, damaged, or it stopped for good: all anew
        shutil.rmtree(folder, ignore_errors=True)
        return None


@dataclass(frozen=True)
class Lost:
    """A training that gave no weights, and why."""

    error: str


def train_all(
    wanted: Mapping[Path, Recipe],
    engine: Engine,
    tally: Tally,
    stop: Stop,
    *,
    threads: int = 1,
    test: bool = False,
    here: bool = True,
) -> dict[Path, dict[str, Any] | Lost]:
    """Train a recipe into each folder, but where that is done already; the row of each, or why there is none.

    Args:
        wanted: The recipe for each run folder.
        engine: Where it is done.
        tally: Shows how far it is.
        stop: Tells of Ctrl-C.
        threads: Cores that each computes on.
        test: Score each on the test set, too.
        here: The engine is this machine, so that a training that was stopped is gone on with in its folder.

    Raises Interrupted on Ctrl-C, StorageError, and what a training raises that the others would raise as well.
    """
    rows: dict[Path, dict[str, Any] | Lost] = {}
    for folder in wanted:
        row = _done(folder, test)
        if row is not None:
            rows[folder] = row
    left = [folder for folder in wanted if folder not in rows]
    running: dict[int, Path] = {}
    tally.done(len(rows))
    number = 0
    while left or running:
        if stop.asked:
            raise Interrupted(f"stopped after {len(rows):,} of {len(wanted):,} trainings; the same command goes on")
        while left and len(running) < engine.slots:
            folder = left.pop(0)
            if not here:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.parent.mkdir(parents=True, exist_ok=True)
            place = str(folder.absolute()) if here else None
            engine.start(number, Training(wanted[folder], threads, place, travel=not here, test=test))
            running[number], number = folder, number + 1
        for heard in engine.wait(_POLL):
            folder = running[heard.key]
            name = _name(folder, wanted)
            if heard.kind == "reported":
                tally.epoch(heard.key, name, heard.value)
                engine.answer(heard.key, True)
                continue
            del running[heard.key]
            if heard.kind == "done":
                assert isinstance(heard.value, Outcome)
                rows[folder] = _kept(folder, heard.value)
                tally.ended(heard.key, f"{name}  {_scores(heard.value.row)}")
            elif heard.kind == "lost" or isinstance(heard.value, DivergedError):
                rows[folder] = Lost(str(heard.value))
                tally.ended(heard.key, f"{name}  failed: {heard.value}")
            elif isinstance(heard.value, Interrupted):  # Ctrl-C reached it before us
                stop.asked = True
            else:
                raise heard.value
    if rows and all(isinstance(row, Lost) for row in rows.values()):
        first = next(row for row in rows.values() if isinstance(row, Lost))
        raise ClusterError(f"none of the {len(rows):,} trainings came to its end; the first: {first.error}")
    return rows


def _name(folder: Path, wanted: Mapping[Path, Recipe]) -> str:
    """What a training is called where several are shown: its recipe, if there are several, and its seed."""
    recipe = wanted[folder]
    several = len({other.name for other in wanted.values()}) > 1
    return f"{recipe.name} seed {recipe.seed}" if several else f"seed {recipe.seed}"


def _scores(row: dict[str, Any]) -> str:
    parts = [f"{what} {row[name]:.2%}" for name, what in _SHOWN.items() if row.get(name) is not None]
    return "  ".join([*parts, f"{row['seconds']:.1f} s"])


_SHOWN = {"val_accuracy": "validation accuracy", "test_accuracy": "test accuracy"}


def _done(folder: Path, test: bool) -> dict[str, Any] | None:
    """The row of a training that came to its end before, with its test scores if they are wanted."""
    try:
        row: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if test and "test_accuracy" not in row:
        from tenfold.learn.scoring.evaluation import evaluate

        row |= test_scores(evaluate(folder, draw=False))
        _write(folder, row)
    return row


def _kept(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """The outcome's row, once it and the run's files are in the folder for good."""
    if outcome.files:
        with atomic.folder(folder) as temporary:
            for name, content in outcome.files.items():
                (temporary / name).write_bytes(content)
            _write(temporary, outcome.row)
    else:
        _write(folder, outcome.row)
        with suppress(OSError):
            (folder / "last.ckpt").unlink()  # three times as large as the model, and of no more use
    return outcome.row


def _write(folder: Path, row: dict[str, Any]) -> None:
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    atomic.text(folder / RESULT, json.dumps(plain) + "\n")
