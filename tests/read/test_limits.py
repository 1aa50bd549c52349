"""Deadlines: over in time, called off, shared, and renewed for further pages."""

import threading
import time

import pytest

from tenfold.errors import TooCostlyError, UsageError
from tenfold.read import limits
from tenfold.read.limits import CalledOff, Deadline


def test_a_deadline_is_over_when_its_time_is() -> None:
    limits.check()  # none
    with limits.until(Deadline(0.05, "a.png")):
        time.sleep(0.06)
        with pytest.raises(TooCostlyError, match=r"^a.png takes more than 0.05 s: raise that with --max-seconds"):
            limits.check()
    limits.check()
    with limits.until(Deadline(None)) as deadline:
        limits.check()
        assert deadline.left == float("inf")
    for seconds in (0, -1, float("nan")):
        with pytest.raises(UsageError, match="above 0"):
            Deadline(seconds)


def test_that_of_the_block_around_holds_for_all_in_it() -> None:
    whole = Deadline(0.05, "the request")
    with limits.until(whole), limits.until(Deadline(100)) as inner:
        assert inner is whole
    time.sleep(0.06)
    with limits.until(whole), pytest.raises(TooCostlyError, match="the request takes"):  # its time runs on
        limits.check()


def test_it_is_called_off_from_another_thread_and_ends_what_works_for_it() -> None:
    deadline, ended = Deadline(None), threading.Event()
    with limits.until(deadline), deadline.ending(ended.set):
        thread = threading.Thread(target=deadline.call_off)
        thread.start()
        thread.join()
        assert ended.is_set()
        with pytest.raises(CalledOff):
            limits.check()
    with pytest.raises(CalledOff), deadline.ending(ended.set):
        pass


def test_what_takes_long_is_ended_when_the_time_is_over() -> None:
    ended = threading.Event()
    with limits.until(Deadline(0.05)) as deadline, deadline.timing(ended.set):
        assert ended.wait(60)
    later = threading.Event()
    with limits.until(Deadline(0.05)) as deadline, deadline.timing(later.set):
        pass
    assert not later.wait(0.1)
    with Deadline(None).timing(later.set):
        assert not later.is_set()


def test_each_page_has_its_time_and_all_together_have_some() -> None:
    deadline = Deadline(10.0, "a.pdf", pages=2)
    deadline.begin()
    assert 9 < deadline.left <= 10
    deadline.renew()
    assert 9 < deadline.left <= 10
    short = Deadline(0.01, "a.pdf", pages=2)
    short.begin()
    for _ in range(4):
        short.renew()
        time.sleep(0.008)
    with pytest.raises(TooCostlyError, match=r"a.pdf takes more than 0.02 s"):
        short.check()
    alone = Deadline(10.0)
    alone.begin()
    before = alone.left
    alone.renew()
    assert alone.left <= before
