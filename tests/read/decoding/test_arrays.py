"""What values mean, and where an array has its channels; more is in test_decode."""

import numpy as np
import pytest

from tenfold.errors import DataError
from tenfold.read.decoding import arrays


@pytest.mark.parametrize(
    ("high", "most"), [(1, 1), (255, 255), (1000, 1023), (4000, 4095), (60_000, 65_535), (1e6, 1e6)]
)
def test_the_largest_value_tells_what_is_white(high: float, most: float) -> None:
    assert arrays.white(0, high, real=False) == most


@pytest.mark.parametrize(("low", "high"), [(-1, 5), (np.nan, 1), (0, np.inf)])
def test_values_that_are_none(low: float, high: float) -> None:
    with pytest.raises(DataError):
        arrays.white(low, high, real=False)


def test_what_is_transparent_gets_a_ground() -> None:
    dark = np.zeros((4, 4, 2), np.float32)
    dark[1, 1] = (0, 1)
    assert arrays.three(dark)[0, 0].tolist() == [1, 1, 1]
