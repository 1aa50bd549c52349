"""How long reading a picture may take: a deadline, at which whatever takes long looks again and again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tenfold.errors import TenfoldError, TooCostlyError, UsageError

MAX_SECONDS = 20.0  # of reading a picture, or a page of a file
TOGETHER = 5  # times that, and the pixels of a page, are what a file of several pages may take


class CalledOff(TenfoldError):
    """Nobody waits for the reading any more."""


class Deadline:
    """When reading must have ended: so many seconds after it began, and at once where another thread calls it off."""

    def __init__(self, seconds: float | None, name: str = "the picture", *, pages: int = 1) -> None:
        """None is no limit; `pages` are as many times the seconds as `renew` grants in all. Raises UsageError."""
        if seconds is not None and not seconds > 0:
            raise UsageError(f"the limit of seconds must be above 0, not {seconds:g}")
        self.name: str = name
        self.seconds: float = float("inf") if seconds is None else seconds
        self._pages = pages
        self._end = self._last = float("inf")
        self._begun = self._off = False
        self._lock, self._ends = threading.Lock(), list[Callable[[], None]]()

    def begin(self) -> None:
        """Let the time run, if it does not yet."""
        if not self._begun:
            self._begun = True
            now = time.monotonic()
            self._end, self._last = now + self.seconds, now + self._pages * self.seconds

    def renew(self) -> None:
        """Grant a further page its time, as far as there is some left for all."""
        self._end = min(self._last, time.monotonic() + self.seconds)

    @property
    def left(self) -> float:
        """Seconds until then, below 0 where it is over; infinite where there is no limit."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """Raise TooCostlyError where the time is over, CalledOff where it was called off."""
        if self._off:
            raise CalledOff(f"{self.name} is not waited for any more")
        if time.monotonic() > self._end:
            raise self.over()

    def over(self) -> TooCostlyError:
        """The error for what takes too long."""
        most = self.seconds if self._end < self._last or self._pages == 1 else self._pages * self.seconds
        return TooCostlyError(f"{self.name} takes more than {most:g} s: raise that with --max-seconds if it is meant")

    def call_off(self) -> None:
        """End the reading at its next look, and a process that works for it at once; from any thread."""
        with self._lock:
            self._off, ends = True, self._ends
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """A block during which `end` is called where this is called off."""
        with self._lock:
            self._ends = [*self._ends, end]
        try:
            self.check()  # it may have been called off before
            yield
        finally:
            with self._lock:
                self._ends = [each for each in self._ends if each is not end]

    @contextmanager
    def timing(self, end: Callable[[], None]) -> Iterator[None]:
        """A block during which `end` is called, by another thread, when the time is over."""
        if self.left > threading.TIMEOUT_MAX:
            yield
            return
        timer = threading.Timer(max(0.0, self.left), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


_NONE = Deadline(None)
_now: ContextVar[Deadline] = ContextVar("deadline", default=_NONE)


def current() -> Deadline:
    """The deadline of this thread's reading, without a limit where there is none."""
    return _now.get()


def check() -> None:
    """Look at the deadline. Raises TooCostlyError, CalledOff."""
    deadline = _now.get()
    if deadline is not _NONE:
        deadline.check()


@contextmanager
def until(deadline: Deadline) -> Iterator[Deadline]:
    """A block that has a deadline, or that of the block around it, which may be for several pictures."""
    if _now.get() is not _NONE:
        yield _now.get()
        return
    deadline.begin()
    token = _now.set(deadline)
    try:
        yield deadline
    finally:
        _now.reset(token)
