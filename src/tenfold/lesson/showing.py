"""Showing figures in a notebook: sharp, and each with a text for those who cannot see it."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from tenfold.errors import missing_extra

Image: TypeAlias = NDArray[Any] | Tensor  # (28, 28), with ink above 0

INCH = 80  # pixels of the screen


def show(figure: Figure, alt: str, *, photo: bool = False) -> None:
    """Show a figure in the notebook, with two pixels for each of the screen: a PNG, or with `photo` a JPEG.

    `alt` says what is seen in it.
    """
    figure.set_dpi(2 * INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    picture = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # type: ignore[no-untyped-call]
    file, kind = io.BytesIO(), "jpeg" if photo else "png"
    if photo:
        picture.save(file, kind, quality=85)
    else:  # a third of the size, for no difference to the eye
        picture.quantize(256, dither=PIL.Image.Dither.NONE).save(file, kind, optimize=True)
    _display(f"image/{kind}", file.getvalue(), picture.width // 2, alt)


def picture(path: str | Path, alt: str, width: int = 560) -> None:
    """Show a JPEG file in the notebook, `width` pixels of the screen wide."""
    _display("image/jpeg", Path(path).read_bytes(), width, alt)


def _display(kind: str, content: bytes, width: int, alt: str) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ModuleNotFoundError as error:
        raise missing_extra("IPython", "lesson") from error
    if get_ipython() is None:
        print(alt)  # noqa: T201 - a script or a plain prompt, which shows no pictures
        return
    data = {kind: base64.b64encode(content).decode("ascii"), "text/plain": alt}
    display(data, metadata={kind: {"width": width, "alt": alt}}, raw=True)  # type: ignore[no-untyped-call]


def put(axis: Any, image: Any, *, signed: bool = False, most: float | None = None) -> None:
    """Ink as black on white; signed values as red and blue, with white for 0. The scale ends at `most`."""
    values = np.asarray(image, dtype=float)
    most = float(np.nanmax(np.abs(values))) or 1.0 if most is None else most
    how = {"cmap": "RdBu_r", "vmin": -most} if signed else {"cmap": "gray_r", "vmin": 0}
    axis.imshow(values, vmax=most, interpolation="nearest", **how)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(visible=True, color="#d1d5db")


def write(axis: Any, values: NDArray[Any], form: Callable[[float], str], dark: float, size: float = 8) -> None:
    """Numbers on an image; white where the image is dark, which is from `dark` on."""
    for (y, x), value in np.ndenumerate(values):
        color = "white" if abs(value) > dark else "black"
        axis.text(x, y, form(value).replace("-", "−"), ha="center", va="center", fontsize=size, color=color)
