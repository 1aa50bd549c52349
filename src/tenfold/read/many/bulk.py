"""Many pictures, from what is meant to the files that are wanted: what `tenfold read` does."""

import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.errors import Interrupted, UsageError, nearest
from tenfold.progress import Progress
from tenfold.read import urls
from tenfold.read.classifier import model_bytes
from tenfold.read.lines import BUNDLED
from tenfold.read.many import folder, outputs, processes
from tenfold.read.many.outputs import Output, is_read, is_sure
from tenfold.read.many.review import review as review_page
from tenfold.read.many.rows import KINDS, Row, Work, annotated_places
from tenfold.read.many.targets import expand, stream
from tenfold.read.reader import Reader
from tenfold.read.reading import Box

_BAR = "reading"


@dataclass(frozen=True)
class Many:
    """What came of many pictures."""

    counts: dict[str, int]  # of those read now: "sure", "not sure", "without digits", "not read"
    kept: int  # so many were read before
    files: tuple[str, ...]  # that were written
    rows: tuple[Row, ...] = ()  # in the order of the pictures, where no file was wanted

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)
        total = sum(self.counts.values()) + self.kept
        before = f"{self.kept:,} kept, " if self.kept else ""
        return f"{total:,} picture{'s' * (total != 1)}: {before}{kinds or 'none to read'}; see {', '.join(self.files)}"


def read_many(  # noqa: PLR0913 - a public signature
    pictures: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    resume: bool = False,
    review: str | Path | None = None,
    annotate: str | Path | None = None,
    on: str = "local",
    address: str | None = None,
    workers: int | None = None,
    single: bool = False,
    box: Box | None = None,
    show: Callable[[Row], None] | None = None,
    ordered: bool = True,
    quiet: bool = False,
    **reader: Any,
) -> Many:
    """Read the numbers in thousands of pictures, on all cores or on a Ray cluster, into a file.

    Args:
        pictures: Files, folders, globs such as `scans/**/*.png`, and URLs of an object store.
        out: A file of rows: .csv, .parquet, .jsonl, .json or .txt; on Ray also a folder, or the URL of one, for files
            of Parquet. None gives the rows themselves.
        resume: Keep the rows that the file holds, and read only what is missing. A folder is always resumed.
        review: A web page of every digit that is not sure, to be written.
        annotate: A folder for each picture with boxes around its digits.
        on: "local", processes of this machine, or "ray".
        address: Of the Ray cluster; see `connection.connected`.
        workers: How many processes; None is one for each core.
        single: Each picture is one digit.
        box: Only this part of each picture: left, top, width and height in pixels.
        show: Called with each row as it comes.
        ordered: Show rows in the order of the pictures; else on Ray none waits for an earlier one.
        quiet: No progress.
        reader: Arguments of `Reader`: model, lines, threshold, upright, digits_only, decimal and so on.

    A picture that cannot be read is a row that says why. Raises UsageError, DataError, RunError, StorageError,
    FormatError, ClusterError or MissingExtra as their names say, Interrupted on Ctrl-C.
    """
    targets = [str(one) for one in ([pictures] if isinstance(pictures, str | Path) else pictures)]
    written, page, boxes = (None if place is None else str(place) for place in (out, review, annotate))
    given = _Given(written, page, boxes, resume, on, address, workers, show is not None and ordered, quiet)
    given.check(targets, str(reader.get("device", "cpu")))
    model = reader.pop("model", None)
    if given.ray:  # what goes to the nodes must hold all that it needs
        reader["lines"], model = model_bytes(reader.get("lines") or BUNDLED), model_bytes(model)
    work = Work(partial(Reader, model, **{"threads": 1, **reader}), single, box, crops=review is not None)
    if given.ray and given.out is not None and folder.is_folder(given.out):
        return _to_folder(work, targets, given.out, given)
    return _to_file(work, targets, given, show)


@dataclass(frozen=True)
class _Given:
    """What is written, and where and how fast."""

    out: str | None
    review: str | None
    annotate: str | None
    resume: bool
    on: str
    address: str | None
    workers: int | None
    printed: bool  # rows are shown in the order of the pictures
    quiet: bool

    @property
    def ray(self) -> bool:
        """Whether a Ray cluster reads."""
        return self.on == "ray"

    def check(self, targets: Sequence[str], device: str) -> None:
        """Raise UsageError for what cannot be, and for options that do not go together."""
        if not targets:
            raise UsageError("there is nothing to read: give pictures or folders")
        if self.on not in ("local", "ray"):
            raise UsageError(nearest("--on", self.on, ("local", "ray")))
        if self.address is not None and not self.ray:
            raise UsageError("--address is where a Ray cluster is: it needs --on ray")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers must be 1 or more, not {self.workers}")
        if self.resume and self.out is None:
            raise UsageError("--resume needs the file to resume: -o FILE")
        if self.review is not None and not self.review.lower().endswith((".html", ".htm")):
            raise UsageError(f"--review {self.review} is a web page: its name must end in .html")
        if self.annotate is not None and Path(self.annotate).exists() and not Path(self.annotate).is_dir():
            raise UsageError(f"--annotate {self.annotate} is a file: name a folder")
        if self.ray and "-" in targets:
            raise UsageError("standard input is read here: leave out --on ray")
        if self.ray and device != "cpu":
            raise UsageError(f"--device {device} is for reading here: on Ray it is done on CPUs")
        for place in (*targets, self.out or ""):
            urls.check(place)

    def file(self) -> Path | None:
        """The file that is written, if any. Raises UsageError for a folder, or another format."""
        if self.out is None:
            return None
        if urls.is_url(self.out):
            raise UsageError(f"{self.out} is not on this machine's disk: --on ray writes there, or name a file")
        if self.out.endswith(("/", "\\")):
            raise UsageError(f"{self.out} is a folder: --on ray writes files into one; here name a file")
        outputs.form(Path(self.out))
        return Path(self.out)

    def connect(self, stack: ExitStack, progress: Progress, left: int) -> Any:
        """Ray, connected until the stack ends, below the bar of the pictures left to read."""
        from tenfold.engines.connection import connected
        from tenfold.read.many.cluster import PACKAGES

        progress.update(_BAR, _BAR, 0, left)  # before Ray, which takes seconds
        return stack.enter_context(connected(self.address, cores=self.workers, packages=PACKAGES))


def _to_file(work: Work, targets: list[str], given: _Given, show: Callable[[Row], None] | None) -> Many:
    """Read into a file, or give the rows; and pictures with boxes and a page for review beside."""
    place = given.file()
    paths = expand(targets)
    page = None if given.review is None else Path(given.review)
    for written in (place, page):
        if written is not None:
            outputs.writable(written)
    alone = len(paths) == 1 and paths == targets  # no folder or glob: its text is all that is wanted
    places = {} if given.annotate is None else annotated_places(paths, Path(given.annotate))
    if given.ray:
        work.make()  # a model or threshold that cannot be used is an error before anything starts
    # On Ray FILE.part is resumed in any case; FILE itself is of another reading.
    resume = given.resume or (given.ray and place is not None and place.with_name(f"{place.name}.part").exists())
    counts, rows = Counter(dict.fromkeys(KINDS, 0)), list[Row]()
    wanted = place is None and show is None
    with ExitStack() as stack:
        if place:
            stack.enter_context(files.held(place, f"{place} is being written by another process: wait for it"))
        file = stack.enter_context(Output(place, resume=resume, alone=alone)) if place else None
        left = paths if file is None else _left(paths, file, places, review=page is not None)
        bar = not given.quiet and not (given.printed and sys.stdout.isatty())
        progress = stack.enter_context(Progress(bar=bar, delay=0.5))
        try:
            read = stack.enter_context(closing(_rows(stack, progress, work, left, places, given)))
            for row in progress.track(read, _BAR, len(left)):
                if file is not None:
                    file.write(row)
                if show is not None:
                    show(row)
                counts[row.kind] += 1
                if wanted or (page is not None and not row.sure):
                    rows.append(row)
            if file is not None:
                file.finish(paths)
        except KeyboardInterrupt:
            how = "the same command" if resume or given.ray else "the same command with --resume"
            raise _stopped(counts, len(left), "" if file is None else f"; {how} continues") from None
    if page is not None:
        files.text(page, review_page([row for row in rows if not row.sure], len(paths), page))
    made = [place for place in (given.out, given.review, given.annotate) if place is not None]
    kept = tuple(replace(row, crops=()) for row in rows) if wanted else ()
    return Many(dict(counts), len(paths) - len(left), tuple(made), kept)


def _left(paths: list[str], file: Output, places: dict[str, Path], *, review: bool) -> list[str]:
    """The pictures to read: kept is what needs no other look; for review it needs cut-outs, to annotate the picture."""
    kept = {path for path, record in file.kept.items() if is_read(record) and (is_sure(record) or not review)}
    return [path for path in paths if path not in kept or path == "-" or (path in places and not places[path].exists())]


def _rows(
    stack: ExitStack, progress: Progress, work: Work, paths: list[str], places: dict[str, Path], given: _Given
) -> Generator[Row, None, None]:
    """The rows of `paths`, as this machine or a Ray cluster reads them."""
    if given.ray and paths:
        from tenfold.read.many import cluster

        ray = given.connect(stack, progress, len(paths))
        return cluster.read_many(
            ray, work, paths, workers=given.workers, places=places, in_order=given.printed or given.out is None
        )
    return processes.read_many(work, paths, workers=given.workers, places=places)


def _to_folder(work: Work, targets: list[str], out: str, given: _Given) -> Many:
    """Read into a folder on a Ray cluster, or what is missing of it."""
    from tenfold.read.many import cluster

    if given.printed or given.review is not None or given.annotate is not None:
        raise UsageError(f"{out} is a folder, of rows alone: leave out --json, --review, --annotate")
    there = folder.kept(out, folder.terms(work, targets))
    total, left = 0, list[str]()
    for path in stream(targets):
        total += 1
        left += [] if path in there else [path]
    counts = Counter(dict.fromkeys(KINDS, 0))
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(bar=not given.quiet, delay=0.5))
        try:
            if left:
                ray = given.connect(stack, progress, len(left))
                read = stack.enter_context(closing(cluster.read_folder(ray, work, out, left, workers=given.workers)))
                for some in progress.track(read, _BAR, len(left), Counter.total):
                    counts.update(some)
        except KeyboardInterrupt:
            raise _stopped(counts, len(left), "; the same command continues") from None
    return Many(dict(counts), total - len(left), (out,))


def _stopped(counts: Counter[str], left: int, how: str) -> Interrupted:
    return Interrupted(f"stopped after {counts.total():,} of {left:,} pictures{how}")
