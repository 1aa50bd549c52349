"""The pace of trainings: which may do the next step. Those side by side take turns, all wait while they are paused."""

import threading
import time
from collections.abc import Callable

SLICE = 0.1  # seconds that one of several goes on before another has its turn, as a change of threads costs some
SLOW = 0.25  # seconds from step to step in slow motion


class Pace:
    """Of several trainings, each in a thread of its own, one goes on at a time: of those that may, the one behind.

    `paused` is called when one has come to wait until it may go on.
    """

    def __init__(self, count: int = 1, *, slow: bool = False, paused: Callable[[], None] = lambda: None) -> None:
        self._changed = threading.Condition()
        self._may = ["run"] * count  # run; step or epoch, up to the end of one; wait
        self._seen = [0] * count  # digits
        self._under_way, self._waiting, self._report = set(range(count)), set[int](), paused
        self._turn, self._since = 0, time.monotonic()
        self._stopped, self._slow = False, slow

    @property
    def paused(self) -> bool:
        """Whether all wait until they may go on."""
        with self._changed:
            waiting = [self._may[one] == "wait" and one in self._waiting for one in self._under_way]
        return bool(waiting) and all(waiting)

    @property
    def slow(self) -> bool:
        """Whether steps are done in slow motion."""
        return self._slow

    def go(self, how: str = "run") -> None:
        """Let them go on: `run`, or to the end of a `step` or `epoch` of each; `wait` pauses them."""
        with self._changed:
            self._waiting.clear()
            self._may = [how] * len(self._may)
            self._changed.notify_all()

    def slow_down(self, slow: bool) -> None:
        """Begin or end slow motion."""
        with self._changed:
            self._slow = slow
            self._changed.notify_all()

    def stop(self) -> None:
        """Have all of them end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def begin(self, number: int) -> bool:
        """Wait for one's first turn. Returns whether to go on, rather than to end."""
        with self._changed:
            return self._wait(number)

    def step(self, number: int, seen: int) -> bool:
        """A step is done, and so many digits were seen: wait for the next. Returns whether to go on."""
        with self._changed:
            self._seen[number] = seen
            if self._may[number] == "step":
                self._may[number] = "wait"
            if self._slow:
                self._changed.wait_for(lambda: self._stopped or not self._slow, SLOW)
            return self._wait(number)

    def epoch(self, number: int) -> bool:
        """An epoch is done: wait for the next. Returns whether to go on."""
        with self._changed:
            if self._may[number] == "epoch":
                self._may[number] = "wait"
            return self._wait(number)

    def leave(self, number: int) -> None:
        """One of them has ended, or needs no turn any more."""
        with self._changed:
            self._under_way.discard(number)
            self._changed.notify_all()

    def _wait(self, number: int) -> bool:
        while not self._stopped:
            able = sorted((one for one in self._under_way if self._may[one] != "wait"), key=lambda k: self._seen[k])
            over = self._slow or time.monotonic() - self._since >= SLICE
            if able and (self._turn not in able or (over and self._turn == number)):
                self._turn, self._since = able[0], time.monotonic()
                self._changed.notify_all()
            if self._turn == number and number in able:
                return True
            if self._may[number] == "wait" and number not in self._waiting:
                self._waiting.add(number)
                self._report()
            self._changed.wait()
        return False
