"""What the page's buttons do. There is one page at a time, and one training of it, or two side by side."""

import asyncio
import base64
import importlib
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.errors import DivergedError, TenfoldError, UsageError, one_line
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import DIGITS, SIDE, sources
from tenfold.mnist.sources import Source
from tenfold.play.knobs import Knobs, offered
from tenfold.play.pace import Pace

if TYPE_CHECKING:  # PyTorch is loaded while the page is open already
    from torch import Tensor

    from tenfold.play.watching import Watch

DRAWN = 8  # digits that are drawn, at most
PIXELS = 400  # of a drawn digit's picture, on each side
_PATIENCE = 60.0  # seconds in which PyTorch is there, and in which a training has ended
_LATER = ("tenfold.learn.train", "tenfold.play.watching", "tenfold.play.finished")  # what takes seconds to load
DIVERGED = "the loss is no longer a number: it diverged. Try a lower learning rate"


@dataclass
class Track:
    """One of the trainings side by side."""

    knobs: Knobs
    recipe: Recipe
    source: Source | None
    folder: Path  # of its run
    watch: "Watch"
    state: str = "training"  # training, finished, stopped, failed
    trouble: str | None = None  # why it failed
    thread: threading.Thread = field(init=False, repr=False)
    begun_from: int | None = None  # the step of the training before whose weights it began with
    kept: Path | None = None
    evaluation: dict[str, Any] | None = None


@dataclass
class Told:
    """What of a training a stream has told already."""

    training: int = 0
    rows: list[list[int]] = field(default_factory=list)  # of each track: rows of its curve, its digits, rows of theirs


class Session:
    """The state behind the page. Its methods may be called from any thread; those that take long say so.

    `data` is what is learnt from, None is MNIST. Raises DataError for data that cannot be had.
    """

    def __init__(self, data: str | None = None) -> None:
        self.data: str | None = data if data is None or sources.is_name(data) else str(Path(data).absolute())
        source = None if data is None else sources.load(self.data)
        if source is not None:
            source.split()
        self.classes: tuple[str, ...] = DIGITS if source is None else source.classes
        self.page: str | None = None  # who has the page, if anybody
        self.tracks: list[Track] = []
        self.training: int = 0  # counted from 1
        self.pace: Pace = Pace(0)
        self._digits: Tensor | None = None
        self._drawn = 0
        self._lock = threading.Lock()  # of what changes the tracks
        self._using = threading.Lock()  # of what needs them as they are for long
        self._ready = threading.Event()
        self._threads = 1  # of a training
        self._broken: str | None = None
        self._folder: Path | None = None
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    # The page, and its stream

    def load(self) -> None:
        """Load what a training needs. Takes seconds."""
        try:
            for name in _LATER:
                importlib.import_module(name)
            sources.load(self.data)
            self._threads = importlib.import_module("torch").get_num_threads()
        except (TenfoldError, ImportError) as error:
            self._broken = one_line(error)
        self._ready.set()
        self.changed()

    def enter(self, listener: asyncio.Event) -> str | None:
        """Let a page in, which is told of changes by the event; None if there is one already."""
        if self.page is not None:
            return None
        self._listener = (asyncio.get_running_loop(), listener)
        self.page = secrets.token_urlsafe(12)
        return self.page

    def leave(self) -> None:
        """The page is gone: what it began is stopped."""
        self.page, self._listener = None, None
        self.pace.stop()

    def close(self) -> None:
        """The service ends."""
        self.changed()
        self.leave()

    def clear(self) -> None:
        """Wait until all trainings have ended, and forget them."""
        self.pace.stop()
        for track in self.tracks:
            track.thread.join(_PATIENCE)
        self.tracks = []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def changed(self) -> None:
        """Have the page told of what is new."""
        if self._listener is not None:
            loop, event = self._listener
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def described(self) -> dict[str, Any]:
        """What the page must know from the start."""
        return {"classes": self.classes, "recipes": offered(), "data": self.data or "MNIST", "drawn_most": DRAWN}

    def frame(self, told: Told) -> dict[str, Any]:
        """What is new, and what is as it is now; `told` is brought up to date."""
        tracks = self.tracks
        if told.training != self.training:
            told.training, told.rows = self.training, [[0, -1, 0] for _ in tracks]
        rows = []
        for track, done in zip(tracks, told.rows, strict=False):
            seen = track.watch.seen(*done)
            curve, minds = (first + len(new) for first, new in (seen["curve"], seen["minds"]))
            done[:] = [curve, seen["drawn"], minds]
            more = {"state": track.state, "trouble": track.trouble, "kept": track.kept and str(track.kept)}
            rows.append({**seen, **more, "begun_from": track.begun_from})
        return {"training": self.training, "state": self.state, "slow": self.pace.slow, "tracks": rows}

    @property
    def digits(self) -> "Tensor | None":
        """The drawn digits, uint8 (N, 28, 28), as a network sees them."""
        return self._digits

    @property
    def state(self) -> str:
        """What is going on: loading, broken, idle, training, paused or ended."""
        if not self._ready.is_set():
            return "loading"
        if self._broken:
            return "broken"
        if any(track.state == "training" for track in self.tracks):
            return "paused" if self.pace.paused else "training"
        return "ended" if self.tracks else "idle"

    # Trainings

    def train(self, *asked: Knobs, onward: bool = False, seen: int | None = None) -> dict[str, Any]:
        """Begin a training, or several side by side; one that is under way is stopped first.

        With `onward` it begins with the weights that the one before had at the moment nearest to so many digits seen,
        or has now. Raises UsageError for knobs that do not go together or with those weights, DataError.
        """
        self._wait()
        from tenfold.play import initial
        from tenfold.play.watching import Watch

        with self._using, self._lock:
            recipes = [knobs.as_recipe(self.data) for knobs in asked]
            given = [knobs.as_source(self.data) for knobs in asked]
            before = [self.track(min(k, len(self.tracks) - 1)).watch.at(seen) for k in range(len(asked) * onward)]
            for recipe, (network, _) in zip(recipes, before, strict=False):
                initial.check(network, recipe, len(self.classes))
            self.clear()
            self._folder = Path(tempfile.mkdtemp(prefix="tenfold-play-"))
            self.pace = Pace(len(asked), slow=self.pace.slow, paused=self.changed)
            tracks = []
            for number, (knobs, recipe, source) in enumerate(zip(asked, recipes, given, strict=True)):
                folder, step = self._folder / "ab"[number], None
                if onward:
                    network, moment = before[number]
                    recipe, step = initial.begun_with(network, recipe, folder), moment.step  # noqa: PLW2901
                watch = Watch(number, recipe, self.pace, self.changed)
                if self._digits is not None:
                    watch.redraw(self._digits, self._drawn)
                tracks.append(Track(knobs, recipe, source, folder, watch, begun_from=step))
            self.training, self.tracks = self.training + 1, tracks
            for number, track in enumerate(tracks):
                track.thread = threading.Thread(target=self._learn, args=(number, track), daemon=True)
                track.thread.start()
        self.changed()
        return {"training": self.training}

    def _learn(self, number: int, track: Track) -> None:
        """Train in this thread, to the end."""
        import torch

        from tenfold.learn.train import train
        from tenfold.learn.training.watchers import StopTraining
        from tenfold.play.watching import Diverged

        torch.set_num_threads(self._threads)
        try:
            if not self.pace.begin(number):
                raise StopTraining
            train(track.recipe, out=track.folder, quiet=True, watchers=[track.watch], source=track.source)
            track.state = "finished"
        except (Diverged, DivergedError):
            track.state, track.trouble = "failed", DIVERGED
        except StopTraining:
            track.state = "stopped"
        except (TenfoldError, MemoryError, RuntimeError) as error:
            track.state, track.trouble = "failed", one_line(error)
        finally:
            self.pace.leave(number)
            self.changed()

    def go(self, how: str) -> None:
        """`run` on, or to the end of this `step` or `epoch`; `wait`, `slow` and `usual` speed; or `stop`."""
        if how in ("slow", "usual"):
            self.pace.slow_down(how == "slow")
        elif how == "stop":
            self.pace.stop()
        else:
            self.pace.go(how)
        self.changed()

    def rate(self, number: int, lr: float) -> None:
        """Go on at another learning rate, from the next step on. Raises UsageError."""
        self.track(number).watch.change_rate(lr)

    def is_at(self, training: int) -> bool:
        """Whether that training is the one there is; waits while the next begins."""
        with self._lock:
            return training == self.training

    def track(self, number: int) -> Track:
        """One of the trainings. Raises UsageError where there is none."""
        if not 0 <= number < len(self.tracks):
            raise UsageError("there is no training yet: press Train")
        _aside()
        return self.tracks[number]

    # Drawn digits

    def draw(self, pictures: list[tuple[int, int, bytes]]) -> dict[str, Any]:
        """Have the network asked what these digits are: the width, height and ink of each, a byte a pixel.

        Returns the number of this drawing, and the digits as the network sees them, 28 x 28 bytes in base64. Raises
        UsageError.
        """
        self._wait()
        import torch

        _aside()
        digits = torch.zeros(0, SIDE, SIDE, dtype=torch.uint8)
        if pictures:
            digits = torch.stack([_normalised(*picture) for picture in pictures])
        with self._lock:
            self._digits, self._drawn = digits, self._drawn + 1
            for track in self.tracks:
                track.watch.redraw(digits, self._drawn)
            drawn = self._drawn
        self.changed()
        shown = [base64.b64encode(digit.numpy().tobytes()).decode("ascii") for digit in digits]
        return {"drawn": drawn, "digits": shown}

    def moment(self, seen: int | None) -> list[dict[str, Any]]:
        """What each training's network made of the drawn digits at the moment nearest to so many digits seen."""
        from tenfold.learn.networks.inference import infer
        from tenfold.play.watching import filters

        _aside()
        rows = []
        for track in self.tracks:
            network, moment = track.watch.at(seen)
            asked = self._digits is not None and len(self._digits) > 0
            now = infer(network, self._digits).softmax(1).nan_to_num().tolist() if asked else []  # type: ignore[arg-type]
            about = {"step": moment.step, "seen": moment.seen, "loss": moment.loss, "accuracy": moment.accuracy}
            rows.append({**about, "now": now, "filters": filters(network)})
        return rows

    def once_finished(self, number: int, work: Callable[[Track], dict[str, Any]]) -> dict[str, Any]:
        """Do something with a training that has finished. Raises UsageError for one that has not."""
        with self._using:
            track = self.track(number)
            if track.state != "finished":
                raise UsageError("the training has not finished: only then there is a model")
            done = work(track)
        self.changed()
        return done

    def _wait(self) -> None:
        """Wait until PyTorch is there. Raises UsageError if it cannot be had."""
        if not self._ready.wait(_PATIENCE):
            raise UsageError("PyTorch is still being loaded: try again in a moment")
        if self._broken:
            raise UsageError(self._broken)


def _aside() -> None:
    """Compute in this thread alone from now on: OpenMP's threads of another would make those of a training wait."""
    import torch

    torch.set_num_threads(1)


def _normalised(width: int, height: int, ink: bytes) -> "Tensor":
    """A picture of ink as a network sees it: uint8 (28, 28). Raises UsageError for one whose size is wrong."""
    import torch

    from tenfold.learn.digits.normalisation import Normalisation

    if not (0 < width <= PIXELS and 0 < height <= PIXELS and len(ink) == width * height):
        raise UsageError(f"a drawn digit must have a byte for each of up to {PIXELS} x {PIXELS} pixels")
    grey = torch.from_numpy(np.frombuffer(ink, np.uint8).reshape(1, 1, height, width).astype(np.float32)) / 255
    return (Normalisation()(grey)[0, 0] * 255).round().to(torch.uint8)  # type: ignore[no-any-return]
