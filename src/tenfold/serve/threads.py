"""Threads that do what takes long, beside the one that talks to the callers."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any

TOGETHER = 0.002  # seconds of work whose results are handed back together
_Task = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads(AbstractContextManager["Threads"]):
    """A number of threads for one event loop. Leaving it waits for what is under way.

    A small picture is read in less time than it takes to wake another thread. So where several wait, a thread goes on
    with the next and hands the results back together, which doubles the rate of an executor.
    """

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[_Task | None] = SimpleQueue()
        loop = asyncio.get_running_loop()
        self._threads = [Thread(target=self._run, args=(loop,), name=f"reading-{k}", daemon=True) for k in range(count)]
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    async def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What a call returns, made in one of the threads; what it raises is raised."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put((future, call, arguments))
        return await future

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (task := self._waiting.get()) is not None:
            done, until = [_done(*task)], time.perf_counter() + TOGETHER
            try:
                while time.perf_counter() < until:
                    task = self._waiting.get_nowait()
                    if task is None:
                        self._waiting.put(None)  # which is found once more, and then ends this thread
                        break
                    done.append(_done(*task))
            except Empty:
                pass
            loop.call_soon_threadsafe(_hand_back, done)


def _done(
    future: "asyncio.Future[Any]", call: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple["asyncio.Future[Any]", Any, Exception | None]:
    if future.cancelled():
        return future, None, None
    try:
        return future, call(*arguments), None
    except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where it is waited for
        return future, None, error


def _hand_back(done: list[tuple["asyncio.Future[Any]", Any, Exception | None]]) -> None:
    for future, result, error in done:
        if not future.done():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
