"""`tenfold explain`."""

from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold import files
from tenfold.cli.options import option
from tenfold.errors import DataError, UsageError
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.learn.explain.explanation import Inside
    from tenfold.read.reader import Reader

EPILOG = """
Examples:
  # how a number is read: photo-explained.png
  tenfold explain photo.jpg
  tenfold explain digit.png --single -o why.png
  # inside a network
  tenfold explain runs/half
  tenfold explain runs/half --digit 247 --as 4
"""
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_PIXELS, _SECONDS = 100_000_000, 20.0
_picture, _network = (partial(option, panel) for panel in ("Of a picture", "Of a network"))


def explain(  # noqa: PLR0913 - options
    picture: Annotated[
        Path,
        typer.Argument(
            help="A picture, or - for standard input; or a run, to look inside its network.", metavar="PICTURE"
        ),
    ],
    output: Annotated[
        Path | None, _picture("--output", "-o", help="The figure. \\[default: NAME-explained.png, here]")
    ] = None,
    single: Annotated[bool, _picture("--single", help="The picture is one digit.")] = False,
    page: Annotated[int, _picture(help="Which page of a TIFF or PDF.", show_default=True)] = 1,
    model: Annotated[Path | None, _picture(help="A run or .onnx file. \\[default: the bundled model]")] = None,
    max_pixels: Annotated[int, _picture(help="Refuse pictures with more pixels.", show_default=True)] = _PIXELS,
    max_seconds: Annotated[
        float, _picture(help="Refuse a page that takes longer.", metavar="S", show_default=True)
    ] = _SECONDS,
    digit: Annotated[
        list[int] | None,
        _network(
            help="The number of a test digit to explain; may be given several times. "
            "\\[default: the right answer with the most doubt, and the surest mistake]",
            metavar="N",
        ),
    ] = None,
    into: Annotated[
        str | None,
        _network(
            "--as",
            help="The class that the least change should make of it. \\[default: the runner-up]",
            metavar="CLASS",
        ),
    ] = None,
    data: Annotated[Path | None, _network(help="Other labelled digits to explain and map.")] = None,
    out: Annotated[Path | None, _network(help="The folder for the figures. \\[default: inside, in the run's]")] = None,
    device: Annotated[str, _network(help="auto, cuda, mps, xpu or cpu.", show_default=True)] = "auto",
) -> None:
    """Show every stage of reading a picture in one figure; or, given a run, what is inside its network.

    Of a network: its first filters, a map of the test digits with the mistakes, and for single digits what speaks for
    the answer and the least change after which it is answered otherwise.
    """
    reading = {"--output": output, "--single": single, "--page": page != 1, "--model": model}
    reading |= {"--max-pixels": max_pixels != _PIXELS, "--max-seconds": max_seconds != _SECONDS}
    looking = {"--digit": digit, "--as": into, "--data": data, "--out": out, "--device": device != "auto"}
    if _is_network(picture, *([name for name, given in some.items() if given] for some in (reading, looking))):
        from tenfold.learn.explain.explain import explain as look_inside

        _report(look_inside(picture, digit=digit, into=into, data=data, out=out, device=device))
    else:
        path = output or Path(f"{'picture' if str(picture) == '-' else picture.stem}-explained.png")
        if path.exists() and picture.exists() and path.samefile(picture):
            raise UsageError(f"the figure would be written over {picture}: name another file")
        from tenfold.cli.export import model_file
        from tenfold.read.reader import Reader

        reader = Reader(model_file(model), max_pixels=max_pixels, max_seconds=max_seconds)
        _draw(picture, path, reader, page=page, single=single)
        say(f"the figure is in {path}")


def _is_network(given: Path, reading: list[str], looking: list[str]) -> bool:
    """Whether a run is given, by its folder or name, or a file of weights; any other file is a picture.

    Raises UsageError for an option of the other kind, and DataError where there is neither.
    """
    from tenfold.learn.training.runs import is_network

    network = is_network(given)
    known = "`tenfold runs` lists the runs there are"
    if not network and str(given) != "-" and "://" not in str(given) and not given.is_file():
        if given.exists():
            raise DataError(f"{given} is a folder, and no run, for it has no recipe.json: {known}")
        raise DataError(f"there is no picture {given}, and no run of that name: {known}")
    if network and reading:
        hint = ", give --out DIR" if reading[0] == "--output" else ""
        raise UsageError(f"{reading[0]} is for pictures, and {given} is a network{hint}")
    if looking and not network:
        raise UsageError(f"{looking[0]} is for networks, and {given} is no run: {known}")
    return network


def _draw(picture: Path, path: Path, reader: "Reader", *, page: int, single: bool) -> None:
    """Draw how a picture is read into a file."""
    from tenfold.read import decode, limits

    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw {path}: its name must end in {', '.join(FORMATS)}")
    if page < 1:
        raise UsageError(f"there is no page {page} in {picture}")
    with limits.until(limits.Deadline(reader.max_seconds, str(picture))):
        shown = next(islice(decode.pages(str(picture), max_pixels=reader.max_pixels), page - 1, None), None)
        if shown is None:
            raise UsageError(f"there is no page {page} in {picture}")
        figure = reader.explained(shown, single=single)
    with files.file(path) as temporary:
        figure.save(temporary, FORMATS[path.suffix.lower()])


def _report(inside: "Inside") -> None:
    from tenfold.learn.explain.explanation import percent, pixels

    for one in inside.digits:
        sure, second = (percent(one.probabilities[name]) for name in (one.answer, one.runner_up))
        verdict = "right" if one.right else f"wrong: it is {one.label}"
        say(f"test digit {one.index}: answered {one.answer} with {sure}, {verdict}; then {one.runner_up} with {second}")
        if one.change is None:
            say(f"  no change was found after which it is answered {one.wanted}")
        else:
            changed, ink = pixels(one.change.ink), one.image.sum() / 255
            say(f"  {changed} pixels of ink changed, of {ink:.0f}, and it is answered {one.change.answer}")
    count = len(inside.figures) - 1 + sum(len(one.figures) for one in inside.digits)
    say(f"the overview is in {inside.figures['overview']}, with {count} more figures beside it")
