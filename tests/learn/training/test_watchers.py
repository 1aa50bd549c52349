from typing import Any

import pytest

from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.display import Display
from tenfold.learn.training.watchers import StopTraining, Watcher, Watchers

ANY: Any = None


class Recorder(Watcher):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin(self, *_: Any) -> None:
        self.seen.append("begin")

    def step(self, *_: Any) -> None:
        self.seen.append("step")

    def end(self, *_: Any) -> None:
        self.seen.append("end")

    def close(self) -> None:
        self.seen.append("close")


class Failing(Recorder):
    def step(self, *_: Any) -> None:
        raise OSError("the disk is full")


class Stopping(Recorder):
    def step(self, *_: Any) -> None:
        raise StopTraining


class Silent(Display):
    def __init__(self) -> None:
        super().__init__(Recipe())

    def step(self, *_: Any) -> None:
        """Nothing is drawn."""


def test_each_is_told_and_one_that_fails_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Recorder(), Failing()
    with Watchers(Silent(), [bad, good]) as watchers:
        watchers.begin(ANY)
        watchers.step(ANY, 10)
        watchers.step(ANY, 10)
        watchers.end(ANY)
    assert good.seen == ["begin", "step", "step", "end", "close"]
    assert bad.seen == ["begin", "close"]
    says = "Failing failed and is left out; training continues: the disk is full"
    assert capsys.readouterr().out.splitlines() == [says]


def test_a_watcher_may_end_the_training() -> None:
    with pytest.raises(StopTraining), Watchers(Silent(), [Stopping()]) as watchers:
        watchers.step(ANY, 10)
