"""Reading on a Ray cluster: pictures go through Ray Data to workers, each with a process that has loaded the model."""

import logging
import os
import pickle
import socket
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tenfold.engines.cluster import Mailbox
from tenfold.engines.connection import ask_nodes, interrupted
from tenfold.errors import ClusterError, TenfoldError
from tenfold.read import urls
from tenfold.read.decode import source_name
from tenfold.read.many.outputs import summary, table
from tenfold.read.many.processes import Picture, in_order, open_
from tenfold.read.many.rows import Row, Work
from tenfold.read.reader import Reader

PACKAGES = ("numpy", "onnxruntime", "pillow", "pillow-heif", "pypdfium2")  # on which readings depend
_FEW, _MANY = 64, 10_000  # pictures that go to a worker at once; of a file of Parquet
_ROUNDS = 16  # and if there are few, so many times to each
_JOB = 8  # pictures that a worker's process is given at once
_TRIES = 3  # to read a picture at which Ray's own worker is killed
# Of a core, for each worker, which uses a whole one. The rest of them is room for the workers of a node that was lost:
# without it what they were at would wait for a free core, and that comes when all else is done.
_SHARE = 0.8
_OFTEN = 0.5  # seconds between two looks at how far it is


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
    places, workers = places or {}, workers or cores(ray)
    check_shared(ray, [path for path in paths if not urls.is_url(path)][:1] + [str(p.parent) for p in places.values()])
    size = max(1, min(_FEW, len(paths) // (_ROUNDS * workers)))
    pictures = [(path, places.get(path)) for path in paths]
    items = [pickle.dumps(pictures[k : k + size]) for k in range(0, len(pictures), size)]
    done, _ = _mapped(ray, _Rows, work, items, workers, in_order=in_order)
    with _errors(ray):
        for batch in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            for made in map(pickle.loads, batch["made"].to_pylist()):
                if isinstance(made, TenfoldError):
                    raise made
                yield from made


def read_folder(
    ray: Any, work: Work, folder: str, paths: Sequence[str], *, workers: int | None = None
) -> Generator["Counter[str]", None, None]:
    """Read into files of Parquet in a folder; as pictures are read, how many of them are of which kind.

    A file is whole, or removed by the next reading into the folder, which reads what is missing. Raises as above, and
    StorageError.
    """
    path, workers = urls.local(folder), workers or cores(ray)
    check_shared(
        ray, [picture for picture in paths if not urls.is_url(picture)][:1] + ([] if path is None else [folder])
    )
    size = max(_FEW, min(_MANY, len(paths) // (_ROUNDS * workers)))
    items = [pickle.dumps([(picture, None) for picture in paths[k : k + size]]) for k in range(0, len(paths), size)]
    done, notes = _mapped(ray, _Table, work, items, workers, in_order=False)
    store, key = urls.store(folder)
    failed: list[BaseException] = []

    def write() -> None:
        try:
            done.write_parquet(key, filesystem=store, mode="append", compression="zstd")
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)

    writing = threading.Thread(target=write, daemon=True)
    told: set[str] = set()
    with _errors(ray):
        writing.start()
        while writing.is_alive():
            writing.join(_OFTEN)
            for first, some in ray.get(notes.take.remote()):
                if first not in told:  # else a node was lost that had read it
                    told.add(first)
                    yield some
        if failed:
            raise failed[0]


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


def _make(folder: str, make: Callable[[], Reader]) -> Reader:
    """A reader in a process that starts elsewhere: paths are meant from a folder."""
    with suppress(OSError):  # a node without this folder can still read URLs
        os.chdir(folder)
    return make()


def _mapped(
    ray: Any, actor: type, work: Work, items: Sequence[bytes], workers: int, *, in_order: bool
) -> tuple[Any, Any]:
    """The dataset of what as many actors as `workers` make of each item, and the notes that they share."""
    from ray import data

    for handler in logging.getLogger("ray.data").handlers:
        # Of Ray's own two the one to the terminal; others may have been put there by whoever uses tenfold.
        if isinstance(handler, logging.StreamHandler) and type(handler).__module__.startswith("ray."):
            handler.setLevel(logging.CRITICAL + 1)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = in_order
    notes = _Notes.beside(ray)
    dataset = data.from_items([{"item": item} for item in items], override_num_blocks=len(items))
    # Where a node or a worker is lost, Ray Data starts another and gives it the same again, without end.
    done = dataset.map_batches(
        actor,
        fn_constructor_args=(replace(work, make=partial(_make, os.getcwd(), work.make)), notes),
        batch_size=None,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(size=min(workers, len(items))),
        num_cpus=_SHARE,
    )
    return done, notes


@contextmanager
def _errors(ray: Any) -> Iterator[None]:
    """A block whose errors of Ray's are told as ours, or as Ctrl-C."""
    try:
        yield
    except TenfoldError:
        raise
    except Exception as error:
        if interrupted():  # Ray's processes were asked to end too, and it may notice that first, in many ways
            raise KeyboardInterrupt from error
        if not isinstance(error, ray.exceptions.RayError):
            raise
        if isinstance(cause := getattr(error, "cause", None), TenfoldError):
            raise cause from error
        why = " ".join(str(error).split())[-300:]
        raise ClusterError(f"the cluster could not do it: {why}") from error


class _Notes(Mailbox):
    """What workers note beside the driver: how often a picture was begun, and as reports what was read."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: Counter[str] = Counter()

    def begin(self, path: str) -> int:
        self._begun[path] += 1
        return self._begun[path]

    def end(self, path: str) -> None:
        del self._begun[path]


class _Reading:
    """What Ray keeps on a core: a process that has loaded the model, and another where a picture brought it down."""

    def __init__(self, work: Work, notes: Any) -> None:
        import ray

        self._work, self._notes, self._ray = work, notes, ray
        self._engine = open_(work, 1)
        self._again = bool(ray.get_runtime_context().was_current_actor_reconstructed)

    def rows(self, pictures: Sequence[Picture]) -> list[Row]:
        """A row for each picture. Raises StorageError for an annotated picture that cannot be written.

        Ray kills a worker, not the process that reads for it, where a node's memory runs out, and gives what it was at
        to the next, without end. A lost node takes its workers with it too: so it is a picture's fault only where the
        same is met more than once. The first time nobody noted it.
        """
        if not self._again:
            return list(in_order(self._engine, self._work, None, pictures, _JOB))
        rows: list[Row] = []
        for picture in pictures:
            path = picture[0]
            if self._ray.get(self._notes.begin.remote(path)) < _TRIES:
                rows += in_order(self._engine, self._work, None, [picture], 1)
            else:
                why = f"Ray's worker was killed at it {_TRIES} times: too little memory for it"
                rows.append(Row(path, error=f"cannot read {source_name(path)}: {why}"))
            self._notes.end.remote(path)
        return rows


class _Rows(_Reading):
    """The same, for rows as they are."""

    def __call__(self, batch: Any) -> Any:
        import pyarrow

        made: list[list[Row] | TenfoldError] = []
        for item in batch["item"].to_pylist():
            try:
                made.append(self.rows(pickle.loads(item)))  # noqa: S301 - from our own driver
            except TenfoldError as error:  # goes as a value: Ray would try again, or wrap it in a traceback
                made.append(error)
        return pyarrow.table({"made": pyarrow.array([pickle.dumps(each) for each in made], pyarrow.large_binary())})


class _Table(_Reading):
    """The same, for what a table has of the rows."""

    def __call__(self, batch: Any) -> Any:
        rows = []
        for item in batch["item"].to_pylist():
            some = self.rows(pickle.loads(item))  # noqa: S301
            self._notes.report.remote(some[0].path, Counter(row.kind for row in some))
            rows += some
        return table(map(summary, rows))
