"""`tenfold read`."""

import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold import files
from tenfold.cli.options import option
from tenfold.errors import Interrupted, UsageError, nearest
from tenfold.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from tenfold.read.many.outputs import Output
    from tenfold.read.many.rows import Row, Work
    from tenfold.read.reading import Box

EPILOG = """
Examples:
  tenfold read photo.jpg                      # a line for each row
  tenfold read digit.png --single             # the picture is one digit
  tenfold read form.png --table > cells.csv   # rows and columns
  tenfold read scans/ -o numbers.csv          # a folder
  tenfold read scans/ --review look.html      # what to look at
  tenfold read 'scans/**/*.png' -o rows.jsonl --resume
  tenfold read photo.jpg --json | jq .text
  curl -s https://example.org/7.png | tenfold read -
  tenfold read s3://bucket/scans -o s3://bucket/numbers --on ray --address auto
Exit status:
  1 an error that ends the work     2 wrong options
  3 a picture could not be read     130 Ctrl-C
"""

UNREAD = 3  # the exit status when a picture could not be read
_BAR = "reading"
_out, _how, _speed = (partial(option, panel) for panel in ("What is written", "How it is read", "Where, and how fast"))


def read(  # noqa: PLR0913 - options
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, folders, globs in quotes such as 'scans/**/*.png', URLs as s3://…, or - for standard input."
        ),
    ] = None,
    output: Annotated[
        str | None,
        _out(
            "--output",
            "-o",
            help="A file of rows: .csv, .parquet, .jsonl, .json or .txt; with --on ray also a folder of parts.",
            metavar="FILE|DIR/|URL",
        ),
    ] = None,
    json: Annotated[bool, _out("--json", help="Print JSON, a line for each picture, and nothing else.")] = False,
    annotate: Annotated[
        Path | None, _out(help="Write each picture with boxes around its digits to here.", metavar="DIR")
    ] = None,
    review: Annotated[Path | None, _out(help="An HTML page of every digit that is not sure.", metavar="FILE")] = None,
    table: Annotated[
        bool, _out("--table", help="Print a picture's cells as CSV, a row of it a row, and nothing else.")
    ] = False,
    resume: Annotated[
        bool, _out("--resume", help="With -o: keep the rows that are there, read only what is missing.")
    ] = False,
    quiet: Annotated[
        bool, _out("--quiet", "-q", help="No progress, notes or summary; only results and errors.")
    ] = False,
    single: Annotated[bool, _how("--single", help="Each picture is one digit.")] = False,
    upright: Annotated[
        bool, _how("--upright", help="Pictures are the right way up: none is tried turned by quarters.")
    ] = False,
    digits_only: Annotated[
        bool, _how("--digits-only", help="Leave out the signs between digits: 12/05 is 1205.")
    ] = False,
    decimal: Annotated[
        str | None,
        _how(help="The decimal separator of the numbers in JSON, . or ,; else 1.250 has two values.", metavar="SIGN"),
    ] = None,
    box: Annotated[
        str | None, _how(help="Only this part of each picture, in pixels from its top left.", metavar="X,Y,W,H")
    ] = None,
    threshold: Annotated[
        float | None,
        _how(
            help="The probability from which a number is sure; below it has a ?. \\[default: the model's]", metavar="P"
        ),
    ] = None,
    always_answer: Annotated[
        bool, _how("--always-answer", help="Answer with the likeliest digit, never with ?.")
    ] = False,
    model: Annotated[
        Path | None,
        _how(help="A .onnx file, or a run. \\[default: the model that comes with tenfold]", metavar="FILE|RUN"),
    ] = None,
    lines: Annotated[
        Path | None, _how(help="The same for the model that reads rows: `tenfold train lines`.", metavar="FILE|RUN")
    ] = None,
    max_pixels: Annotated[
        int | None, _how(help="Refuse pictures with more. \\[default: 100,000,000]", metavar="N")
    ] = None,
    workers: Annotated[
        int | None, _speed(help="Processes that read. \\[default: one for each core]", metavar="N")
    ] = None,
    on: Annotated[str, _speed(help="local or ray. \\[default: local]")] = "local",
    address: Annotated[
        str | None, _speed(help="Of the Ray cluster: HOST:PORT, or auto. \\[default: a Ray of this machine]")
    ] = None,
    device: Annotated[str, _speed(help="cpu, cuda, coreml or auto. \\[default: cpu]")] = "cpu",
) -> None:
    """Read the numbers in pictures: photos, scans, screenshots, PDF; one picture or thousands.

    What is not sure is a ?. For one picture a line is a row of its numbers, for several a line is a picture.
    """
    targets, part = _targets(pictures), _box(box)
    given = _Given(output, json, annotate, review, resume, quiet, on, address, workers)
    if table and (len(targets) != 1 or json or output or annotate or review or given.ray):
        raise UsageError("--table prints the cells of one picture: leave out further pictures, files and --json")
    if table and single:
        raise UsageError("--table is for pictures of several numbers, --single for those of one digit")
    if given.ray and "-" in targets:
        raise UsageError("standard input is read here: leave out --on ray")
    if given.ray and device != "cpu":
        raise UsageError(f"--device {device} is for reading here: on Ray it is done on CPUs")
    if always_answer and threshold is not None:
        raise UsageError("--always-answer and --threshold exclude each other: give one")
    from tenfold.cli.export import model_file
    from tenfold.read import urls
    from tenfold.read.classifier import model_bytes
    from tenfold.read.decode import MAX_PIXELS
    from tenfold.read.lines import BUNDLED
    from tenfold.read.many import parts
    from tenfold.read.many.rows import Work
    from tenfold.read.reader import Reader

    for place in (*targets, output or ""):
        urls.check(place)
    warnings.filterwarnings("ignore", module="PIL")  # what a damaged file has in it is reported as an error, or ignored
    lines_model = model_bytes(model_file(lines) or BUNDLED) if given.ray else model_file(lines)
    make = partial(
        Reader,
        model_bytes(model_file(model)) if given.ray else model_file(model),
        lines=lines_model,
        device=device,
        threshold=threshold,
        always_answer=always_answer,
        upright=upright,
        digits_only=digits_only,
        decimal=decimal,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
        threads=1,
    )
    if table:
        from tenfold.read import tables

        print(tables.as_csv(make().read(targets[0], single=single, box=part, table=True)), end="")
        return
    work = Work(make, single, part, crops=review is not None)
    if given.ray and output is not None and parts.is_folder(output):
        _read_parts(work, targets, output, given)
    else:
        _read_rows(work, targets, given)


@dataclass(frozen=True)
class _Given:
    """The options on what is written, and on where and how fast.

    Raises UsageError for what cannot be, and for options that do not go together.
    """

    output: str | None
    json: bool
    annotate: Path | None
    review: Path | None
    resume: bool
    quiet: bool
    on: str
    address: str | None
    workers: int | None

    def __post_init__(self) -> None:
        if self.on not in ("local", "ray"):
            raise UsageError(nearest("--on", self.on, ("local", "ray")))
        if self.address is not None and not self.ray:
            raise UsageError("--address is where a Ray cluster is: it needs --on ray")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers must be 1 or more, not {self.workers}")
        if self.resume and self.output is None:
            raise UsageError("--resume needs the file to resume: -o FILE")
        if self.review is not None and self.review.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"--review {self.review} is a web page: its name must end in .html")
        if self.annotate is not None and self.annotate.exists() and not self.annotate.is_dir():
            raise UsageError(f"--annotate {self.annotate} is a file: name a folder")

    @property
    def ray(self) -> bool:
        """Whether a Ray cluster reads."""
        return self.on == "ray"

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

    def connect(self, stack: ExitStack, progress: Progress, left: int) -> Any:
        """Ray, connected until the stack ends, below the bar of the pictures left to read."""
        from tenfold.engines.connection import connected
        from tenfold.read.many.cluster import PACKAGES

        progress.update(_BAR, _BAR, 0, left)  # before Ray, which takes seconds
        return stack.enter_context(connected(self.address, cores=self.workers, packages=PACKAGES))


def _read_rows(work: "Work", targets: list[str], given: _Given) -> None:
    """Read into a file, or print, or both; and pictures with boxes and a page for review beside."""
    from tenfold.read.many.outputs import Output, writable
    from tenfold.read.many.review import review
    from tenfold.read.many.rows import annotated_places
    from tenfold.read.many.targets import expand

    place = given.file()
    paths = expand(targets)
    for written in (place, given.review):
        if written is not None:
            writable(written)
    alone = len(paths) == 1 and paths == targets  # no folder or glob: its text is all that is wanted
    places = {} if given.annotate is None else annotated_places(paths, given.annotate)
    if given.ray:
        work.make()  # a model or threshold that cannot be used is an error before anything starts
    # On Ray FILE.part is resumed in any case; FILE itself is of another reading.
    resume = given.resume or (given.ray and place is not None and place.with_name(f"{place.name}.part").exists())
    counts: Counter[str] = Counter()
    doubtful: list[Row] = []  # for the page for review
    with ExitStack() as stack:
        file = stack.enter_context(Output(place, resume=resume, alone=alone)) if place else None
        left = paths if file is None else _left(paths, file, places, given)
        bar = not given.quiet and not (given.printed and sys.stdout.isatty())
        progress = stack.enter_context(Progress(bar=bar, delay=0.5))
        try:
            rows = stack.enter_context(closing(_rows(stack, progress, work, left, places, given)))
            for row in progress.track(rows, _BAR, len(left)):
                if file is not None:
                    file.write(row)
                _show(row, progress, given, alone=alone)
                counts[row.kind] += 1
                if given.review is not None and not row.sure:
                    doubtful.append(row)
            if file is not None:
                file.finish(paths)
        except KeyboardInterrupt:
            how = "the same command" if resume or given.ray else "the same command with --resume"
            raise _stopped(counts, len(left), "" if file is None else f"; {how} continues") from None
    if given.review is not None:
        files.text(given.review, review(doubtful, len(paths), given.review))
    made = [str(path) for path in (given.output, given.review, given.annotate) if path is not None]
    _finish(counts, len(paths), len(paths) - len(left), made, quiet=given.quiet)


def _left(paths: list[str], file: "Output", places: dict[str, Path], given: _Given) -> list[str]:
    """The pictures to read: kept is what needs no other look; for review it needs cut-outs, to annotate the picture."""
    kept = {path for path, record in file.kept.items() if record.read and (record.sure or given.review is None)}
    return [path for path in paths if path not in kept or path == "-" or (path in places and not places[path].exists())]


def _rows(
    stack: ExitStack, progress: Progress, work: "Work", paths: list[str], places: dict[str, Path], given: _Given
) -> "Generator[Row, None, None]":
    """The rows of `paths`, as this machine or a Ray cluster reads them."""
    if given.ray and paths:
        from tenfold.read.many import cluster

        ray = given.connect(stack, progress, len(paths))
        return cluster.read_many(ray, work, paths, workers=given.workers, places=places, in_order=given.printed)
    from tenfold.read.many.processes import read_many

    return read_many(work, paths, workers=given.workers, places=places)


def _show(row: "Row", progress: Progress, given: _Given, *, alone: bool) -> None:
    """Print a row, if rows are, and say so where nothing could be read."""
    from tenfold.read.decode import source_name
    from tenfold.read.many.outputs import bare_text, json_line, text_line

    if given.printed:
        line = json_line if given.json else bare_text if alone else text_line
        print(line(row), end="", flush=True)
    name = source_name(row.path)
    if row.error is not None:
        progress.line(f"tenfold: {row.error if name in row.error else f'{name}: {row.error}'}")
    elif row.kind == "without digits" and alone and given.printed and not given.quiet:
        progress.line(f"tenfold: no digits found in {name}")


def _read_parts(work: "Work", targets: list[str], folder: str, given: _Given) -> None:
    """Read into a folder of parts on a Ray cluster, or what is missing of it."""
    from tenfold.read.many import cluster, parts
    from tenfold.read.many.targets import stream

    if given.json or given.review is not None or given.annotate is not None:
        raise UsageError(f"{folder} is a folder of parts, which has rows alone: leave out --json, --review, --annotate")
    plan, _ = parts.settle(folder, stream(targets), parts.terms(work, targets))
    numbers = plan.left()
    total, left = sum(plan.sizes), sum(plan.sizes[number] for number in numbers)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(bar=not given.quiet, delay=0.5))
        try:
            if numbers:
                ray = given.connect(stack, progress, left)
                done = stack.enter_context(closing(cluster.read_parts(ray, work, plan, numbers, workers=given.workers)))
                for some in progress.track(done, _BAR, left, Counter.total):
                    counts += some
        except KeyboardInterrupt:
            raise _stopped(counts, left, "; the same command continues") from None
    _finish(counts, total, total - left, [folder], quiet=given.quiet)


def _stopped(counts: Counter[str], left: int, how: str) -> Interrupted:
    return Interrupted(f"stopped after {counts.total():,} of {left:,} pictures{how}")


def _finish(counts: Counter[str], total: int, kept: int, made: Sequence[str], *, quiet: bool) -> None:
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
