import pytest

from tenfold import greys


@pytest.mark.parametrize(
    ("largest", "white"), [(0, 1), (0.4, 1), (1, 1), (1.2, 1), (2, 2), (16, 16), (63, 63), (64, 255), (255, 255)]
)
def test_white_is_told_by_the_largest_value(largest: float, white: float) -> None:
    assert greys.white(largest) == white


def test_what_is_stretched_is_said() -> None:
    assert greys.stretched(16.0) == ("grey values up to 16 were stretched to 255",)
    assert greys.stretched(1) == greys.stretched(255) == greys.stretched(100) == ()
