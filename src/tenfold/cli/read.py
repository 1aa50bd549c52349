"""`tenfold read`."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tenfold.errors import Interrupted, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import ExitStack

    from tenfold.read.many.outputs import Output
    from tenfold.read.many.rows import Row, Work
    from tenfold.read.reading import Box

EPILOG = """
Examples:

  tenfold read photo.jpg                      the digits, a line for each row

  tenfold read digit.png --single             the picture is one digit

  tenfold read scans/ -o numbers.csv          a folder

  tenfold read scans/ --review look.html      and what is not sure to look at

  tenfold read 'scans/**/*.png' -o rows.jsonl --resume

  tenfold read photo.jpg --json | jq .text

  curl -s https://example.org/7.png | tenfold read -

  tenfold read s3://bucket/scans -o s3://bucket/numbers --on ray --address auto

Exit status:

  1 an error that ends the work     2 options that cannot be meant

  3 a picture could not be read     130 Ctrl-C
"""

_Item = TypeVar("_Item")
UNREAD = 3  # the exit status when a picture could not be read
_OUT, _HOW, _SPEED = "What is written", "How it is read", "Where, and how fast"


def _option(panel: str, *names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


def read(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, folders, globs in quotes such as 'scans/**/*.png', URLs as s3://…, or - for standard input."
        ),
    ] = None,
    output: Annotated[
        str | None,
        _option(
            _OUT,
            "--output",
            "-o",
            help="A file of rows: .csv, .parquet, .jsonl, .json or .txt; with --on ray also a folder of parts.",
            metavar="FILE|DIR/|URL",
        ),
    ] = None,
    json: Annotated[
        bool, _option(_OUT, "--json", help="Print JSON, a line for each picture, and nothing else.")
    ] = False,
    annotate: Annotated[
        Path | None, _option(_OUT, help="Write each picture with boxes around its digits to here.", metavar="DIR")
    ] = None,
    review: Annotated[
        Path | None, _option(_OUT, help="An HTML page of every digit that is not sure.", metavar="FILE")
    ] = None,
    resume: Annotated[
        bool, _option(_OUT, "--resume", help="With -o: keep the rows that are there, read only what is missing.")
    ] = False,
    quiet: Annotated[
        bool, _option(_OUT, "--quiet", "-q", help="No progress, notes or summary; only results and errors.")
    ] = False,
    single: Annotated[bool, _option(_HOW, "--single", help="Each picture is one digit.")] = False,
    upright: Annotated[
        bool, _option(_HOW, "--upright", help="Pictures are the right way up: none is tried turned by quarters.")
    ] = False,
    box: Annotated[
        str | None,
        _option(_HOW, help="Only this part of each picture, in pixels from its top left.", metavar="X,Y,W,H"),
    ] = None,
    threshold: Annotated[
        float | None,
        _option(
            _HOW,
            help="The probability from which a digit is sure; below it is a ?. \\[default: the model's]",
            metavar="P",
        ),
    ] = None,
    always_answer: Annotated[
        bool, _option(_HOW, "--always-answer", help="Answer with the likeliest digit, never with ?.")
    ] = False,
    model: Annotated[
        Path | None,
        _option(
            _HOW, help="A .onnx file, or a run. \\[default: the model that comes with tenfold]", metavar="FILE|RUN"
        ),
    ] = None,
    max_pixels: Annotated[
        int | None, _option(_HOW, help="Refuse pictures with more. \\[default: 100,000,000]", metavar="N")
    ] = None,
    workers: Annotated[
        int | None, _option(_SPEED, help="Processes that read. \\[default: one for each core]", metavar="N")
    ] = None,
    on: Annotated[str, _option(_SPEED, help="local or ray. \\[default: local]")] = "local",
    address: Annotated[
        str | None,
        _option(_SPEED, help="Of the Ray cluster: HOST:PORT, or auto. \\[default: a Ray of this machine]"),
    ] = None,
    device: Annotated[str, _option(_SPEED, help="cpu, cuda, coreml or auto. \\[default: cpu]")] = "cpu",
) -> None:
    """Read the digits in pictures: photos, scans, screenshots, PDF; one picture or thousands.

    A digit that is not sure is a ?. For one picture a line is a row of its digits, for several a line is a picture.
    """
    targets = _targets(pictures)
    where, outputs = _Where(on, address, workers), _Outputs(output, json, annotate, review, resume, quiet)
    where.check(targets, device)
    outputs.check()
    if always_answer and threshold is not None:
        raise UsageError("--always-answer and --threshold exclude each other: give one")
    part = _box(box)
    import warnings
    from functools import partial

    from tenfold.cli.models import model_file
    from tenfold.read import urls
    from tenfold.read.classifier import model_bytes
    from tenfold.read.decode import MAX_PIXELS
    from tenfold.read.many import parts
    from tenfold.read.many.rows import Work
    from tenfold.read.reader import Reader

    for place in (*targets, output or ""):
        urls.check(place)
    warnings.filterwarnings("ignore", module="PIL")  # what a damaged file has in it is reported as an error, or ignored
    make = partial(
        Reader,
        model_bytes(model_file(model)) if where.ray else model_file(model),
        device=device,
        threshold=threshold,
        always_answer=always_answer,
        upright=upright,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
        threads=1,
    )
    work = Work(make, single, part, crops=review is not None)
    into_parts = where.ray and output is not None and parts.is_folder(output)
    (_read_parts if into_parts else _read_rows)(work, targets, outputs, where)


@dataclass(frozen=True)
class _Where:
    """Where pictures are read, and by how many."""

    on: str
    address: str | None
    workers: int | None

    def check(self, targets: Sequence[str], device: str) -> None:
        """Raise UsageError for options that do not go together."""
        if self.on not in ("local", "ray"):
            raise UsageError(nearest("--on", self.on, ("local", "ray")))
        if self.address is not None and not self.ray:
            raise UsageError("--address is where a Ray cluster is: it needs --on ray")
        if self.ray and "-" in targets:
            raise UsageError("standard input is read here: leave out --on ray")
        if self.ray and device != "cpu":
            raise UsageError(f"--device {device} is for reading here: on Ray it is done on CPUs")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers must be 1 or more, not {self.workers}")

    @property
    def ray(self) -> bool:
        """Whether it is a Ray cluster."""
        return self.on == "ray"

    def connect(self, stack: "ExitStack", screen: "_Screen") -> Any:
        """Ray, connected until the stack ends."""
        from tenfold.engines.connection import connected
        from tenfold.read.many import cluster

        screen.start()  # before Ray, which takes seconds
        return stack.enter_context(connected(self.address, cores=self.workers, packages=cluster.PACKAGES))


@dataclass(frozen=True)
class _Outputs:
    """What is written and printed."""

    output: str | None
    json: bool
    annotate: Path | None
    review: Path | None
    resume: bool
    quiet: bool

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if self.resume and self.output is None:
            raise UsageError("--resume needs the file to resume: -o FILE")
        if self.review is not None and self.review.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"--review {self.review} is a web page: its name must end in .html")
        if self.annotate is not None and self.annotate.exists() and not self.annotate.is_dir():
            raise UsageError(f"--annotate {self.annotate} is a file: name a folder")

    @property
    def printed(self) -> bool:
        """Whether rows go to standard output."""
        return self.json or self.output is None

    def file(self) -> Path | None:
        """The file that is written, if any. Raises UsageError for a folder, or another format."""
        from tenfold.read import urls
        from tenfold.read.many import outputs

        if self.output is None:
            return None
        if urls.is_url(self.output):
            raise UsageError(f"{self.output} is not on this machine's disk: --on ray writes there, or name a file")
        if self.output.endswith(("/", "\\")):
            raise UsageError(f"{self.output} is a folder: --on ray writes parts into one; here name a file")
        outputs.form(Path(self.output))
        return Path(self.output)


def _read_rows(work: "Work", targets: Sequence[str], outputs: _Outputs, where: _Where) -> None:
    """Read into a file, or print, or both; and pictures with boxes and a page for review beside."""
    from contextlib import ExitStack, closing

    from tenfold import files
    from tenfold.read.many.outputs import Output, writable
    from tenfold.read.many.review import review
    from tenfold.read.many.rows import annotated_places
    from tenfold.read.many.targets import expand

    place = outputs.file()
    paths = expand(targets)
    for written in (place, outputs.review):
        if written is not None:
            writable(written)
    alone = paths == targets and len(paths) == 1  # no folder or glob: its text is all that is wanted
    places = {} if outputs.annotate is None else annotated_places(paths, outputs.annotate)
    if where.ray:
        work.make()  # a model or threshold that cannot be used is an error before anything starts
    # On Ray FILE.part is resumed in any case; FILE itself is of another reading.
    resume = outputs.resume or (where.ray and place is not None and place.with_name(f"{place.name}.part").exists())
    with ExitStack() as stack:
        file = stack.enter_context(Output(place, resume=resume, alone=alone)) if place else None
        left = _left(paths, file, places, outputs)
        on_screen = outputs.printed and sys.stdout.isatty()
        screen = stack.enter_context(_Screen(len(left), bar=not outputs.quiet and not on_screen))
        results = _Results(outputs, file, screen, alone=alone)
        try:
            rows = _rows(stack, screen, work, left, places, where, in_order=outputs.printed)
            for row in screen.track(stack.enter_context(closing(rows))):
                results.add(row)
            if file is not None:
                file.finish(paths)
        except KeyboardInterrupt:
            how = "the same command continues" if resume or where.ray else "the same command with --resume continues"
            raise _stopped(results.counts, len(left), "" if file is None else how) from None
    if outputs.review is not None:
        files.text(outputs.review, review(results.doubtful, len(paths), outputs.review))
    made = [str(path) for path in (outputs.output, outputs.review, outputs.annotate) if path is not None]
    _finish(results.counts, len(paths), len(paths) - len(left), made, quiet=outputs.quiet)


def _left(paths: "list[str]", file: "Output | None", places: "dict[str, Path]", outputs: _Outputs) -> "list[str]":
    """The pictures to read: kept is what needs no other look; for review it needs cut-outs, to annotate the picture."""
    from tenfold.read.many.targets import STDIN

    if file is None:
        return paths
    kept = {path for path, record in file.kept.items() if record.read and (record.sure or outputs.review is None)}
    return [
        path for path in paths if path not in kept or path == STDIN or (path in places and not places[path].exists())
    ]


def _rows(
    stack: "ExitStack",
    screen: "_Screen",
    work: "Work",
    paths: "list[str]",
    places: "dict[str, Path]",
    where: _Where,
    *,
    in_order: bool,
) -> "Generator[Row, None, None]":
    """The rows of `paths`, as this machine or a Ray cluster reads them."""
    from tenfold.read.many import processes

    if not where.ray or not paths:
        return processes.read_many(work, paths, workers=where.workers, places=places)
    from tenfold.read.many import cluster

    ray = where.connect(stack, screen)
    return cluster.read_many(ray, work, paths, workers=where.workers, places=places, in_order=in_order)


class _Results:
    """What is written, printed and counted of rows."""

    def __init__(self, outputs: _Outputs, file: "Output | None", screen: "_Screen", *, alone: bool) -> None:
        self._outputs, self._file, self._screen, self._alone = outputs, file, screen, alone
        self.counts: Counter[str] = Counter()
        self.doubtful: list[Row] = []  # for the page for review

    def add(self, row: "Row") -> None:
        """A row that was read."""
        from tenfold.read.decode import source_name
        from tenfold.read.many.outputs import bare_text, json_line, text_line

        if self._file is not None:
            self._file.write(row)
        if self._outputs.printed:
            line = json_line if self._outputs.json else bare_text if self._alone else text_line
            print(line(row), end="", flush=True)
        self.counts[row.kind] += 1
        name = source_name(row.path)
        if row.error is not None:
            self._screen.line(row.error if name in row.error else f"{name}: {row.error}")
        elif self._alone and self._outputs.printed and not self._outputs.quiet and row.kind == "without digits":
            self._screen.line(f"no digits found in {name}")
        if self._outputs.review is not None and not row.sure:
            self.doubtful.append(row)


def _read_parts(work: "Work", targets: Sequence[str], outputs: _Outputs, where: _Where) -> None:
    """Read into a folder of parts on a Ray cluster, or what is missing of it."""
    from contextlib import ExitStack, closing

    from tenfold.read.many import cluster, parts
    from tenfold.read.many.targets import stream

    folder = outputs.output
    assert folder is not None
    if outputs.json or outputs.review is not None or outputs.annotate is not None:
        raise UsageError(f"{folder} is a folder of parts, which has rows alone: leave out --json, --review, --annotate")
    plan = parts.settle(folder, stream(targets), _terms(work, targets))[0]
    numbers = plan.left()
    total, left = sum(plan.sizes), sum(plan.sizes[number] for number in numbers)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        screen = stack.enter_context(_Screen(left, bar=not outputs.quiet))
        try:
            if numbers:
                ray = where.connect(stack, screen)
                done = stack.enter_context(closing(cluster.read_parts(ray, work, plan, numbers, workers=where.workers)))
                for some in screen.track(done, Counter.total):
                    counts += some
        except KeyboardInterrupt:
            raise _stopped(counts, left, "the same command continues") from None
    _finish(counts, total, total - left, [folder], quiet=outputs.quiet)


def _terms(work: "Work", targets: Sequence[str]) -> dict[str, Any]:
    """What the rows depend on. Raises RunError or UsageError for a model or threshold that cannot be used."""
    import hashlib
    from functools import partial

    assert isinstance(work.make, partial)  # of Reader, with the bytes of a model
    reader = work.make()
    return {
        "pictures": list(targets),
        "model": hashlib.sha256(work.make.args[0]).hexdigest(),
        "threshold": reader.threshold,
        "upright": reader.upright,
        "max_pixels": reader.max_pixels,
        "single": work.single,
        "box": None if work.box is None else list(work.box),
    }


def _stopped(counts: "Counter[str]", left: int, how: str) -> Interrupted:
    return Interrupted(f"stopped after {counts.total():,} of {left:,} pictures{'; ' * bool(how)}{how}")


def _finish(counts: "Counter[str]", total: int, kept: int, made: Sequence[str], *, quiet: bool) -> None:
    """Say what came of the pictures, and end with `UNREAD` where some could not be read."""
    from tenfold.read.many.rows import KINDS

    if made and not quiet:
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
        before = f"{kept:,} kept, " if kept else ""
        summary = f"{total:,} picture{'s' * (total != 1)}: {before}{kinds or 'none to read'}; see {', '.join(made)}"
        print(summary, file=sys.stderr)
    if counts["not read"]:
        raise typer.Exit(UNREAD)


def _targets(pictures: list[str] | None) -> list[str]:
    """What is to be read; standard input where nothing is given and something comes through a pipe."""
    if pictures:
        return pictures
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("there is nothing to read: give pictures or folders, or - for standard input")
    return ["-"]


def _box(text: str | None) -> "Box | None":
    if text is None:
        return None
    try:
        x, y, width, height = (int(side) for side in text.split(","))
    except ValueError:
        raise UsageError(f"--box must be x,y,width,height in pixels, as in 0,0,200,80, not {text}") from None
    return x, y, width, height


class _Screen:
    """Standard error: lines, and a bar if it is a terminal, `bar` is wanted and the work takes over half a second."""

    def __init__(self, total: int, *, bar: bool) -> None:
        self._total, self._wanted = total, bar and sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> "_Screen":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def line(self, text: str) -> None:
        """A line from tenfold, above the bar if there is one."""
        if self._bar is None:
            print(f"tenfold: {text}", file=sys.stderr)
        else:
            self._bar.console.print(f"tenfold: {text}", markup=False, highlight=False, soft_wrap=True)

    def track(self, rows: Iterable[_Item], size: Callable[[_Item], int] = lambda _: 1) -> Iterator[_Item]:
        """The rows, or what else is as many pictures as `size` says, while the bar moves."""
        began, number = time.perf_counter(), 0
        for row in rows:
            number += size(row)
            if self._bar is None and time.perf_counter() - began > 0.5 and number < self._total:
                self.start()
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=number)
            yield row

    def start(self) -> None:
        """Show the bar now, if it is to be shown at all."""
        if not self._wanted:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("reading"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.add_task("", total=self._total)
        self._bar.start()
