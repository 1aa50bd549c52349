"""`tenfold read`."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tenfold.errors import Interrupted, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import ExitStack

    from tenfold.read.many.bulk import Row, Work
    from tenfold.read.reader import Box

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
    part = _box(box)
    if on not in ("local", "ray"):
        raise UsageError(nearest("--on", on, ("local", "ray")))
    if address is not None and on != "ray":
        raise UsageError("--address is where a Ray cluster is: it needs --on ray")
    if on == "ray" and "-" in targets:
        raise UsageError("standard input is read here: leave out --on ray")
    if on == "ray" and device != "cpu":
        raise UsageError(f"--device {device} is for reading here: on Ray it is done on CPUs")
    if resume and output is None:
        raise UsageError("--resume needs the file to go on with: -o FILE")
    if always_answer and threshold is not None:
        raise UsageError("--always-answer and --threshold cannot both be meant: give one")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} makes no sense: it must be 1 or more")
    if review is not None and review.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--review {review} is a web page: its name must end in .html")
    if annotate is not None and annotate.exists() and not annotate.is_dir():
        raise UsageError(f"--annotate {annotate} is a file: name a folder")
    import warnings
    from contextlib import ExitStack, closing
    from functools import partial

    from tenfold import files
    from tenfold.cli.export import model_file
    from tenfold.read import urls
    from tenfold.read.classifier import model_bytes
    from tenfold.read.decode import MAX_PIXELS, source_name
    from tenfold.read.many import bulk, outputs, parts
    from tenfold.read.reader import Reader

    for place in (*targets, output or ""):
        urls.check(place)
    warnings.filterwarnings("ignore", module="PIL")  # what a damaged file has in it is told as an error, or not at all
    in_parts = on == "ray" and output is not None and parts.is_folder(output)
    if in_parts and (json or review is not None or annotate is not None):
        raise UsageError(f"{output} is a folder of parts, which has rows alone: leave out --json, --review, --annotate")
    file_place = None if output is None or in_parts else _file(output, urls.is_url(output))
    if file_place is not None:
        outputs.form(file_place)
    paths = [] if in_parts else bulk.expand(targets)
    for written in (file_place, review):
        if written is not None:
            outputs.writable(written)
    alone = len(paths) == 1 and paths == targets  # no folder or glob: its text is all that is wanted
    places = bulk.annotated_places(paths, annotate) if annotate is not None else {}
    make = partial(
        Reader,
        model_bytes(model_file(model)) if on == "ray" else model_file(model),
        device=device,
        threshold=threshold,
        always_answer=always_answer,
        upright=upright,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
        threads=1,
    )
    work = bulk.Work(make, single, part, review is not None)
    if on == "ray":
        make()  # a model or threshold that cannot be used is told before anything is begun
    if in_parts:
        assert output is not None
        _read_parts(work, targets, output, model_bytes(model_file(model)), address, workers, quiet=quiet)
        return
    told = json or output is None  # whether rows are printed
    if file_place is not None and on == "ray":  # what was not finished is gone on with; FILE itself is another work
        resume = resume or file_place.with_name(f"{file_place.name}.part").exists()
    counts: Counter[str] = Counter()
    doubtful: list[Row] = []
    with ExitStack() as stack:
        file = stack.enter_context(outputs.Output(file_place, resume=resume, alone=alone)) if file_place else None
        left = paths
        if file is not None:
            # Kept is what needs no other look: a page for review needs the cut-outs, --annotate the picture.
            kept = {path for path, record in file.kept.items() if record.read and (record.sure or review is None)}
            left = [p for p in paths if p not in kept or p == bulk.STDIN or (p in places and not places[p].exists())]
        screen = stack.enter_context(_Screen(len(left), bar=not quiet and not (told and sys.stdout.isatty())))
        try:
            if on == "ray" and left:
                rows = _on_ray(stack, screen, work, left, places, address, workers, in_order=told)
            else:
                rows = bulk.read_many(
                    make, left, single=single, box=part, workers=workers, crops=review is not None, places=places
                )
            for row in screen.track(stack.enter_context(closing(rows))):
                if file is not None:
                    file.write(row)
                if json:
                    print(outputs.json_line(row), end="", flush=True)
                elif told:
                    print(outputs.bare_text(row) if alone else outputs.text_line(row), end="", flush=True)
                counts[row.kind] += 1
                name = source_name(row.path)
                if row.error is not None:
                    screen.line(row.error if name in row.error else f"{name}: {row.error}")
                elif alone and told and not quiet and row.reading is not None and not row.reading.digits:
                    screen.line(f"no digits found in {name}")
                if review is not None and not row.sure:
                    doubtful.append(row)
            if file is not None:
                file.finish(paths)
        except KeyboardInterrupt:
            words = "the same command" if resume or on == "ray" else "the same with --resume"
            again = "" if file is None else f"; {words} goes on"
            raise Interrupted(f"stopped after {sum(counts.values()):,} of {len(left):,} pictures{again}") from None
    if review is not None:
        files.text(review, outputs.review(doubtful, len(paths), review))
    made = [str(path) for path in (output, review, annotate) if path is not None]
    if made and not quiet:
        print(_summary(counts, len(paths), len(paths) - len(left), made), file=sys.stderr)
    if counts["not read"]:
        raise typer.Exit(UNREAD)


def _on_ray(
    stack: "ExitStack",
    screen: "_Screen",
    work: "Work",
    paths: Sequence[str],
    places: "dict[str, Path]",
    address: str | None,
    workers: int | None,
    *,
    in_order: bool,
) -> "Generator[Row, None, None]":
    """The rows of `paths` as a Ray cluster reads them; the connection ends with the stack."""
    from tenfold.engines.connection import connected
    from tenfold.read.many import cluster

    screen.start()  # before Ray, which takes seconds
    ray = stack.enter_context(connected(address, cores=workers, packages=cluster.PACKAGES))
    return cluster.read_many(ray, work, paths, workers=workers, places=places, in_order=in_order)


def _read_parts(
    work: "Work",
    targets: Sequence[str],
    output: str,
    model: bytes,
    address: str | None,
    workers: int | None,
    *,
    quiet: bool,
) -> None:
    """Read into a folder of parts on a Ray cluster, or what is missing of it."""
    import hashlib
    from contextlib import ExitStack, closing

    from tenfold.engines.connection import connected
    from tenfold.read.many import bulk, cluster, parts

    reader = work.make()
    terms = {
        "pictures": list(targets),
        "model": hashlib.sha256(model).hexdigest(),
        "threshold": reader.threshold,
        "upright": reader.upright,
        "max_pixels": reader.max_pixels,
        "single": work.single,
        "box": None if work.box is None else list(work.box),
    }
    plan, _ = parts.settle(output, bulk.stream(targets), terms)
    numbers = plan.left()
    total, left = sum(plan.sizes), sum(plan.sizes[number] for number in numbers)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        screen = stack.enter_context(_Screen(left, bar=not quiet))
        try:
            if numbers:
                screen.start()
                ray = stack.enter_context(connected(address, cores=workers, packages=cluster.PACKAGES))
                done = stack.enter_context(closing(cluster.read_parts(ray, work, plan, numbers, workers=workers)))
                for some in screen.track(done, Counter.total):
                    counts += some
        except KeyboardInterrupt:
            told = f"stopped after {counts.total():,} of {left:,} pictures; the same command goes on"
            raise Interrupted(told) from None
    if not quiet:
        print(_summary(counts, total, total - left, [output]), file=sys.stderr)
    if counts["not read"]:
        raise typer.Exit(UNREAD)


def _summary(counts: "Counter[str]", total: int, kept: int, made: Sequence[str]) -> str:
    from tenfold.read.many.bulk import KINDS

    parts = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
    before = f"{kept:,} kept, " if kept else ""
    return f"{total:,} picture{'s' * (total != 1)}: {before}{parts or 'none to read'}; see {', '.join(made)}"


def _file(output: str, url: bool) -> Path:
    """The file that an output which is no folder of parts means."""
    if url:
        raise UsageError(f"{output} is not on this machine's disk: --on ray writes there, or name a file")
    if output.endswith(("/", "\\")):
        raise UsageError(f"{output} is a folder: --on ray writes parts into one; here name a file")
    return Path(output)


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
        raise UsageError(
            f"--box {text} makes no sense: it must be x,y,width,height in pixels, as in 0,0,200,80"
        ) from None
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
