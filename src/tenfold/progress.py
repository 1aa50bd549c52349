"""Progress of long work, for all of tenfold: bars on a terminal, plain lines into a pipe, nothing when quiet."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar

from tenfold.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

_OFTEN = 0.1  # seconds between two updates, so that drawing costs nothing

Item = TypeVar("Item")


def say(*words: object, file: TextIO | None = None, **how: Any) -> None:
    """Print words, as `print` does, with nothing in them that commands a terminal."""
    print(*(printable(str(word)) for word in words), file=file or sys.stdout, **how)


class Progress:
    """Lines, and below them a bar for each piece of work that is under way. Use it as a context manager.

    Bars are drawn on a terminal alone, if `bar` says so, and only once the work has taken `delay` seconds.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        stderr: bool = True,
        bar: bool = True,
        delay: float = 0.0,
        console: "Console | None" = None,
    ) -> None:
        self._quiet, self._stderr, self._given = quiet, stderr, console
        terminal = console.is_terminal if console else (sys.stderr if stderr else sys.stdout).isatty()
        self.live: bool = terminal and bar and not quiet
        self._delay, self._began, self._drawn = delay, time.perf_counter(), 0.0
        self._bars: Any = None
        self._tasks: dict[object, Any] = {}

    @cached_property
    def console(self) -> "Console":
        """What the bars are drawn on; made when it is first needed, since most commands never draw one."""
        from rich.console import Console

        return self._given or Console(stderr=self._stderr, quiet=self._quiet, highlight=False)

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()

    def line(self, text: str) -> None:
        """Print a sentence on a line of its own, above the bars."""
        text = printable(text)
        if self._given is not None or self._bars is not None:
            self.console.print(text, soft_wrap=True, markup=False)
        elif not self._quiet:
            print(text, file=sys.stderr if self._stderr else sys.stdout, flush=True)

    @property
    def due(self) -> bool:
        """Whether it is time to update a bar: on a terminal, after the delay, and a while after the last update."""
        now = time.perf_counter()
        return self.live and now - self._began >= self._delay and now - self._drawn > _OFTEN

    def update(self, key: object, description: str, done: int, total: int | None, note: str = "") -> None:
        """Draw the bar `key`, a new one or the one that is there: so much of the total is done."""
        if not self.live:
            return
        self._drawn = time.perf_counter()
        description, note = printable(description), printable(note)
        if self._bars is None:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            narrow = self.console.width < 70
            text = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[note]}", markup=False)
            count = () if narrow else (MofNCompleteColumn(),)
            columns = (text[0], BarColumn(10 if narrow else 20), *count, text[1], TimeRemainingColumn(compact=True))
            self._bars = Bars(
                *columns, console=self.console, transient=True, refresh_per_second=8, redirect_stdout=False
            )
            self._bars.start()
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(description, total=total, completed=done, note=note)
        self._bars.update(self._tasks[key], description=description, completed=done, total=total, note=note)

    def remove(self, key: object) -> None:
        """Take the bar `key` away, if it is there."""
        if self._bars is not None and key in self._tasks:
            self._bars.remove_task(self._tasks.pop(key))

    def track(
        self, items: Iterable[Item], description: str, total: int, size: Callable[[Item], int] = lambda _: 1
    ) -> Iterator[Item]:
        """The items, each of a `size` of its own, while a bar shows how much of the total is done."""
        done = 0
        for item in items:
            if self.due:
                self.update(description, description, done, total)
            yield item
            done += size(item)


def track(items: Iterable[Item], description: str) -> Iterator[Item]:
    """The items, with a bar on standard error if that is a terminal and it takes over half a second."""
    every = list(items)
    with Progress(delay=0.5) as progress:
        yield from progress.track(every, description, len(every))
