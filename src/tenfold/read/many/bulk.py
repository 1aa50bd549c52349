"""Thousands of pictures: which ones are meant, and their readings in order, by all cores."""

import glob
import io
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path, PurePath
from typing import Any

from PIL import Image

from tenfold import files as atomic
from tenfold.errors import DataError, StorageError, TenfoldError, UsageError
from tenfold.read import urls
from tenfold.read.decode import source_name
from tenfold.read.reader import Box, Digit, Reader, Reading

STDIN = "-"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".heif", ".pdf")
KINDS = ("sure", "not sure", "without digits", "not read")  # what can come of a picture
CROP = 64  # pixels: the longer side of a digit's cut-out
_AHEAD = 32  # pictures for each process that may be done before an earlier one is, which bounds what is held
_ALONE = 0.5  # seconds of reading here before processes are thought of: they take as long to start
_WORTH = 2.0  # seconds of reading that must then be left


@dataclass(frozen=True)
class Row:
    """What came of a picture: its reading or, where it could not be read, why. The pages themselves are let go."""

    path: str
    reading: Reading | None = None
    error: str | None = None
    crops: tuple[bytes, ...] = field(default=(), repr=False)  # of its unsure digits in their order, PNG, if asked for

    @property
    def sure(self) -> bool:
        """Whether it was read, has digits, and all of them are sure."""
        return self.reading is not None and self.reading.sure

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.reading is None:
            return KINDS[3]
        return KINDS[2] if not self.reading.digits else KINDS[0] if self.sure else KINDS[1]

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON-ready values: those of the reading, or with an `error` and without digits."""
        if self.reading is None:
            return {"path": self.path, "error": self.error, "text": "", "lines": [], "digits": []}
        return {**self.reading.as_dict(), "path": self.path}


def expand(targets: Sequence[str]) -> list[str]:
    """The pictures that are meant, each once: files as given, those below folders, those that globs match.

    Folders, also of an object store, and globs (`**` is any depth) give pictures by their suffix in natural order, 2
    before 10, without hidden ones; a glob that names a suffix gives what has it. A file that is not there stays, to be
    told of when its turn comes. Raises DataError for a folder that cannot be read, and for one, or a glob, that gives
    no picture.
    """
    found: dict[str, str] = {}
    for target in targets:
        for path in _meant(target):
            found.setdefault(path if path == STDIN or urls.is_url(path) else os.path.abspath(path), path)
    return list(found.values())


def stream(targets: Sequence[str]) -> Iterator[str]:
    """The pictures that `expand` gives, as they are found: of one folder without holding them all.

    They come folder by folder, each in natural order. Raises as `expand` does.
    """
    only = targets[0] if len(targets) == 1 else STDIN
    if urls.is_folder(only) if urls.is_url(only) else os.path.isdir(os.path.expanduser(only)):
        some = False
        for path in walk(os.path.expanduser(only)):
            some = True
            yield path
        if some:
            return
    yield from expand(targets)


def _meant(target: str) -> list[str]:
    place = os.path.expanduser(target)
    stored = urls.is_folder(target) if urls.is_url(target) else False
    if stored is None and not _picture(target.partition("?")[0]):
        raise DataError(f"there is nothing at {target}: a URL is that of a picture or of a folder of them")
    if target == STDIN or os.path.isfile(place) or (urls.is_url(target) and not stored):
        return [target]
    if stored or os.path.isdir(place):
        inside = sorted(walk(place), key=natural)
        if not inside:
            raise DataError(f"there are no pictures in {target}: a picture is {', '.join(s[1:] for s in SUFFIXES)}")
        return inside
    if not glob.has_magic(place):
        return [target]
    suffix = PurePath(place).suffix
    named = bool(suffix) and not glob.has_magic(suffix)
    hits = [path for path in glob.glob(place, recursive=True) if os.path.isfile(path) and (named or _picture(path))]
    if not hits:
        raise DataError(f"no picture matches {target}: ** is any depth of folders, as in 'scans/**/*.png'")
    return sorted(hits, key=natural)


def walk(folder: str) -> Iterator[str]:
    """The pictures below a folder, or below one of an object store by its URL, a folder at a time.

    Raises DataError for a folder that cannot be read.
    """
    for place, deeper in sorted(_inside(folder), key=lambda entry: natural(entry[0])):
        if deeper:
            yield from walk(place)
        elif _picture(place if urls.local(place) is not None else place.partition("?")[0]):
            yield place


def _inside(folder: str) -> list[tuple[str, bool]]:
    """What is not hidden in a folder: the place of each, and whether it is a folder to be gone through."""
    path = urls.local(folder)
    if path is None:
        return [entry for entry in urls.inside(folder) if not PurePath(entry[0]).name.startswith(".")]
    try:
        with os.scandir(path) as found:
            shown = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}") from error
    # A link to a folder is not followed, for it may lead back.
    files = [entry for entry in shown if not (entry.is_symlink() and entry.is_dir())]
    if urls.is_url(folder):
        return [(f"{folder.rstrip('/')}/{entry.name}", entry.is_dir()) for entry in files]
    return [(str(Path(folder, entry.name)), entry.is_dir()) for entry in files]


def _picture(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def natural(path: str) -> tuple[Any, ...]:
    """A key that sorts paths as people do: folder by folder, and 2 before 10."""
    parts = PurePath(path).parts
    words = (re.split(r"([0-9]+)", part.casefold()) for part in parts)
    return tuple([int(word) if k % 2 else word for k, word in enumerate(found)] for found in words), path


@dataclass(frozen=True)
class Work:
    """How to read every picture."""

    make: Callable[[], Reader]
    single: bool
    box: Box | None
    crops: bool

    def row(self, reader: Reader, path: str, place: Path | None) -> Row:
        """The row of a picture; raises nothing but StorageError, for an annotated picture that cannot be written."""
        try:
            reading = reader.read(path, single=self.single, box=self.box)
            crops = crop_unsure(reading) if self.crops else ()
            if place is not None:
                annotate(reading, place)
        except StorageError:
            raise
        except TenfoldError as error:
            return Row(path, error=" ".join(str(error).split()))
        except MemoryError:
            return Row(path, error=f"cannot read {source_name(path)}: there is not enough memory for it")
        except Exception as error:  # noqa: BLE001 - one picture must not end the reading of all the others
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            return Row(path, error=f"cannot read {source_name(path)}: {reason}")
        return Row(path, replace(reading, _pages=()), crops=crops)


def read_many(
    make: Callable[[], Reader],
    paths: Sequence[str],
    *,
    single: bool = False,
    box: Box | None = None,
    workers: int | None = None,
    crops: bool = False,
    places: Mapping[str, Path] | None = None,
) -> Generator[Row, None, None]:
    """A row for every picture, in their order.

    A picture that cannot be read is a row that says why, also where it brings its process down. Reading begins in this
    process; where more is left than the start of others takes, it goes on in `workers` of them.

    Args:
        make: Makes a reader; it must be picklable, such as `functools.partial(Reader, model, threads=1)`.
        paths: The pictures; "-" is standard input.
        single: Each picture is one digit.
        box: Only this part of each picture.
        workers: How many processes; None is one for each core. 1 stays in this process.
        crops: Give the cut-outs of unsure digits too.
        places: Where the annotated picture of each path is to be written.

    Raises what `make` does, and StorageError for an annotated picture that cannot be written.
    """
    work, places, workers = Work(make, single, box, crops), places or {}, workers or cores()
    reader, spent = make(), 0.0
    for number, path in enumerate(paths):
        left = len(paths) - number
        if number and workers > 1 and left > 1 and spent > _ALONE and left * spent / number > _WORTH:
            yield from _by_processes(work, reader, paths[number:], places, min(workers, left))
            return
        began = time.perf_counter()
        row = work.row(reader, path, places.get(path))
        spent += time.perf_counter() - began
        yield row


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Worker:
    """A process that reads, one picture at a time."""

    def __init__(self, context: SpawnContext, work: Work) -> None:
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of the pipe here
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
    threading.Thread(target=_follow, daemon=True).start()
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


def _follow() -> None:
    """End this process when the one that began it is gone, also in the middle of a picture that takes for ever."""
    began = multiprocessing.parent_process()
    if began is None:
        return
    with suppress(ImportError, AttributeError, OSError):  # Windows has no such thing
        import fcntl

        # The system ends this process by SIGIO, for a fault that never lets another thread of Python's have its turn.
        fcntl.fcntl(began.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(began.sentinel, fcntl.F_SETFL, fcntl.fcntl(began.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    began.join()
    os._exit(1)


def _by_processes(
    work: Work, reader: Reader, paths: Sequence[str], places: Mapping[str, Path], workers: int
) -> Iterator[Row]:
    # Not concurrent.futures, where a process that dies takes all that is under way with it and does not say at which
    # picture it died. Spawned, not forked: onnxruntime has threads here, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    pool: list[Worker] = []
    # Only this process has the standard input.
    done = {k: work.row(reader, path, places.get(path)) for k, path in enumerate(paths) if path == STDIN}
    given = told = 0
    try:
        pool += [Worker(context, work) for _ in range(workers)]
        while told < len(paths):
            if pool:
                for worker in pool:
                    given = max(given, told)
                    while given in done:
                        given += 1
                    if worker.ready and worker.job is None and given < min(len(paths), told + _AHEAD * workers):
                        with suppress(OSError):  # it died idle, which is heard of below
                            worker.pipe.send((paths[given], places.get(paths[given])))
                            worker.job, given = given, given + 1
                pool = _heard(pool, context, work, paths, done)
            elif told not in done:  # no process could be started
                done[told] = work.row(reader, paths[told], places.get(paths[told]))
            while told in done:
                yield done.pop(told)
                told += 1
    finally:
        end(pool)


def _heard(
    pool: list[Worker], context: SpawnContext, work: Work, paths: Sequence[str], done: dict[int, Row]
) -> list[Worker]:
    """Wait for some of the pool, put what they give into `done`, and return the pool with the dead replaced."""
    speaking = wait([worker.pipe for worker in pool])
    after = []
    for worker in pool:
        if worker.pipe in speaking:
            try:
                row = worker.take()
            except (EOFError, OSError):
                job = worker.job
                end([worker])
                if job is not None:  # else it could not start, and another could not either
                    done[job] = worker.died_of(paths[job])
                    after.append(Worker(context, work))
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
        worker.process.join(2)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()


def crop_unsure(reading: Reading) -> tuple[bytes, ...]:
    """The cut-out of every unsure digit, with some of what is around it, as PNG; from a reading that has its pages."""
    return tuple(_crop(reading, digit) for digit in reading.digits if not digit.sure)


def _crop(reading: Reading, digit: Digit) -> bytes:
    page = reading._pages[digit.page - 1]
    x, y, width, height = (side / page.scale for side in digit.box)
    margin = 0.3 * max(width, height)
    top, left = max(0, round(y - margin)), max(0, round(x - margin))
    picture = page.image.crop((left, top, round(x + width + margin) + 1, round(y + height + margin) + 1))
    factor = CROP / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    picture = picture.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)
    saved = io.BytesIO()
    picture.quantize(32).save(saved, "PNG", optimize=True)  # a third of the bytes, and the eye sees no difference
    return saved.getvalue()


def annotate(reading: Reading, place: Path) -> None:
    """Write the annotated picture of a reading that has its pages to `place`, further pages beside it, as PNG.

    Raises StorageError.
    """
    for number in range(1, len(reading._pages) + 1):
        with atomic.file(place if number == 1 else place.with_name(f"{place.stem}.page-{number}.png")) as temporary:
            reading.annotated(number).save(temporary, "PNG")


def annotated_places(paths: Sequence[str], folder: Path) -> dict[str, Path]:
    """Where below `folder` the annotated picture of each path goes: as they stand to each other, and no two in one.

    Raises UsageError where one would be written over a picture that is to be read.
    """
    full = [Path(os.path.abspath(os.path.expanduser(path))) for path in paths]
    full = [Path("standard-input") if path == STDIN else place for path, place in zip(paths, full, strict=True)]
    drives: dict[str, list[str]] = {}
    for place in full:
        drives.setdefault(place.anchor, []).append(str(place.parent))
    roots = {anchor: os.path.commonpath(parents) for anchor, parents in drives.items()}
    found: dict[str, Path] = {}
    taken: set[str] = set()
    for path, place in zip(paths, full, strict=True):
        inner = place.relative_to(roots[place.anchor])
        name = inner.name if inner.suffix.lower() == ".png" else f"{inner.name}.png"
        target, number = folder / inner.parent / name, 1
        while str(target).casefold() in taken:
            number += 1
            target = folder / inner.parent / f"{inner.name}-{number}.png"
        taken.add(str(target).casefold())
        found[path] = target
    pictures = set(full)
    for target in found.values():
        if Path(os.path.abspath(target)) in pictures:
            raise UsageError(f"--annotate {folder} would write over {target}: name another folder")
    return found
