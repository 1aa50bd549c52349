"""Thousands of pictures read in their order, by processes on all cores."""

import multiprocessing
import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tenfold.engines.jobs import Engine, Report, cores
from tenfold.engines.local import Processes, end_with_parent
from tenfold.errors import ClusterError, StorageError
from tenfold.read.decode import source_name
from tenfold.read.many.rows import Row, Work
from tenfold.read.many.targets import STDIN
from tenfold.read.reader import Reader

_ALONE = 0.5  # seconds of reading here before processes are thought of: they take as long to start
_WORTH = 2.0  # seconds of reading that must then be left
_SECONDS, _MOST = 0.2, 64  # of reading in a job, and pictures
_AHEAD = 4  # jobs for each process that may be done before an earlier one is, which bounds what is held

Picture = tuple[str, Path | None]  # and where it is to be written annotated


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
    pictures = [(path, places.get(path)) for path in paths]
    reader, spent, number = work.make(), 0.0, 0
    shared = workers > 1
    while number < len(pictures):
        left = len(pictures) - number
        if shared and number and left > 1 and spent > _ALONE and left * spent / number > _WORTH:
            shared = False  # a second time only where no process could be started
            size = max(1, min(_MOST, round(_SECONDS * number / spent), left // (_AHEAD * workers)))
            with suppress(ClusterError), open_(work, min(workers, left)) as engine:
                for row in in_order(engine, work, reader, pictures[number:], size):
                    number += 1
                    yield row
            continue
        began = time.perf_counter()
        row = work.row(reader, *pictures[number])
        spent, number = spent + time.perf_counter() - began, number + 1
        yield row


def open_(work: Work, workers: int) -> Processes:
    """Processes that read, each with a reader."""
    return Processes(workers, begin=partial(_begin, work), grace=2.0)


def in_order(
    engine: Engine, work: Work, reader: Reader | None, pictures: Sequence[Picture], size: int
) -> Iterator[Row]:
    """The rows of pictures, in their order, by processes that `open_` gave; jobs are of `size` pictures.

    If a process dies, its pictures are read again one by one, for only what brings down a process by itself is to
    blame. Standard input is read here, by the `reader`. Raises ClusterError, StorageError.
    """
    done: dict[int, Row | StorageError] = {
        k: work.row(reader, *p) for k, p in enumerate(pictures) if p[0] == STDIN and reader is not None
    }
    left = [k for k in range(len(pictures)) if k not in done]
    waiting = deque(left[k : k + size] for k in range(0, len(left), size))
    running: dict[int, list[int]] = {}
    begun = yielded = 0
    while yielded < len(pictures):
        most = yielded + _AHEAD * size * engine.slots
        while waiting and len(running) < 2 * engine.slots and waiting[0][0] < most:
            running[begun] = waiting.popleft()
            engine.start(begun, _Job([pictures[k] for k in running[begun]]), 1)
            begun += 1
        for event in engine.wait(1.0) if running else ():
            some = running.pop(event.key)
            if event.kind == "done":
                done.update(zip(some, event.value, strict=False))
            elif event.kind == "failed":
                raise event.value
            elif len(some) > 1:
                waiting.extendleft([k] for k in reversed(some))
            else:
                path = pictures[some[0]][0]
                done[some[0]] = Row(path, error=f"cannot read {source_name(path)}: {event.value}")
        while yielded in done:
            row = done.pop(yielded)
            if isinstance(row, StorageError):
                raise row
            yield row
            yielded += 1


class _Here:
    """What a process reads with."""

    work: Work
    reader: Reader


@dataclass(frozen=True)
class _Job:
    """The job of reading some pictures: their rows, or those until an annotated picture cannot be written, and why."""

    pictures: list[Picture]

    def __call__(self, report: Report) -> list[Row | StorageError]:  # noqa: ARG002
        rows: list[Row | StorageError] = []
        try:
            for path, place in self.pictures:
                rows.append(_Here.work.row(_Here.reader, path, place))
        except StorageError as error:
            rows.append(error)
        return rows


def _begin(work: Work) -> None:
    warnings.simplefilter("ignore")  # Pillow's, of what a damaged file has in it
    _end_at_once_with_parent()
    _Here.work, _Here.reader = work, work.make()


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
