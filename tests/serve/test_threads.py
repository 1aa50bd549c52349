"""Threads for one event loop."""

import asyncio
import time
from collections.abc import Callable

import pytest

from serve.conftest import run
from tenfold.serve.threads import Threads


def test_a_quick_answer_does_not_wait_for_a_slow_one() -> None:
    async def scenario() -> tuple[float, float, float]:
        began = time.perf_counter()

        async def one(seconds: float) -> float:
            await threads.do(time.sleep, seconds)
            return time.perf_counter() - began

        with Threads(2) as threads:
            return await asyncio.gather(one(0.6), one(0.0), one(0.6))

    first, quick, last = run(scenario())
    assert quick < 0.3 < min(first, last)


def test_what_is_raised_in_a_thread_is_raised_where_it_is_waited_for() -> None:
    async def scenario(call: Callable[[], object]) -> object:
        with Threads(1) as threads:
            return await threads.do(call)

    with pytest.raises(ZeroDivisionError):
        run(scenario(lambda: 1 // 0))
    with pytest.raises(RuntimeError):
        run(scenario(lambda: next(iter(()))))
    assert run(scenario(lambda: 7)) == 7


def test_leaving_waits_for_what_is_under_way() -> None:
    finished: list[bool] = []

    def work() -> None:
        time.sleep(0.1)
        finished.append(True)

    async def scenario() -> None:
        with Threads(1) as threads:
            waiting = asyncio.ensure_future(threads.do(work))
            await asyncio.sleep(0.02)
        assert finished == [True]
        await waiting

    run(scenario())
