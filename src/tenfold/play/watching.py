"""What is seen of a training while it goes on: its curve, its answers to drawn digits, its filters, its moments."""

import base64
import copy
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.explain.filters import first_weights
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import optimizers
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import StopTraining, Watcher
from tenfold.play.pace import Pace

OFTEN = 0.05  # seconds between two rows of the curve
SHARE = 0.15  # of the time of learning, that looking may take
MOMENTS = 30  # whose weights are kept
FILTERS = 16  # of the first layer, at most
CHANGES = 12  # of an answer, the latest that are told


@dataclass(frozen=True)
class Moment:
    """The weights after a step, and what was measured of the steps before."""

    step: int  # from the start
    seen: int  # digits
    loss: float | None
    accuracy: float | None
    weights: dict[str, Tensor] = field(repr=False)


class Diverged(StopTraining):
    """The loss is no longer a number."""


class Watch(Watcher):
    """A watcher of one training, that also keeps it to its pace. It changes the learning rate and nothing else.

    The training's thread writes what it sees, others read it by `seen`, `redraw` and `at`.
    """

    def __init__(self, number: int, recipe: Recipe, pace: Pace, changed: Callable[[], None]) -> None:
        self._number, self._pace, self._changed = number, pace, changed
        self._lock = threading.RLock()
        self._digits = torch.zeros(0, 28, 28, dtype=torch.uint8)  # drawn
        self.drawn: int = 0  # which digits these are
        self.recipe: Recipe = recipe
        self.run: Run | None = None
        self.network: nn.Sequential | None = None
        self.rate: float = recipe.lr  # the highest of the schedule
        self.changed_rate: bool = False  # which the recipe does not tell
        self.moments: list[Moment] = []
        self.seconds: float = 0.0  # of learning
        self._looked = self._rowed = 0.0  # seconds of looking; when the last row was written
        self._resumed = time.perf_counter()
        self._stride, self._steps, self._done, self._epoch = 1, 0, 0, 0
        self._before = (0, 0.0, 0.0)  # step of the epoch, and sums there, at the last row
        self._curve: list[tuple[int, float | None, float]] = []  # digits seen, loss, accuracy since the row before
        self._minds: list[tuple[int, str]] = []  # digits seen, probabilities of all drawn digits in 8 bits
        self._changes: list[list[tuple[int, int, int]]] = []  # of each: step, digits seen, answer
        self._validated: list[tuple[int, float | None, float | None]] = []
        self._now: list[list[float]] = []
        self._filters: dict[str, Any] | None = None
        self._lr = recipe.lr

    def begin(self, run: Run) -> None:
        """The run folder is there, and the first step follows."""
        self.run, self._resumed = run, time.perf_counter()

    def step(self, state: State, steps: int) -> None:
        """A step is done, or the first is to come: look, and wait until the next may be done."""
        began = time.perf_counter()
        self.seconds += began - self._resumed
        with self._lock:
            self.network, self._steps = state.network, steps
            self._done, self._epoch = state.epoch * steps + state.step, state.epoch
            self._lr = state.optimizer.param_groups[0]["lr"]
            last = state.step in (0, steps)
            if began - self._rowed >= OFTEN or last:
                self._rowed = began
                self._row(state)
            if last or self._looked < SHARE * self.seconds:
                self._look(state.network)
            self._keep(state.network)
            if self.changed_rate:
                optimizers.scale_rate(state.optimizer, self.rate / self.recipe.lr)
        if self._curve and self._curve[-1][1] is None:
            raise Diverged
        self._looked += time.perf_counter() - began
        if self._done:
            self._go_on(lambda: self._pace.step(self._number, self._seen))
        else:
            self._go_on(lambda: self._pace.begin(self._number))

    def epoch(self, state: State) -> None:
        """An epoch is done and validated: the same."""
        self.seconds += time.perf_counter() - self._resumed
        with self._lock:
            row = state.history[-1]
            self._validated.append((self._seen, row.val_loss, row.val_accuracy))
            self._epoch, self._before = state.epoch, (0, 0.0, 0.0)
            self._look(state.network)
            self._keep(state.network, last=state.epoch == self.recipe.epochs)
        self._changed()
        if state.epoch < self.recipe.epochs:
            self._go_on(lambda: self._pace.epoch(self._number))

    def close(self) -> None:
        """Nothing more will come."""
        self._pace.leave(self._number)

    @property
    def _seen(self) -> int:
        return self._done * self.recipe.batch_size

    def _go_on(self, wait: Callable[[], bool]) -> None:
        """Wait for the next turn. What others draw of PyTorch's random numbers meanwhile makes no difference."""
        random = torch.get_rng_state()
        goes_on = wait()
        torch.set_rng_state(random)
        self._resumed = time.perf_counter()
        if not goes_on:
            raise StopTraining

    def _row(self, state: State) -> None:
        """Write a row of the curve, and have the page told of it."""
        if state.sums is not None and state.step > self._before[0]:
            step, loss, right = self._before
            sums = state.sums.tolist()
            count = (state.step - step) * self.recipe.batch_size
            mean = (sums[0] - loss) / count
            self._curve.append((self._seen, mean if math.isfinite(mean) else None, (sums[1] - right) / count))
            self._before = (state.step, *sums)
        self._filters = filters(state.network)
        self._minds += [(self._seen, packed(self._now))] if self._now else []
        self._changed()

    def _look(self, network: nn.Sequential) -> None:
        """Ask the network what the drawn digits are."""
        if not len(self._digits):
            return
        before, self._now = [answer(p) for p in self._now], self._ask(network)
        for k, (old, p) in enumerate(zip(before or [-1] * len(self._now), self._now, strict=True)):
            if answer(p) != old:
                self._changes[k].append((self._done, self._seen, answer(p)))
                del self._changes[k][:-CHANGES]

    def _ask(self, network: nn.Sequential) -> list[list[float]]:
        """The probabilities of each class for each drawn digit."""
        asked: list[list[float]] = infer(network, self._digits).softmax(1).nan_to_num().cpu().tolist()
        return asked

    def _keep(self, network: nn.Sequential, *, last: bool = False) -> None:
        """Keep the weights of this step if it is one of the evenly spaced, which are fewer the longer it takes."""
        if not last and (self._done % self._stride or (self.moments and self.moments[-1].step == self._done)):
            return
        if last and self.moments and self.moments[-1].step == self._done:
            self.moments.pop()  # batch normalisation may have been recalibrated since
        _, loss, accuracy = self._curve[-1] if self._curve else (0, None, None)
        weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        self.moments.append(Moment(self._done, self._seen, loss, accuracy, weights))
        if len(self.moments) > MOMENTS:
            self._stride *= 2
            even = [one for one in self.moments[:-1] if one.step % self._stride == 0]
            self.moments = [*even, self.moments[-1]]

    # For other threads

    def redraw(self, digits: Tensor, drawn: int) -> None:
        """Ask of other digits from now on, uint8 (N, 28, 28), and what was thought of them at each moment kept."""
        with self._lock:
            self._digits, self.drawn, self._minds, self._now = digits, drawn, [], []
            self._changes = [[] for _ in digits]
            if self.network is None or not len(digits):
                return
            viewer = copy.deepcopy(self.network)
            now = self._done
            for moment in self.moments:
                viewer.load_state_dict(moment.weights)
                self._done = moment.step
                self._look(viewer)
                self._minds.append((moment.seen, packed(self._now)))
            self._done = now

    def change_rate(self, lr: float) -> None:
        """Go on at another highest learning rate, from the next step on."""
        with self._lock:
            self.rate, self.changed_rate = lr, True

    def at(self, seen: int | None = None) -> tuple[nn.Sequential, Moment]:
        """A copy of the network as it was at the moment nearest to so many digits seen, or as it is now.

        Raises UsageError before the first step.
        """
        with self._lock:
            if self.network is None or not self.moments:
                raise UsageError("there is no network yet: press Train")
            viewer = copy.deepcopy(self.network).eval()
            if seen is None:
                _, loss, accuracy = self._curve[-1] if self._curve else (0, None, None)
                return viewer, Moment(self._done, self._seen, loss, accuracy, {})
            moment = min(self.moments, key=lambda one: abs(one.seen - seen))
            viewer.load_state_dict(moment.weights)
            return viewer, moment

    def seen(self, curve: int, drawn: int, minds: int) -> dict[str, Any]:
        """What is to be told, ready for JSON: all that there is now, and the rows after those that were told before."""
        with self._lock:
            minds = minds if drawn == self.drawn else 0
            return {
                "step": self._done,
                "steps": self._steps,
                "batch": self.recipe.batch_size,
                "seen": self._seen,
                "epoch": min(self._epoch + 1, self.recipe.epochs),
                "epochs": self.recipe.epochs,
                "rate": self.rate,
                "lr": self._lr,
                "seconds": self.seconds,
                "drawn": self.drawn,
                "curve": [curve, self._curve[curve:]],
                "minds": [minds, self._minds[minds:]],
                "now": self._now,
                "changes": self._changes,
                "validated": self._validated,
                "filters": self._filters,
                "moments": [(one.seen, one.step, one.loss, one.accuracy) for one in self.moments],
            }


def filters(network: nn.Sequential) -> dict[str, Any]:
    """The first layer's weights in 8 bits, 128 is none: their size, and the bytes (n, height, width) in base64.

    Their unit is the largest of them.
    """
    weights = first_weights(network)[:FILTERS].cpu().nan_to_num()
    levels = (weights / weights.abs().max().clamp(min=1e-9) * 127 + 128).round().to(torch.uint8)
    return {"size": list(weights.shape), "levels": base64.b64encode(levels.numpy().tobytes()).decode("ascii")}


def packed(rows: list[list[float]]) -> str:
    """Probabilities in 8 bits each, in base64."""
    return base64.b64encode(bytes(round(255 * p) for row in rows for p in row)).decode("ascii")


def answer(probabilities: list[float]) -> int:
    """The likeliest class."""
    return max(range(len(probabilities)), key=lambda k: probabilities[k])
