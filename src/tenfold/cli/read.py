"""`tenfold read`."""

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.options import option
from tenfold.errors import UsageError, printable
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.read.many.rows import Row
    from tenfold.read.reading import Box

EPILOG = """
Examples:
  # a line for each row
  tenfold read photo.jpg
  # the picture is one digit
  tenfold read digit.png --single
  # rows and columns
  tenfold read form.png --table > cells.csv
  # a folder into a table, or a page of what to look at
  tenfold read scans/ -o numbers.csv
  tenfold read scans/ --review look.html
  # what is missing after a stop
  tenfold read 'scans/**/*.png' -o rows.jsonl --resume
  # from and into pipes
  curl -s https://example.org/7.png | tenfold read -
  tenfold read photo.jpg --json | jq .text
  # on a cluster
  tenfold read s3://bucket/scans -o s3://bucket/numbers --on ray --address auto
Exit status:
  1 an error that ends the work     2 wrong options
  3 a picture could not be read     130 Ctrl-C
"""

UNREAD = 3  # the exit status when a picture could not be read
_out, _how, _speed = (partial(option, panel) for panel in ("What is written", "How it is read", "Where, and how fast"))


def read(  # noqa: PLR0913 - options
    context: typer.Context,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, folders, globs in quotes such as 'scans/**/*.png', URLs as s3://…, or - for standard "
            "input.",
            metavar="PICTURES",
        ),
    ] = None,
    output: Annotated[
        str | None,
        _out(
            "--output",
            "-o",
            help="A file of rows: .csv, .parquet, .jsonl, .json or .txt; with --on ray also a folder of Parquet.",
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
    max_pages: Annotated[int, _how(help="Refuse files with more. \\[default: 100]", metavar="N")] = 100,
    max_seconds: Annotated[
        float,
        _how(
            help="Refuse a picture, or a page, that takes longer; a file may take five times that. \\[default: 20]",
            metavar="S",
        ),
    ] = 20,
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
    targets, part = _targets(pictures, context), _box(box)
    if table and (len(targets) != 1 or json or output or annotate or review or on != "local"):
        raise UsageError("--table prints the cells of one picture: leave out further pictures, files and --json")
    if table and single:
        raise UsageError("--table is for pictures of several numbers, --single for those of one digit")
    if always_answer and threshold is not None:
        raise UsageError("--always-answer and --threshold exclude each other: give one")
    from tenfold.cli.export import model_file

    warnings.filterwarnings("ignore", module="PIL")  # what a damaged file has in it is reported as an error, or ignored
    how: dict[str, Any] = {
        "model": model_file(model),
        "lines": model_file(lines),
        "device": device,
        "threshold": threshold,
        "always_answer": always_answer,
        "upright": upright,
        "digits_only": digits_only,
        "decimal": decimal,
        "max_pages": max_pages,
        "max_seconds": max_seconds,
        **({} if max_pixels is None else {"max_pixels": max_pixels}),
    }
    if table:
        from tenfold.read import tables
        from tenfold.read.reader import Reader

        cells = Reader(**how, threads=1).read(targets[0], single=single, box=part, table=True)
        say(tables.as_csv(cells), end="")
        return
    from tenfold.read.many.bulk import read_many

    done = read_many(
        targets,
        out=output,
        resume=resume,
        review=review,
        annotate=annotate,
        on=on,
        address=address,
        workers=workers,
        single=single,
        box=part,
        show=partial(_show, given=targets, printed=json or output is None, json=json, quiet=quiet),
        ordered=json or output is None,
        quiet=quiet,
        **how,
    )
    if done.files and not quiet:
        say(done, file=sys.stderr)
    if done.counts["not read"]:
        raise typer.Exit(UNREAD)


def _show(row: "Row", given: list[str], *, printed: bool, json: bool, quiet: bool) -> None:
    """Print a row, if rows are, and say so where nothing could be read."""
    from tenfold.read.decode import source_name
    from tenfold.read.many.outputs import bare_text, json_line, text_line

    alone = given == [row.path]  # no folder or glob: its text is all that is wanted
    if printed:
        line = json_line if json else bare_text if alone else text_line
        say(line(row), end="", flush=True)
    name = source_name(row.path)
    if row.error is not None:
        name, error = printable(" ".join(name.split())), printable(row.error)  # which is a line
        say(f"tenfold: {error if name in error else f'{name}: {error}'}", file=sys.stderr)
    elif row.kind == "without digits" and alone and printed and not quiet:
        say(f"tenfold: no digits found in {name}", file=sys.stderr)


def _targets(pictures: list[str] | None, context: typer.Context) -> list[str]:
    """What is to be read; standard input where nothing is given and something comes through a pipe.

    At a terminal, where nothing comes, the usage is shown.
    """
    if pictures:
        return pictures
    if sys.stdin is None or sys.stdin.isatty():
        say(context.get_usage(), file=sys.stderr)
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
