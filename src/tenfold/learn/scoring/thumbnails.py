"""Digits inside an HTML page: small pictures with a caption each, as many in a row as the window is wide."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STYLE = """
.digits { display: flex; flex-wrap: wrap; gap: .7rem .9rem; margin: .6rem 0; }
.digits figure { margin: 0; width: 5.2rem; font-size: .875rem; line-height: 1.3; text-align: center; }
.digits img { width: 5.2rem; display: block; margin-bottom: .2rem; image-rendering: pixelated;
              outline: 1px solid var(--line); }
.digits .wrong { color: var(--wrong); } .bars { display: block; width: 100%; height: 1.2rem; fill: currentColor; }
@media (prefers-color-scheme: dark) { .digits img { filter: invert(1); } }
"""

_GREYS = bytes(17 * level for level in range(16) for _ in "RGB")


def html(
    images: NDArray[np.uint8],
    captions: Sequence[str],
    right: Sequence[bool],
    probabilities: NDArray[np.float32] | None = None,
) -> str:
    """Digits (N, 28, 28), ink bright, with a caption each, red where the answer is wrong, and bars of probabilities."""
    bars = [""] * len(images) if probabilities is None else map(_bars, probabilities)
    return together([figure(*one) for one in zip(images, captions, right, bars, strict=True)])


def together(figures: Sequence[str]) -> str:
    """Figures side by side."""
    return f'<div class="digits">{"".join(figures) or "none"}</div>'


def figure(image: NDArray[np.uint8], caption: str, right: bool = True, bars: str = "") -> str:
    """A digit (28, 28) with its caption: plain text, whose first line is read as the picture's name."""
    name, words = escape(caption.splitlines()[0]), escape(caption).replace("\n", "<br>")
    picture = f'<img alt="{name}" src="{address(image)}">'
    of = "" if right else ' class="wrong"'
    return f"<figure{of}>{picture}{bars}<figcaption>{words}</figcaption></figure>"


def address(image: NDArray[np.uint8]) -> str:
    """A data address of a digit (28, 28) as a PNG in 16 greys, dark on white: half the bytes of 256, and no plainer."""
    picture = Image.fromarray((15 - (image.astype(np.uint16) + 8) // 17).astype(np.uint8))
    picture.putpalette(_GREYS)
    file = io.BytesIO()
    picture.save(file, "PNG", bits=4, optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _bars(probabilities: NDArray[np.float32]) -> str:
    """A bar for each class, in their order; those below 1 % are left out, which would not be seen."""
    bars = "".join(f"M{k} 9V{9 - 9 * p:.2f}h.8V9z" for k, p in enumerate(probabilities.tolist()) if p >= 0.01)
    size = f'viewBox="0 0 {len(probabilities)} 9" preserveAspectRatio="none"'
    return f'<svg class="bars" {size} aria-hidden="true"><path d="{bars}"/></svg>'
