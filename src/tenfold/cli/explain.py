"""`tenfold explain`."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """
Examples:

  tenfold explain photo.jpg                   photo-explained.png

  tenfold explain digit.png --single -o why.png

  tenfold explain runs/half                   inside a network: filters, map, why it doubts, why it errs

  tenfold explain runs/half --digit 247 --as 4
"""
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_PICTURE, _NETWORK = "Of a picture", "Of a network"
_PIXELS = 100_000_000


def explain(
    picture: Annotated[
        Path, typer.Argument(help="A picture, or - for standard input; or a run, to look inside its network.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The figure. \\[default: NAME-explained.png, here]", rich_help_panel=_PICTURE
        ),
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="The picture is one digit.", rich_help_panel=_PICTURE)
    ] = False,
    page: Annotated[int, typer.Option(help="Which page of a TIFF or PDF.", rich_help_panel=_PICTURE)] = 1,
    model: Annotated[
        Path | None,
        typer.Option(help="A run or .onnx file. \\[default: the bundled model]", rich_help_panel=_PICTURE),
    ] = None,
    max_pixels: Annotated[
        int, typer.Option(help="Refuse pictures with more pixels.", rich_help_panel=_PICTURE)
    ] = _PIXELS,
    digit: Annotated[
        list[int] | None,
        typer.Option(
            help="The number of a test digit to explain; may be given several times. "
            "\\[default: the right answer with the most doubt, and the surest mistake]",
            metavar="N",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="The class that the least change should make of it. \\[default: the runner-up]",
            metavar="CLASS",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other labelled digits to explain and map.", rich_help_panel=_NETWORK)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for the figures. \\[default: inside, in the run's]", rich_help_panel=_NETWORK),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps, xpu or cpu.", rich_help_panel=_NETWORK)] = "auto",
) -> None:
    """Show every stage of reading a picture in one figure; or, given a run, what is inside its network.

    Of a network: its first filters, a map of the test digits with the mistakes, and for single digits what speaks for
    the answer, what each layer makes of it, and the least change after which it is answered otherwise.
    """
    from tenfold.errors import DataError, UsageError

    reading: dict[str, object] = {"--output": output, "--single": single, "--page": page != 1, "--model": model}
    looking: dict[str, object] = {
        "--digit": digit,
        "--as": into,
        "--data": data,
        "--out": out,
        "--device": device != "auto",
    }
    if _is_network(picture):
        for name, given in (reading | {"--max-pixels": max_pixels != _PIXELS}).items():
            if given:
                hint = ", give --out DIR" if name == "--output" else ""
                raise UsageError(f"{name} is for pictures, and {picture} is a network{hint}")
        _network(picture, digit, into, data, out, device)
        return
    if str(picture) != "-" and "://" not in str(picture) and not picture.is_file():
        known = "`tenfold runs` lists the runs there are"
        if picture.exists():
            raise DataError(f"{picture} is a folder, and no run, for it has no recipe.json: {known}")
        raise DataError(f"there is no picture {picture}, and no run of that name: {known}")
    for name, given in looking.items():
        if given:
            raise UsageError(f"{name} is for networks, and {picture} is no run: `tenfold runs` lists those there are")
    _read(picture, output, single, page, model, max_pixels)


def _read(picture: Path, output: Path | None, single: bool, page: int, model: Path | None, max_pixels: int) -> None:
    import io
    import itertools

    from tenfold import files
    from tenfold.cli.export import model_file
    from tenfold.errors import UsageError
    from tenfold.read import decode
    from tenfold.read.reader import Reader

    path = output or Path(f"{'picture' if str(picture) == '-' else picture.stem}-explained.png")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw {path}: its name must end in {', '.join(FORMATS)}")
    reader = Reader(model_file(model), max_pixels=max_pixels)
    shown = next(itertools.islice(decode.pages(str(picture), max_pixels=max_pixels), max(0, page - 1), None), None)
    if page < 1 or shown is None:
        raise UsageError(f"there is no page {page} in {picture}")
    figure = reader.explained(shown, single=single)
    packed = io.BytesIO()
    figure.save(packed, FORMATS[path.suffix.lower()])
    files.content(path, packed.getvalue())
    print(f"the figure is in {path}")


def _is_network(given: Path) -> bool:
    """Whether what is given is a run, by its folder or name, or a file of weights; a file is a picture otherwise."""
    if given.is_file():
        return given.suffix.lower() == ".safetensors"
    return any((place / "recipe.json").is_file() for place in (given, Path("runs") / given))


def _network(
    run: Path, digit: list[int] | None, into: str | None, data: Path | None, out: Path | None, device: str
) -> None:
    from tenfold.learn.explain import explanation

    found = explanation.explain(run, digit=digit, into=into, data=data, out=out, device=device)
    for one in found.digits:
        sure, second = (explanation.percent(one.probabilities[name]) for name in (one.answer, one.runner_up))
        verdict = "right" if one.right else f"wrong: it is {one.label}"
        print(
            f"test digit {one.index}: answered {one.answer} with {sure}, {verdict}; then {one.runner_up} with {second}"
        )
        if one.change is None:
            print(f"  no change was found after which it is answered {one.wanted}")
        else:
            ink = one.image.sum() / 255
            changed = explanation.pixels(one.change.ink)
            print(f"  {changed} pixels of ink changed, of {ink:.0f}, and it is answered {one.change.answer}")
    count = len(found.figures) - 1 + sum(len(one.figures) for one in found.digits)
    print(f"the overview is in {found.figures['overview']}, with {count} more figures beside it")
