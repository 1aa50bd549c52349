"""Thousands of pictures read in their order, by processes on all cores."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tenfold.engines.local import Child, cores, end_with_parent
from tenfold.errors import StorageError
from tenfold.read.decode import source_name
from tenfold.read.many.rows import Row, Work
from tenfold.read.many.targets import STDIN
from tenfold.read.reader import Reader

_AHEAD = 32  # pictures for each process that may be done before an earlier one is, which bounds what is held
_ALONE = 0.5  # seconds of reading here before processes are thought of: they take as long to start
_WORTH = 2.0  # seconds of reading that must then be left


def read_many(
    work: Work, paths: Sequence[str], *, workers: int | None = None, places: Mapping[str, Path] | None = None
) -> Generator[Row, None, None]:
    """A row for every picture, in their order.

    A picture that cannot be read is a row that says why, also where it brings its process down. Reading starts in this
    process; where more is left than the start of others takes, it continues in `workers` of them.

    Args:
        work: How to read. Its maker of readers must be picklable: `functools.partial(Reader, model, threads=1)`.
        paths: The pictures; "-" is standard input.
        workers: How many processes; None is one for each core. 1 stays in this process.
        places: Where the annotated picture of each path is to be written.

    Raises what `work.make` does, and StorageError for an annotated picture that cannot be written.
    """
    places, workers = places or {}, workers or cores()
    reader, spent = work.make(), 0.0
    for number, path in enumerate(paths):
        left = len(paths) - number
        if number and workers > 1 and left > 1 and spent > _ALONE and left * spent / number > _WORTH:
            yield from _by_processes(work, reader, paths[number:], places, min(workers, left))
            return
        began = time.perf_counter()
        row = work.row(reader, path, places.get(path))
        spent += time.perf_counter() - began
        yield row


class Worker(Child):
    """A process that reads, one picture at a time."""

    def __init__(self, work: Work) -> None:
        super().__init__(_serve, work)
        self.ready: bool = False
        self.job: int | None = None

    def take(self) -> Row | None:
        """What it sent: a row, or None when it is ready for the first job. Raises EOFError or OSError if it died."""
        sent: Row | StorageError | None = self.pipe.recv()
        if isinstance(sent, StorageError):
            raise sent
        self.ready = True
        return sent

    def died_of(self, path: str) -> Row:
        """The row of the picture that it was at when it died."""
        code = self.process.exitcode
        why = f"the process that read it died (status {code}): too little memory, or a fault in a decoder"
        return Row(path, error=f"cannot read {source_name(path)}: {why}")


def _serve(pipe: Connection, work: Work) -> None:
    """What a worker does: read the pictures whose paths come through the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process ends the others
    warnings.simplefilter("ignore")  # Pillow's, of what a damaged file has in it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # not at once, so that no half-written file is left
    _end_at_once_with_parent()
    reader = work.make()
    with suppress(EOFError, OSError):  # the first process is gone
        pipe.send(None)
        while True:
            path, place = pipe.recv()
            try:
                answer: Row | StorageError = work.row(reader, path, place)
            except StorageError as error:
                answer = error
            pipe.send(answer)


def _end_at_once_with_parent() -> None:
    """End this process when the one that started it is gone, also in the middle of a picture that takes for ever."""
    threading.Thread(target=end_with_parent, args=(partial(os._exit, 1),), daemon=True).start()
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    with suppress(ImportError, AttributeError, OSError):  # Windows has no such thing
        import fcntl

        # The system ends this process by SIGIO, for a fault that never lets another thread of Python's have its turn.
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)


def _by_processes(
    work: Work, reader: Reader, paths: Sequence[str], places: Mapping[str, Path], workers: int
) -> Iterator[Row]:
    # Not concurrent.futures, where a process that dies takes all that is under way with it and does not say at which
    # picture it died.
    pool: list[Worker] = []
    # Only this process has the standard input.
    done = {k: work.row(reader, path, places.get(path)) for k, path in enumerate(paths) if path == STDIN}
    given = yielded = 0
    try:
        pool += [Worker(work) for _ in range(workers)]
        while yielded < len(paths):
            if pool:
                for worker in pool:
                    given = max(given, yielded)
                    while given in done:
                        given += 1
                    if worker.ready and worker.job is None and given < min(len(paths), yielded + _AHEAD * workers):
                        with suppress(OSError):  # it died idle, which `_collect` notices
                            worker.pipe.send((paths[given], places.get(paths[given])))
                            worker.job, given = given, given + 1
                pool = _collect(pool, work, paths, done)
            elif yielded not in done:  # no process could be started
                done[yielded] = work.row(reader, paths[yielded], places.get(paths[yielded]))
            while yielded in done:
                yield done.pop(yielded)
                yielded += 1
    finally:
        end(pool)


def _collect(pool: list[Worker], work: Work, paths: Sequence[str], done: dict[int, Row]) -> list[Worker]:
    """Wait for some of the pool, put their rows into `done`, and return the pool with the dead replaced."""
    ready = wait([worker.pipe for worker in pool])
    after = []
    for worker in pool:
        if worker.pipe in ready:
            try:
                row = worker.take()
            except (EOFError, OSError):
                end([worker])
                if worker.job is not None:  # else it could not start, and another could not either
                    done[worker.job] = worker.died_of(paths[worker.job])
                    after.append(Worker(work))
                continue
            if row is not None and worker.job is not None:
                done[worker.job], worker.job = row, None
        after.append(worker)
    return after


def end(pool: Sequence[Worker]) -> None:
    """End processes: those that died as they did, the others now."""
    for worker in pool:
        worker.process.terminate()
    for worker in pool:
        worker.end(2)
        worker.pipe.close()
