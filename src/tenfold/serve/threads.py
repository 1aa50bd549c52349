"""Threads that do what takes long, beside the one that talks to the callers."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from threading import Thread
from typing import Any

_Task = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads(AbstractContextManager["Threads"]):
    """A number of threads for one event loop. Leaving it waits for what is under way.

    A small picture is read in less time than it takes to wake another thread. So the loop is woken once for all results
    that are there by the time it has come round, not once for each as by an executor.
    """

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[_Task | None] = SimpleQueue()
        self._finished: deque[tuple[asyncio.Future[Any], Any, Exception | None]] = deque()
        self._woken = False
        self._loop = asyncio.get_running_loop()
        self._threads = [Thread(target=self._run, name=f"reading-{k}", daemon=True) for k in range(count)]
        for thread in self._threads:
            thread.start()

    def __exit__(self, *exception: object) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    async def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What a call returns, made in one of the threads; what it raises is raised."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put((future, call, arguments))
        return await future

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            future, call, arguments = task
            if future.cancelled():
                continue
            try:
                self._finished.append((future, call(*arguments), None))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where it is waited for
                self._finished.append((future, None, error))
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._hand_back)

    def _hand_back(self) -> None:
        self._woken = False  # before looking, so that what comes from now on wakes the loop again
        while self._finished:
            future, result, error = self._finished.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(RuntimeError(str(error)) if isinstance(error, StopIteration) else error)
