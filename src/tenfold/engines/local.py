"""Jobs in processes of this machine, which are kept for the jobs to come.

The processes import what a job is made of, but not the program that started it: a job's class is found in a module.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from tenfold.engines.jobs import Event, Job

_DEATHS = 2  # of one job: on one machine, what killed it twice kills it again
_GRACE = 15.0  # seconds that a job has to save its state when all is stopped


class Processes:
    """The engine of this machine: as many processes as jobs are to be done at once, started when they are needed."""

    def __init__(self, jobs: int | None = None, threads: int = 1) -> None:
        self.slots: int = jobs or max(1, cores() // threads)
        self.name: str = f"{self.slots} process{'es' * (self.slots > 1)} of this machine"
        self._workers: list[_Worker] = []
        self._jobs: dict[int, Job] = {}
        self._deaths: dict[int, int] = {}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.end(_GRACE)

    def start(self, key: int, job: Job) -> None:
        """Start a job, in a process that is idle or else in a new one."""
        self._jobs[key] = job
        self._start(key)

    def _start(self, key: int) -> None:
        worker = next((worker for worker in self._workers if worker.key is None), None)
        if worker is None:
            worker = _Worker()
            self._workers.append(worker)
        worker.key = key
        with suppress(OSError):  # it died, which `wait` notices
            worker.pipe.send_bytes(pickle.dumps(self._jobs[key]))

    def wait(self, seconds: float) -> list[Event]:
        """What happened to the jobs within so many seconds."""
        events: list[Event] = []
        ready = wait([worker.pipe for worker in self._workers], seconds)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            key = worker.key
            try:
                kind, value = pickle.loads(worker.pipe.recv_bytes())  # noqa: S301 - from our own process
            except (EOFError, OSError):
                self._workers.remove(worker)
                code = worker.end(_GRACE)
                if key is not None:
                    events += self._died(key, code)
                continue
            assert key is not None
            events.append(Event(key, kind, value))
            if kind != "reported":
                worker.key = None
                del self._jobs[key]
        return events

    def _died(self, key: int, code: int | None) -> list[Event]:
        """Start a job again whose process died, unless that was the second time."""
        self._deaths[key] = self._deaths.get(key, 0) + 1
        if self._deaths[key] < _DEATHS:
            self._start(key)
            return []
        del self._jobs[key]
        why = "too little memory" if code == -signal.SIGKILL else "a fault in a library"
        return [Event(key, "lost", f"the process that did it died twice (status {code}): {why}, or it was killed")]

    def answer(self, key: int, go_on: bool) -> None:
        """Answer the job's last report."""
        for worker in self._workers:
            if worker.key == key:
                with suppress(OSError):
                    worker.pipe.send_bytes(pickle.dumps(go_on))


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Child:
    """A process of our own that runs `serve(pipe, *args)`, and the other end of its pipe."""

    def __init__(self, serve: Callable[..., None], *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold, and not the threads
        mine, theirs = context.Pipe()
        self.pipe: Connection = mine
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, *args), daemon=True)
        with _isolated():
            self.process.start()
        theirs.close()  # so that its death is the end of the pipe here

    def end(self, grace: float) -> int | None:
        """Wait so many seconds for its end, then make it end; its exit status."""
        self.process.join(grace)
        for end in (self.process.terminate, self.process.kill):
            if self.process.is_alive():
                end()
                self.process.join(2)
        return self.process.exitcode


class _Worker(Child):
    """A process that does one job at a time."""

    def __init__(self) -> None:
        super().__init__(_serve)
        self.key: int | None = None

    def stop(self) -> None:
        """Ask it to end: at once if it is idle, after saving its state if it has a job."""
        if self.key is not None and self.process.is_alive() and self.process.pid and hasattr(os, "killpg"):
            with suppress(OSError):
                os.kill(self.process.pid, signal.SIGINT)
        self.pipe.close()  # which ends its waiting for a job or an answer


@contextmanager
def _isolated() -> Iterator[None]:
    """A block in which a process is started that shares neither the program nor Ctrl-C.

    multiprocessing would have it run the program's own file, which may start all this once more: a script is not always
    written with `if __name__ == "__main__"`. And Ctrl-C, until it is in a process group of its own, waits for that.
    """
    program = sys.modules["__main__"]
    masked = None
    if hasattr(signal, "pthread_sigmask"):  # which is inherited
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # before, as starting that unmasks it
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    sys.modules["__main__"] = ModuleType("__main__")  # that came from no file
    try:
        yield
    finally:
        sys.modules["__main__"] = program
        if masked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _serve(pipe: Connection) -> None:
    """What a process does: the jobs that come through the pipe, until it is closed."""
    with suppress(AttributeError, OSError):
        os.setpgrp()  # Ctrl-C goes to the first process alone, which then asks the others one by one
    if hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what came before this was for the first process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not at once, so that temporary folders are removed
    threading.Thread(target=end_with_parent, args=(_terminate,), daemon=True).start()

    def report(value: Any) -> bool:
        pipe.send_bytes(pickle.dumps(("reported", value)))
        return bool(pickle.loads(pipe.recv_bytes()))  # noqa: S301

    with suppress(EOFError, OSError, KeyboardInterrupt):  # the first process is gone, or ends this one
        while True:
            packed = pipe.recv_bytes()
            try:
                answer = "done", pickle.loads(packed)(report)  # noqa: S301
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:  # noqa: BLE001 - it is reported to the first process
                answer = "failed", error
            pipe.send_bytes(_packed(answer))


def _packed(answer: tuple[str, Any]) -> bytes:
    """The answer as bytes; an error that cannot be pickled becomes one that can."""
    try:
        packed = pickle.dumps(answer)
        pickle.loads(packed)  # noqa: S301 - some errors can be packed and not unpacked
    except Exception:  # noqa: BLE001
        packed = pickle.dumps((answer[0], RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))
    return packed


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent(end: Callable[[], None]) -> None:
    """Call `end` when the process that started this one is gone, also if that was killed: for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end()
