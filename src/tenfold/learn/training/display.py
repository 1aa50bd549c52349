"""What a person sees of long work: a bar on a terminal, plain lines into a pipe, nothing when quiet."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.text import Text

from tenfold.learn.training.checkpoint import Epoch

if TYPE_CHECKING:
    from torch import nn

    from tenfold.learn.training.runs import Run
    from tenfold.learn.training.trackers import Onlooker


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
