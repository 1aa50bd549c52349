"""Reading on a Ray cluster: pictures go through Ray Data to processes that have loaded the model once."""

import logging
import os
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tenfold.engines.connection import ask_nodes, interrupted
from tenfold.errors import ClusterError, StorageError, TenfoldError
from tenfold.read import urls
from tenfold.read.decode import source_name
from tenfold.read.many.parts import Plan
from tenfold.read.many.processes import Worker, end
from tenfold.read.many.rows import Row, Work
from tenfold.read.reader import Reader

PACKAGES = ("numpy", "onnxruntime", "pillow", "pillow-heif", "pypdfium2")  # on which readings depend
_MOST = 64  # pictures that go to a worker at once
_ROUNDS = 16  # and if there are few, so many times to each
_TRIES = 3  # to start a process, or to read a picture at which Ray's own worker is killed
# Of a core, for each worker, which uses a whole one. The rest of them is room for the workers of a node that was lost:
# without it what they were at would wait for a free core, and that comes when all else is done.
_SHARE = 0.8


def read_many(
    ray: Any,
    work: Work,
    paths: Sequence[str],
    *,
    workers: int | None = None,
    places: Mapping[str, Path] | None = None,
    in_order: bool = True,
) -> Generator[Row, None, None]:
    """A row for every picture: what `processes.read_many` gives, read by workers of a cluster.

    A picture that brings its process down is a row that says so; a node that is lost is made up for by the others.

    Args:
        ray: The module, connected.
        work: How to read. Its maker of readers goes to the nodes and must hold what it needs, such as a model's bytes.
        paths: The pictures: on disks that every node has at the same place, or URLs.
        workers: How many read; None is one for each core of the cluster.
        places: Where the annotated picture of each path is to be written, on such a disk.
        in_order: Give the rows in the order of the pictures; then all wait while what a lost node was at is read again.

    Raises ClusterError where a node does not have the disk, DataError, StorageError.
    """
    places = places or {}
    workers = workers or cores(ray)
    check_shared(ray, [path for path in paths if not urls.is_url(path)][:1] + [str(p.parent) for p in places.values()])
    size = max(1, min(_MOST, len(paths) // (_ROUNDS * workers)))
    jobs = [(path, places.get(path)) for path in paths]
    items = [pickle.dumps(jobs[k : k + size]) for k in range(0, len(jobs), size)]
    for rows in _through(ray, _Rows, (_here(work),), items, workers, in_order=in_order):
        yield from rows


def read_parts(
    ray: Any, work: Work, plan: Plan, numbers: Sequence[int], *, workers: int | None = None
) -> Generator["Counter[str]", None, None]:
    """Read and write parts of a plan; as each is there, how many of its pictures are of which kind. Raises as above."""
    folder = urls.local(plan.folder)
    if folder is not None:
        plan = replace(plan, folder=os.path.abspath(folder))  # those who write may have started in another
        check_shared(ray, [plan.folder])
    first = plan.pictures(numbers[0])[0]
    if not urls.is_url(first):
        check_shared(ray, [first])
    items = [pickle.dumps(number) for number in numbers]
    yield from _through(ray, _Parts, (_here(work), plan), items, workers or cores(ray), in_order=False)


def cores(ray: Any) -> int:
    """How many cores the cluster has."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def check_shared(ray: Any, places: Sequence[str]) -> None:
    """Raise ClusterError where a node on another machine has not what is here, and every picture would be missed."""
    here = sorted({os.path.abspath(os.path.expanduser(place)) for place in places if os.path.exists(place)})
    for name, missing in ask_nodes(ray, _missing, here, but=socket.gethostname()) if here else ():
        if isinstance(missing, Exception):
            raise ClusterError(f"the node {name} does not answer: end it, or wait until it does") from missing
        if missing:
            raise ClusterError(f"the node {name} has no {missing[0]}: give URLs, or a disk that all nodes have there")


def _missing(places: Sequence[str]) -> list[str]:
    return [place for place in places if not os.path.exists(place)]


def _here(work: Work) -> Work:
    """The same work for processes that start elsewhere: paths are meant from here."""
    return replace(work, make=partial(_make, os.getcwd(), work.make))


def _make(folder: str, make: Callable[[], Reader]) -> Reader:
    with suppress(OSError):  # a node without this folder can still read URLs
        os.chdir(folder)
    return make()


def _through(
    ray: Any, actor: type, given: tuple[Any, ...], items: Sequence[bytes], workers: int, *, in_order: bool
) -> Iterator[Any]:
    """What `actor(*given)`, of which there are as many as `workers`, makes of each item, if you like in their order.

    Raises what an actor gives that is an error.
    """
    from ray import data

    for handler in logging.getLogger("ray.data").handlers:
        # Of Ray's own two the one to the terminal; others may have been put there by whoever uses tenfold.
        if isinstance(handler, logging.StreamHandler) and type(handler).__module__.startswith("ray."):
            handler.setLevel(logging.CRITICAL + 1)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = in_order
    dataset = data.from_items([{"item": item} for item in items], override_num_blocks=len(items))
    # Where a node or a worker is lost, Ray Data starts another and gives it the same again, without end.
    done: Any = dataset.map_batches(
        actor,
        fn_constructor_args=given,
        batch_size=None,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(size=min(workers, len(items))),
        num_cpus=_SHARE,
    )
    try:
        for batch in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            for made in map(pickle.loads, batch["made"].to_pylist()):
                if isinstance(made, TenfoldError):
                    raise made
                yield made
    except Exception as error:
        if interrupted():  # Ray's processes were asked to end too, and it may notice that first, in many ways
            raise KeyboardInterrupt from error
        if not isinstance(error, ray.exceptions.RayError):
            raise
        why = " ".join(str(error).split())[-300:]
        raise ClusterError(f"the cluster could not do it: {why}") from error


def _notes() -> Callable[[str, int], bool] | None:
    """Where this is in the place of one that was killed: a function to note that a picture is started (1) or done (0).

    It is false for one at which Ray's worker was killed again and again. Ray does so to a worker, not to the process
    that reads for it, where a node's memory runs out, and gives what it was at to the next, without end. A lost node
    takes its workers with it too: so it is the picture's fault only where the same is met more than once. The notes are
    Ray's, and outlive all but the head.
    """
    import ray
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get, _internal_kv_put

    context = ray.get_runtime_context()
    if not context.was_current_actor_reconstructed:
        return None
    space, actor = b"tenfold", str(context.get_actor_id())

    def note(path: str, started: int) -> bool:
        key = f"{actor} {path}".encode("utf-8", "surrogateescape")
        if not started:
            _internal_kv_del(key, namespace=space)
            return True
        before = int(_internal_kv_get(key, namespace=space) or 0)
        if before + 1 < _TRIES:  # the first time there was nobody to note it
            _internal_kv_put(key, str(before + 1), namespace=space)
        return before + 1 < _TRIES

    return note


class _Rows:
    """What Ray keeps on a core: a process that has loaded the model, and another where a picture brought it down."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._worker = self._start()
        self._notes = _notes()

    def __call__(self, batch: Any) -> Any:
        import pyarrow

        made = []
        for item in batch["item"].to_pylist():
            try:
                made.append(self.made(pickle.loads(item)))  # noqa: S301 - from our own driver
            except TenfoldError as error:  # goes as a value: Ray would try again, or wrap it in a traceback
                made.append(error)
        return pyarrow.table({"made": pyarrow.array([pickle.dumps(each) for each in made], pyarrow.large_binary())})

    def made(self, item: Any) -> Any:
        """What is made of an item: the rows of its pictures, which have places to be annotated at."""
        return self.rows(item)

    def rows(self, jobs: Sequence[tuple[str, Path | None]]) -> list[Row]:
        """A row for each picture and place. Raises StorageError for an annotated picture that cannot be written.

        The process has the next picture before it is asked for this one's row, so that it never waits. If it dies with
        two, the first is read again by itself: only what brings down a process that has nothing else is to blame.
        """
        rows: list[Row] = []
        sent, by_itself = 0, False
        while len(rows) < len(jobs):
            path = jobs[len(rows)][0]
            most = len(rows) + (1 if by_itself or self._notes is not None else 2)
            if sent == len(rows):
                if not self._worker.process.is_alive():  # it died between two pictures, of which neither is to blame
                    self._renew()
                if self._notes is not None and not self._notes(path, 1):
                    why = f"Ray's worker was killed at it {_TRIES} times: too little memory for it"
                    rows.append(Row(path, error=f"cannot read {source_name(path)}: {why}"))
                    sent += 1
                    continue
            try:
                for job in jobs[sent:most]:
                    self._worker.pipe.send(job)
                    sent += 1
                row = self._worker.take()
            except (EOFError, OSError):
                self._worker.process.join(5)
                row = self._worker.died_of(path) if sent <= len(rows) + 1 else None
                sent = len(rows) + (row is not None)
                self._renew()
            except StorageError:
                if sent > len(rows) + 1:
                    with suppress(StorageError, EOFError, OSError):
                        self._worker.take()  # the row of the next, which nobody waits for any more
                raise
            by_itself = row is None
            if row is not None:
                rows.append(row)
                if self._notes is not None:
                    self._notes(path, 0)
        return rows

    def _renew(self) -> None:
        end([self._worker])
        self._worker = self._start()

    def _start(self) -> Worker:
        for _ in range(_TRIES):
            worker = Worker(self._work)
            try:
                worker.take()  # that it is ready
            except (EOFError, OSError):
                worker.process.join(5)
                end([worker])
            else:
                return worker
        code = worker.process.exitcode
        raise ClusterError(f"the node {socket.gethostname()} cannot start a process that reads (status {code})")


class _Parts(_Rows):
    """The same for whole parts, which are written where they are read."""

    def __init__(self, work: Work, plan: Plan) -> None:
        super().__init__(work)
        self._plan = plan

    def made(self, item: Any) -> Any:
        """The part of a number written, and how many of its pictures are of which kind."""
        rows = self.rows([(path, None) for path in self._plan.pictures(item)])
        self._plan.write(item, rows)
        return Counter(row.kind for row in rows)
