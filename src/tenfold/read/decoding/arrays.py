"""Arrays of numbers as pages."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold import greys
from tenfold.errors import DataError, FormatError
from tenfold.read.decoding.page import WORK, Colours, Page, check_size, fitting

_TOPS = (1023, 4095, 65535)  # of 10, 12 and 16 bits a pixel
_SMALL = 64  # pixels: arrays (3, H, W) of squares up to this may be digits, and no colours


def page(values: NDArray[Any], max_pixels: int) -> Page:
    """An array (H, W) or (H, W, C) as a page. Raises DataError, FormatError, TooLargeError."""
    check_size(values.shape[1], values.shape[0], "the array", max_pixels)
    kind = values.dtype.kind
    if kind not in "buif":
        raise FormatError(f"an array of {values.dtype} is no picture: grey values or colours are wanted")
    scaled = values.astype(np.float32)
    low, high = float(scaled.min()), float(scaled.max())
    most = white(low, high, real=kind == "f")
    shown = _shrunk(three(np.clip(scaled / np.float32(most), 0, 1)), (values.shape[1], values.shape[0]))
    return replace(shown, notes=notes(high))


def white(low: float, high: float, *, real: bool) -> float:
    """What is white among values from `low` to `high`, which may be of any `real` number. Raises DataError."""
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError("the array holds values that are no numbers")
    most = greys.white(high) if high <= 255 else next((m for m in _TOPS if high <= m), high)
    if low < (-0.5 if real and most == 1 else 0):
        raise DataError(f"the array must hold values from 0 to 1, or 0 to 255, not from {low:g} to {high:g}")
    return float(most)


def notes(high: float) -> tuple[str, ...]:
    """What is to be said of values up to `high`."""
    return greys.stretched(high) if high <= 255 else ()


def _shrunk(colours: Colours, size: tuple[int, int]) -> Page:
    """Colours made no larger than is needed."""
    shape = (colours.shape[1], colours.shape[0])
    if max(shape) <= WORK:
        return Page(colours, *size)
    channels = [Image.fromarray(colours[..., k]).resize(fitting(*shape, WORK), Image.Resampling.BOX) for k in range(3)]
    return Page(np.stack([np.asarray(c, np.float32) for c in channels], axis=2), *size)


def three(values: NDArray[np.float32]) -> Colours:
    """Grey (H, W), grey and alpha (H, W, 2), RGB or RGBA as RGB, what is transparent laid on the ground it wants."""
    if values.ndim == 2:
        values = values[..., None]
    if values.shape[2] in (2, 4):
        colours, alpha = values[..., :-1], values[..., -1:]
        weight = float(alpha.sum())
        # Light ink wants a dark ground, dark ink a light one. A picture that is opaque nearly everywhere has its own.
        light = float((colours * alpha).sum()) / (colours.shape[2] * weight) > 0.5 if weight else False
        ground = 0.0 if light and float(alpha.mean()) < 0.95 else 1.0
        values = colours * alpha + ground * (1 - alpha)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values)


def channels_last(values: NDArray[Any], channels: str | None) -> NDArray[Any]:
    """An array (H, W) or (H, W, C) of one whose channels may come first. Raises FormatError for what is no picture."""
    shape = values.shape
    may_be_first = values.ndim == 3 and shape[2] > 4 and 1 <= shape[0] <= 4
    if channels is None and may_be_first and shape[0] > 1 and shape[1] == shape[2] <= _SMALL:
        raise FormatError(
            f"an array of shape {shape} may be {shape[0]} digits, or the channels of one picture: read each by itself, "
            "or all by Reader.classify; for one picture give channels='first'"
        )
    if values.ndim == 3 and (channels == "first" or (channels is None and may_be_first)):
        values = np.moveaxis(values, 0, 2)
    if values.ndim not in (2, 3) or (values.ndim == 3 and not 1 <= values.shape[2] <= 4):
        raise FormatError(
            f"an array of shape {shape} is no picture: (H, W), (H, W, C) or (C, H, W) is wanted; "
            "read each of several by itself, or digits by Reader.classify"
        )
    return values
