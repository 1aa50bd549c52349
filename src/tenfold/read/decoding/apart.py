"""Files of any kind, decoded in a process of its own, which has limits of time and memory and is kept for the next one.

A file that brings the process down, or that takes too much, costs that process alone. It is no process of pebble's, as
those give an answer when all is done, and this one gives a page at a time.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from threading import BoundedSemaphore, Lock
from typing import IO, Any

import numpy as np

from tenfold.errors import TooCostlyError
from tenfold.read import limits
from tenfold.read.decoding import child
from tenfold.read.decoding.page import WORK, Page

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from tenfold.read.decoding import child; child.main()"
)
# One thread, and memory that goes back to the system at once: glibc would keep what was large once.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "1000000"}
_MOST = 2 * WORK  # pixels of a side of a page that is believed
_PROCESSES = max(1, os.cpu_count() or 1)


@dataclass(frozen=True)
class Limits:
    """What decoding a file may take: pixels of a page, pages, and bytes of memory."""

    max_pixels: int
    max_pages: int | None
    memory: int


class _Process:
    """A process that decodes one file at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, **_ENVIRONMENT}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=os.name != "nt",  # so that Ctrl-C is for the first process
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.asked: IO[bytes] = self._process.stdin
        self.answers: IO[bytes] = self._process.stdout

    @property
    def runs(self) -> bool:
        """Whether it still does."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once; from any thread."""
        with suppress(OSError):
            self._process.kill()

    def close(self) -> int:
        """End it, and let its pipes go; how it ended."""
        self.kill()
        for pipe in (self.asked, self.answers):
            with suppress(OSError):
                pipe.close()
        return self._process.wait()


class _Pool:
    """The processes that are idle; no more at once than there are cores."""

    def __init__(self) -> None:
        self._lock, self._idle, self._places = Lock(), list[_Process](), BoundedSemaphore(_PROCESSES)

    @contextmanager
    def one(self) -> Iterator[_Process]:
        """A process for one file. It is idle again after it, unless the block ends with an exception."""
        deadline = limits.current()
        while not self._places.acquire(timeout=0.1):
            deadline.check()
        process = None
        try:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is not None and not process.runs:
                process.close()
                process = None
            process = process or _Process()
            try:
                yield process
            except GeneratorExit:  # whoever asked wants no more of it
                self._keep(process)
                process = None
                raise
            self._keep(process)
            process = None
        finally:
            if process is not None:
                process.close()
            self._places.release()

    def _keep(self, process: _Process) -> None:
        with self._lock:
            self._idle.append(process)

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()


class _Here:
    pool = _Pool()


def _forget() -> None:
    """Start afresh in a forked process: the processes of the first one are not for it."""
    _Here.pool = _Pool()


atexit.register(lambda: _Here.pool.close())  # noqa: PLW0108 - that which is there then
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def pages(raw: bytes | bytearray, name: str, most: Limits) -> Iterator[Page]:
    """The pages of a file; what a bytearray holds is let go as soon as the other process has it.

    Raises TooCostlyError for one that takes more time than the thread's deadline has left, or more memory than it may,
    and as `images.pages` and `documents.pages` do; Exception with what a library said of a damaged file.
    """
    if not sys.executable:  # of a program that Python is built into
        yield from child.pages(bytes(raw), name, most.max_pixels, most.max_pages)
        return
    ended: list[BaseException | None] = []
    with _Here.pool.one() as process:
        deadline = limits.current()
        try:
            with deadline.ending(process.kill):
                head = {"name": name, "size": len(raw), "memory": most.memory, "seconds": min(deadline.left, 1e9)}
                with deadline.timing(process.kill):
                    child.tell(process.asked, {**head, "max_pixels": most.max_pixels, "max_pages": most.max_pages}, raw)
                if isinstance(raw, bytearray):
                    raw.clear()
                while (page := _next(process)) is not None:
                    more = False
                    try:
                        yield page
                        more = True
                    finally:
                        child.tell(process.asked, {"more": more})
        except _Told as error:
            ended.append(error.__cause__)
        except (EOFError, OSError, ValueError):
            deadline.check()
            status = process.close()
            raise TooCostlyError(_brought_down(name, most.memory, status)) from None
    if ended and ended[0]:
        raise ended[0]


class _Told(Exception):
    """An error that the process told of, and survived."""


def _next(process: _Process) -> Page | None:
    """The next page of a file, or None. Raises _Told for an error, EOFError where the process is gone."""
    with limits.current().timing(process.kill):
        answer = child.told(process.answers)
        if answer["kind"] == "page":
            return _page(process.answers, answer)
    if answer["kind"] == "error":
        raise _Told from child.ERRORS[answer["error"]](answer["text"])
    if answer["kind"] == "failed":
        raise _Told from RuntimeError(answer["text"])
    return None


def _page(pipe: IO[bytes], answer: dict[str, Any]) -> Page:
    """A page as it is told of. Raises ValueError for what cannot be one."""
    shape = tuple(map(int, answer["shape"]))
    if len(shape) != 3 or shape[2] != 3 or not all(0 < side <= _MOST for side in shape):
        raise ValueError
    kind = np.dtype(np.uint8 if answer["bytes"] else np.float32)
    pixels = np.frombuffer(child.exactly(pipe, prod(shape) * kind.itemsize), kind).reshape(shape)
    return Page(pixels, int(answer["width"]), int(answer["height"]), tuple(map(str, answer["notes"])))


def _brought_down(name: str, memory: int, status: int) -> str:
    """What is said of a file at which the process died."""
    return f"{child.needs_more(name, memory)}, or is damaged so that decoding it ends the process (status {status})"
