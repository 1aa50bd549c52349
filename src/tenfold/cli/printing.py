"""Tables and digits as text, for a terminal of any width and for pipes."""

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table


def console() -> Console:
    """Standard output; wide when it is a pipe, so that nothing is cut or wrapped there."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=400, no_color=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print rows in aligned columns without a frame; the first `left` columns are words, the others figures."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(head):
        drawn.add_column(name, justify="left" if number < left else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell.replace("[", r"\[") for cell in row))
    out = console()
    with out.capture() as captured:
        out.print(drawn)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def braille(image: NDArray[np.uint8]) -> list[str]:
    """A 28 x 28 image as 7 lines of 14 characters, each 2 x 4 dots; coarser signs where there is no Unicode."""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        blocks = image.reshape(7, 4, 14, 2).mean(axis=(1, 3))
        return ["".join(" .:*#"[min(4, int(value) // 45)] for value in line) for line in blocks]
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    cells = ((image > 90).reshape(7, 4, 14, 2) * bits[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(cell)) for cell in line) for line in cells]
