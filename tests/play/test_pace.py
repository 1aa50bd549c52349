"""Whose turn it is, and who waits."""

import threading
from collections.abc import Callable

import pytest

from conftest import until
from tenfold.play import pace
from tenfold.play.pace import Pace


class Stepping:
    """A training that does nothing but steps, ten digits each, in a thread of its own."""

    def __init__(self, at: Pace, number: int, log: list[int], steps: int, epoch: int = 5) -> None:
        self.done, self.at, self.number, self.log, self.steps, self.every = 0, at, number, log, steps, epoch
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        goes_on = self.at.begin(self.number)
        while goes_on and self.done < self.steps:
            self.done += 1
            self.log.append(self.number)
            goes_on = self.at.step(self.number, 10 * self.done)
            if goes_on and self.done % self.every == 0:
                goes_on = self.at.epoch(self.number)
        self.at.leave(self.number)


def ended(*trainings: Stepping) -> Callable[[], bool]:
    return lambda: not any(one.thread.is_alive() for one in trainings)


def test_one_alone_goes_to_its_end() -> None:
    one = Stepping(Pace(1), 0, [], 50)
    until(ended(one))
    assert one.done == 50


def test_steps_and_epochs_while_it_is_paused() -> None:
    told, log = list[int](), list[int]()
    at = Pace(1, paused=lambda: told.append(len(log)))
    at.go("wait")
    one = Stepping(at, 0, log, 50)
    until(lambda: at.paused)
    for how, done in (("step", 1), ("step", 2), ("epoch", 5), ("epoch", 10), ("step", 11)):
        at.go(how)
        until(lambda: at.paused)
        assert one.done == done
        assert told[-1] == done
    at.go()
    until(ended(one))
    assert one.done == 50


def test_those_side_by_side_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLICE", 0.0)
    at, log = Pace(2), list[int]()
    at.go("wait")
    both = [Stepping(at, number, log, 20) for number in (0, 1)]
    at.go("step")
    until(lambda: at.paused)
    assert sorted(log) == [0, 1]  # a step of each
    at.go()
    until(ended(*both))
    assert [one.done for one in both] == [20, 20]
    lead = [abs(log[:k].count(0) - log[:k].count(1)) for k in range(len(log))]
    assert max(lead) <= 2


def test_one_that_has_ended_keeps_nobody_waiting() -> None:
    at, log = Pace(2), list[int]()
    both = [Stepping(at, 0, log, 1), Stepping(at, 1, log, 30)]
    until(ended(*both))
    assert [one.done for one in both] == [1, 30]


def test_stopping_ends_those_that_wait_too() -> None:
    at, log = Pace(2), list[int]()
    at.go("wait")
    both = [Stepping(at, number, log, 5) for number in (0, 1)]
    at.stop()
    until(ended(*both))
    assert log == []


def test_slow_motion_waits_after_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLOW", 30.0)
    at = Pace(1, slow=True)
    one = Stepping(at, 0, [], 5)
    until(lambda: one.done == 1)
    assert at.slow
    at.slow_down(False)  # which is heard at once
    until(ended(one))
    assert one.done == 5
