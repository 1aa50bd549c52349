"""`tenfold explain`."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """
Examples:

  tenfold explain photo.jpg                   photo-explained.png

  tenfold explain digit.png --single -o why.png
"""
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def explain(
    picture: Annotated[Path, typer.Argument(help="A picture, or - for standard input.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The figure. \\[default: NAME-explained.png, here]")
    ] = None,
    single: Annotated[bool, typer.Option("--single", help="The picture is one digit.")] = False,
    page: Annotated[int, typer.Option(help="Which page of a TIFF or PDF.")] = 1,
    model: Annotated[Path | None, typer.Option(help="A run or .onnx file. \\[default: the bundled model]")] = None,
    max_pixels: Annotated[int, typer.Option(help="Refuse pictures with more pixels.")] = 100_000_000,
) -> None:
    """Show every stage of reading a picture in one figure: light removed, ink, boxes, inputs, probabilities."""
    import io
    import itertools

    from tenfold import atomic
    from tenfold.cli.models import model_file
    from tenfold.errors import UsageError
    from tenfold.read import decode, drawing
    from tenfold.read.reader import Reader

    path = output or Path(f"{'picture' if str(picture) == '-' else picture.stem}-explained.png")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw {path}: its name must end in {', '.join(FORMATS)}")
    reader = Reader(model_file(model), max_pixels=max_pixels)
    shown = next(itertools.islice(decode.pages(str(picture), max_pixels=max_pixels), max(0, page - 1), None), None)
    if page < 1 or shown is None:
        raise UsageError(f"there is no page {page} in {picture}")
    figure = drawing.explained(reader, shown, single=single)
    packed = io.BytesIO()
    figure.save(packed, FORMATS[path.suffix.lower()])
    atomic.content(path, packed.getvalue())
    print(f"the figure is in {path}")
