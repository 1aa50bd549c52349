"""Pictures for the tests of the reading wing, made of numbers in MNIST's handwriting."""

import numpy as np

from conftest import write_number
from tenfold.read.finding import paper


def colours(values: np.ndarray) -> np.ndarray:
    """Grey (H, W), uint8 or from 0 to 1, as colours float32 (H, W, 3)."""
    if values.dtype == np.uint8:
        values = values / np.float32(255)
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def sheet(values: np.ndarray) -> paper.Sheet:
    """The likelier sheet of a grey picture."""
    return next(paper.sheets(colours(values)))


def drawn(ink: np.ndarray) -> np.ndarray:
    """Ink as black on white, without any noise: uint8 (H, W)."""
    return (255 * (1 - ink)).astype(np.uint8)


def page(*texts: str, **how: float) -> np.ndarray:
    """The ink of numbers, one under the other: float32 (H, W)."""
    rows = [write_number(text, seed=k, **how) for k, text in enumerate(texts)]  # type: ignore[arg-type]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
