"""Those who watch a training: what they hear of it, and how one that fails is kept from ending it."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.display import Display
from tenfold.learn.training.runs import Run


class StopTraining(Exception):
    """Raised by a watcher to end the training."""


class Watcher:
    """Called as training proceeds; where it is resumed, from where it stopped. It must leave the state alone."""

    def begin(self, run: Run) -> None:
        """The run folder is there, and the next step is to come. What is raised here ends the training."""

    def step(self, state: State, steps: int) -> None:
        """A step is done, or the first is to come; there are so many `steps` in an epoch."""

    def epoch(self, state: State) -> None:
        """An epoch is done and saved: the last of `state.history`."""

    def end(self, run: Run) -> None:
        """The training has finished, and its model is in the run folder."""

    def close(self) -> None:
        """Nothing more will come, whether it finished or not."""


class Watchers(Watcher):
    """A display and other watchers as one. Use it as a context manager, which closes them."""

    def __init__(self, display: Display, others: Sequence[Watcher] = ()) -> None:
        self.display: Display = display
        self._others = list(others)

    def __enter__(self) -> "Watchers":
        self.display.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.display.__exit__()
        self._each(lambda watcher: watcher.close())

    def begin(self, run: Run) -> None:  # noqa: D102
        for watcher in self._others:
            watcher.begin(run)

    def step(self, state: State, steps: int) -> None:  # noqa: D102
        self.display.step(state, steps)
        if self._others:
            self._each(lambda watcher: watcher.step(state, steps))

    def epoch(self, state: State) -> None:  # noqa: D102
        self.display.epoch(state)
        self._each(lambda watcher: watcher.epoch(state))

    def end(self, run: Run) -> None:  # noqa: D102
        self._each(lambda watcher: watcher.end(run))

    def _each(self, report: Callable[[Watcher], None]) -> None:
        """Report to each of the others. One that fails is dropped: it must not end a training."""
        for watcher in list(self._others):
            try:
                report(watcher)
            except StopTraining:
                raise
            except Exception as error:  # noqa: BLE001 - a server that is gone, a full disk, whatever it is
                self._others.remove(watcher)
                with suppress(Exception):
                    watcher.close()
                name = type(watcher).__name__
                self.display.line(f"{name} failed and is left out; training continues: {reason(error)}")


def reason(error: Exception) -> str:
    """The first line of what an error says, or its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
