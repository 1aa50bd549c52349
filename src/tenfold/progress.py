"""Progress of long work: a bar on a terminal, plain lines into a pipe, nothing when quiet."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn


class Tally:
    """The progress of many trainings, on standard error: a bar and what is under way; lines of those that ended."""

    ROWS = 8  # trainings under way that are shown

    def __init__(self, what: str, total: int | None, *, quiet: bool = False, console: Console | None = None) -> None:
        self.console: Console = console or Console(stderr=True, quiet=quiet, highlight=False)
        self._what, self._total, self._done = what, total, 0
        self._live = self.console.is_terminal and not quiet
        self._bar: Progress | None = None
        self._rows: dict[int, TaskID] = {}
        self._note = ""

    def __enter__(self) -> "Tally":
        if self._live:
            columns: list[str | ProgressColumn] = [TextColumn("{task.description}", markup=False), BarColumn(20)]
            columns += [MofNCompleteColumn(), TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn()]
            self._bar = Progress(*columns, console=self.console, transient=True, refresh_per_second=4)
            self._main = self._bar.add_task(self._what, total=self._total, note="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def line(self, text: str) -> None:
        """A sentence on a line of its own."""
        self.console.print(text, soft_wrap=True, markup=False)

    def total(self, number: int) -> None:
        """There are so many to do in all."""
        if self._bar is not None:
            self._bar.update(self._main, total=number)

    def done(self, number: int, note: str | None = None) -> None:
        """So many are done, of which `note` is worth saying."""
        self._done, self._note = number, self._note if note is None else note
        if self._bar is not None:
            self._bar.update(self._main, completed=number, note=self._note)

    def epoch(self, key: int, name: str, row: dict[str, Any]) -> None:
        """The training `key` has done an epoch, described by a row of its metrics and their number."""
        if self._bar is None:
            return
        score = "" if row.get("val_accuracy") is None else f"{row['val_accuracy']:.2%}"
        if key not in self._rows and len(self._rows) < self.ROWS:
            self._rows[key] = self._bar.add_task(f"  {name}", total=row["epochs"], note=score)
        if key in self._rows:
            self._bar.update(self._rows[key], completed=row["epoch"], note=score)

    def ended(self, key: int, text: str) -> None:
        """The training `key` is over: a line on it, and one more is done."""
        if self._bar is not None and key in self._rows:
            self._bar.remove_task(self._rows.pop(key))
        self.line(text)
        self.done(self._done + 1)


def track(iteration: Iterable[Any], description: str) -> Iterator[Any]:
    """The items of an iteration, with a bar on standard error if that is a terminal and it takes over half a second."""
    items = list(iteration)
    console = Console(stderr=True)
    began = time.perf_counter()
    progress = Progress(TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.percentage:.0f} %"))
    bar = progress.add_task(description, total=len(items))
    live: Live | None = None
    try:
        for number, item in enumerate(items):
            if live is None and console.is_terminal and time.perf_counter() - began > 0.5:
                live = Live(progress, console=console, transient=True)
                live.start()
            yield item
            progress.update(bar, completed=number + 1)
    finally:
        if live is not None:
            live.stop()
