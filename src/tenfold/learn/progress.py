"""What a person sees of long work: a bar on a terminal, plain lines into a pipe, nothing when quiet."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from tenfold.learn.checkpoint import Epoch

if TYPE_CHECKING:
    from torch import nn

    from tenfold.learn.runs import Run
    from tenfold.learn.trackers import Onlooker


def _unheard(*args: object) -> None:
    """What an onlooker does that has no such method."""


class Display:
    """The progress of a training. Use it as a context manager; it draws only inside."""

    def __init__(
        self, *, quiet: bool = False, console: Console | None = None, onlookers: Sequence["Onlooker"] = ()
    ) -> None:
        self.console: Console = console or Console(quiet=quiet, highlight=False)
        self.onlookers: list[Onlooker] = list(onlookers)
        self.live: bool = self.console.is_terminal and not quiet
        self._bar: Progress | None = None
        self._drawn = 0.0
        self._started = (0.0, 0)  # when this epoch began here, and at which step

    def __enter__(self) -> "Display":
        if self.live:
            narrow = self.console.width < 70
            columns: list[str | ProgressColumn] = [TextColumn("{task.description}"), BarColumn(10 if narrow else 20)]
            columns += [_Figures(narrow)]
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._tell("close")

    def opened(self, run: "Run") -> None:
        """The run folder is there; for those who look on."""
        for onlooker in self.onlookers:
            onlooker.begin(run)

    def stepped(self, done: int, steps: int, network: "nn.Module") -> None:
        """So many steps of the whole training are done; for those who look on inside the epochs."""
        if self.onlookers:
            self._tell("step", done, steps, network)

    def looked(self, row: Epoch, network: "nn.Module") -> None:
        """An epoch is done and kept; for those who look on."""
        self._tell("epoch", row, network)

    def ended(self, run: "Run") -> None:
        """The model is there; for those who look on."""
        if self._bar is not None and self.onlookers:
            for task in list(self._bar.task_ids):
                self._bar.remove_task(task)
            self._bar.add_task("figures and trackers", total=None)
        self._tell("end", run)

    def _tell(self, what: str, *args: object) -> None:
        """Tell each onlooker that hears of it. One that fails is told no more: it must not end a training."""
        for onlooker in list(self.onlookers):
            try:
                getattr(onlooker, what, _unheard)(*args)
            except Exception as error:  # noqa: BLE001 - a server that is gone, a full disk, whatever it is
                self.onlookers.remove(onlooker)
                with suppress(Exception):
                    onlooker.close()
                says = (str(error).strip() or type(error).__name__).splitlines()[0]
                self.line(f"{type(onlooker).__name__} is told no more of this training, which goes on: {says}")

    def line(self, text: str) -> None:
        """A sentence on a line of its own."""
        self.console.print(text, soft_wrap=True, markup=False)

    def begin(self, epoch: int, epochs: int, step: int, steps: int) -> None:
        """An epoch starts, or goes on at `step`."""
        self._started = (time.perf_counter(), step)
        if self._bar is not None:
            for task in list(self._bar.task_ids):
                self._bar.remove_task(task)
            self._bar.add_task(f"epoch {epoch}/{epochs}", total=steps, completed=step)

    @property
    def due(self) -> bool:
        """Whether a tenth of a second has gone by since the bar was drawn, so that drawing costs nothing."""
        return self._bar is not None and time.perf_counter() - self._drawn > 0.1

    def update(self, step: int, steps_left: int, batch_size: int, loss: float, accuracy: float) -> None:
        """The bar after `step` steps of this epoch, with `steps_left` in the whole training."""
        self._drawn = time.perf_counter()
        if self._bar is not None:
            rate = (step - self._started[1]) / max(1e-9, self._drawn - self._started[0])  # steps a second
            fields: dict[str, Any] = {
                "loss": loss,
                "accuracy": accuracy,
                "rate": rate * batch_size,
                "left": steps_left / max(1e-9, rate),
            }
            self._bar.update(self._bar.task_ids[0], completed=step, **fields)

    def validating(self, batches: Iterable[Any], _: str) -> Iterator[Any]:
        """The batches of validation digits, while the bar shows how many are done."""
        items = list(batches)
        for number, item in enumerate(items):
            yield item
            if self._bar is not None and self.due:
                self._drawn = time.perf_counter()
                self._bar.update(self._bar.task_ids[0], description="validating", completed=number, total=len(items))

    def epoch(self, row: Epoch, epochs: int) -> None:
        """A line for an epoch that is done; on a narrow terminal without its rate and loss on the training digits."""
        number = f"epoch {row.epoch:>{len(str(epochs))}}/{epochs}"
        train = f"train loss {row.train_loss:.4f}  accuracy {row.train_accuracy:7.2%}"
        val = "" if row.val_loss is None else f"val loss {row.val_loss:.4f}  accuracy {row.val_accuracy:7.2%}"
        if self.console.is_terminal and self.console.width < 100:
            brief = val or train
            if self.console.width < 60:
                brief = brief.partition("  ")[2]
            self.line(f"{number}  {brief}  {row.seconds:.1f} s")
        else:
            self.line(
                "  ".join(part for part in (number, train, val, f"lr {row.lr:.2g}", f"{row.seconds:.1f} s") if part)
            )


class _Figures(ProgressColumn):
    """Loss, accuracy, images a second and time left, as many as there is room for."""

    def __init__(self, narrow: bool) -> None:
        super().__init__()
        self.narrow = narrow

    def render(self, task: Task) -> Text:
        if "loss" not in task.fields:
            return Text("")
        values = task.fields
        left = f"{int(values['left']) // 60}:{int(values['left']) % 60:02}"
        if self.narrow:
            return Text(f"{values['accuracy']:.1%} {left}")
        return Text(
            f"loss {values['loss']:.3f}  acc {values['accuracy']:.1%}  {values['rate']:,.0f} img/s  {left} left"
        )


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
