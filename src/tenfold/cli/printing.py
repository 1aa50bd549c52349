"""Tables and digits as text, for a terminal of any width and for pipes."""

import shutil
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from tenfold.errors import printable
from tenfold.progress import say


def console() -> Console:
    """Standard output; wide when it is a pipe, so that nothing is cut or wrapped there."""
    pipe = not sys.stdout.isatty()
    return Console(highlight=False, width=400 if pipe else None, no_color=pipe or None)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print rows in aligned columns; the first `left` columns are words, the others figures.

    On a terminal that is too narrow for that, print every row as a short list.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    if sys.stdout.isatty() and sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        across = max(map(len, head))
        for row in rows:
            say(row[0])
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    say(f"  {name:{across}}  {cell}")
        return
    for row in [head, *rows]:
        cells = [c.ljust(w) if k < left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        say("  ".join(cells).rstrip())


def braille(image: NDArray[np.uint8]) -> list[str]:
    """A 28 x 28 image as 7 lines of 14 characters, each 2 x 4 dots; coarser signs where there is no Unicode."""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        blocks = image.reshape(7, 4, 14, 2).mean(axis=(1, 3))
        return ["".join(" .:*#"[min(4, int(value) // 45)] for value in line) for line in blocks]
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    cells = ((image > 90).reshape(7, 4, 14, 2) * bits[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(cell)) for cell in line) for line in cells]
