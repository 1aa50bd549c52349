"""Jobs in processes of this machine, through pebble: a process that dies costs its job alone.

The processes import what a job is made of, but not the program that started it: a job's class is found in a module.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tenfold.engines.jobs import Event, Job, cores
from tenfold.errors import ClusterError, Interrupted

if TYPE_CHECKING:
    from pebble import ProcessPool

_LARGEST = 4000  # bytes of a report: so many are written to a pipe at once, without a lock that may die with a process
_BROKEN = 3  # times that all processes may have died without a job
GRACE = 15.0  # seconds that a job has to save its state when all is stopped


@dataclass
class _Started:
    """A job that is to be done."""

    packed: bytes
    lives: int
    seconds: float | None


class Processes:
    """The engine of this machine: as many processes as jobs are to be done at once, started with the first job."""

    def __init__(
        self,
        jobs: int | None = None,
        threads: int = 1,
        *,
        begin: Callable[[], None] | None = None,
        grace: float = GRACE,
    ) -> None:
        """Each process calls `begin` first; all have `grace` seconds to end."""
        self.slots: int = jobs or max(1, cores() // threads)
        self.name: str = f"{self.slots} process{'es' * (self.slots > 1)} of this machine"
        self._begin, self._grace = begin, grace
        self._context = _Context()
        self._reports, self._writer = self._context.Pipe(duplex=False)
        self._jobs: dict[int, _Started] = {}
        self._ended: deque[tuple[ProcessPool, int, Future[bytes]]] = deque()
        self._pool: ProcessPool | None = None
        self._broken = 0

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._reports.close()
        self._writer.close()

    def _stop(self) -> None:
        """End all processes, which save their state first."""
        if self._pool is None:
            return
        from pebble import CONSTS

        self._pool.stop()  # type: ignore[no-untyped-call]
        for process in self._context.started:  # all at once, where pebble waits for one after the other
            with suppress(AttributeError, OSError, ValueError):
                process.terminate()
        CONSTS.term_timeout = self._grace
        self._pool.join()
        self._pool = None
        self._context.started.clear()

    def start(self, key: int, job: Job, lives: int = 2, seconds: float | None = None) -> None:
        """Start a job, as soon as a process is idle."""
        self._jobs[key] = _Started(pickle.dumps(job), lives, seconds)
        self._schedule(key)

    def _schedule(self, key: int) -> None:
        from pebble import ProcessPool

        if self._pool is None:
            given = self._writer, self._begin, self._grace
            self._pool = ProcessPool(self.slots, initializer=_begin, initargs=given, context=self._context)
        job = self._jobs[key]
        future: Future[bytes]
        try:
            future = self._pool.schedule(_do, (key, job.packed), timeout=job.seconds)
        except RuntimeError as error:  # all processes have died
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        future.add_done_callback(partial(self._end, self._pool, key))

    def _end(self, pool: "ProcessPool", key: int, future: "Future[bytes]") -> None:
        """Note, in a thread of pebble's, that a job has ended."""
        self._ended.append((pool, key, future))
        with suppress(OSError):  # closed, as nobody waits any more
            self._writer.send_bytes(b"")

    def wait(self, seconds: float) -> list[Event]:
        """What happened to the jobs within so many seconds."""
        events: list[Event] = []
        while self._reports.poll(0 if events else seconds):
            seconds = 0
            if packed := self._reports.recv_bytes():
                key, value = pickle.loads(packed)  # noqa: S301 - from our own process
                events += [Event(key, "reported", value)] if key in self._jobs else []
        while self._ended:
            events += self._after(*self._ended.popleft())
        return events

    def _after(self, pool: "ProcessPool", key: int, future: "Future[bytes]") -> list[Event]:
        """How a job has ended; nothing where it is started again. Raises ClusterError where no process can be."""
        from pebble import ProcessExpired

        job, error = self._jobs[key], None if future.cancelled() else future.exception()
        if isinstance(error, BrokenProcessPool):  # a process died that had no job
            self._broken += 1
            if self._broken > _BROKEN:
                raise ClusterError("the processes that were to do it ended at once: too little memory, or a limit")
            if pool is self._pool:
                self._stop()
            self._schedule(key)
            return []
        if isinstance(error, ProcessExpired):
            job.lives -= 1
            if job.lives > 0:
                self._schedule(key)
                return []
        del self._jobs[key]
        self._broken = 0
        if isinstance(error, ProcessExpired):
            why = "too little memory" if error.exitcode in (-signal.SIGKILL, signal.SIGKILL) else "a fault in a library"
            return [Event(key, "lost", f"the process that did it died (status {error.exitcode}): {why}")]
        if isinstance(error, TimeoutError) and job.seconds is not None:
            return [Event(key, "lost", f"it took more than {job.seconds:g} s")]
        if error is not None:
            return [Event(key, "failed", error if isinstance(error, Exception) else Interrupted("stopped"))]
        kind, value = pickle.loads(future.result())  # noqa: S301
        return [Event(key, kind, value)]


class _Process(SpawnProcess):
    """A process that shares neither the program nor Ctrl-C.

    multiprocessing would have it run the program's own file, which may start all this once more: a script is not always
    written with `if __name__ == "__main__"`. And Ctrl-C, until it is in a process group of its own, waits for that.
    """

    def start(self) -> None:
        program = sys.modules["__main__"]
        masked = None
        if hasattr(signal, "pthread_sigmask"):  # which is inherited
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # before, as starting that unmasks it
            masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        sys.modules["__main__"] = ModuleType("__main__")  # that came from no file
        try:
            super().start()
        finally:
            sys.modules["__main__"] = program
            if masked is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, masked)


class _Context(SpawnContext):
    """Processes that are spawned: a fork would copy locks that threads hold, and not the threads."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **more: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """A process of this context."""
        self.started.append(_Process(*args, **more))
        return self.started[-1]


class _Here:
    """The state of a process that does jobs."""

    reports: Connection
    busy = ending = False


def _begin(writer: Connection, begin: Callable[[], None] | None, grace: float) -> None:
    """What a process does first."""
    _Here.reports = writer
    with suppress(AttributeError, OSError):
        os.setpgrp()  # Ctrl-C goes to the first process alone, which then asks the others
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _asked)

    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=end_with_parent, args=(end,), daemon=True).start()
    if begin is not None:
        begin()


def _asked(*_: object) -> None:
    """End: at once, or as by Ctrl-C where there is a job, which then saves its state."""
    if not _Here.busy:
        os._exit(0)
    if not _Here.ending:
        _Here.ending = True
        signal.raise_signal(signal.SIGINT)


def _do(key: int, packed: bytes) -> bytes:
    """Do a job in a process; how it ended."""

    def report(value: Any) -> None:
        told = pickle.dumps((key, value))
        if len(told) > _LARGEST:
            raise ValueError(f"a report must be at most {_LARGEST} bytes, not {len(told)}")
        with suppress(OSError):  # nobody is there any more, and so this process ends
            _Here.reports.send_bytes(told)

    _Here.busy = True
    try:
        return _packed(("done", pickle.loads(packed)(report)))  # noqa: S301
    except Exception as error:  # noqa: BLE001 - it is told to the first process
        return _packed(("failed", error))
    finally:
        _Here.busy = False
        if _Here.ending:
            os._exit(1)


def _packed(answer: tuple[str, Any]) -> bytes:
    """The answer as bytes; an error that cannot be pickled becomes one that can."""
    try:
        packed = pickle.dumps(answer)
        pickle.loads(packed)  # noqa: S301 - some errors can be packed and not unpacked
    except Exception:  # noqa: BLE001
        packed = pickle.dumps((answer[0], RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))
    return packed


def end_with_parent(end: Callable[[], None]) -> None:
    """Call `end` when the process that started this one is gone, also if that was killed: for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end()
