import numpy as np
import pytest

from conftest import draw_digits
from tenfold.learn.lines.glyphs import Glyphs, glyphs


@pytest.fixture(scope="session")
def shapes() -> Glyphs:
    """A few of everything that lines are written with."""
    return glyphs(draw_digits(60), np.random.default_rng(0), 0.02)
