import numpy as np
import pytest

from tenfold.learn.lines import hands


@pytest.mark.parametrize("sign", hands.DIGITS)
def test_digits_are_twenty_pixels_high_and_in_the_middle(sign: str) -> None:
    generator = np.random.default_rng(3)
    for _ in range(40):
        rows, columns = np.nonzero(hands.digit(sign, generator) > 60)
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 23
        assert abs(rows.min() + rows.max() - 27) <= 3


def test_no_two_digits_are_alike() -> None:
    generator = np.random.default_rng(4)
    assert len({hands.digit("7", generator).tobytes() for _ in range(200)}) == 200


def test_signs_stand_where_they_are_written() -> None:
    generator = np.random.default_rng(5)

    def middle(name: str) -> float:
        return float(np.median([np.nonzero(hands.sign(name, generator) > 60)[0].mean() for _ in range(30)]))

    assert middle("'") < middle("-") < middle(".") < middle(",")
    assert all((hands.sign(name, generator) > 60).any() for name in (*hands.SIGNS, "?") for _ in range(20))


def test_a_stroke_that_may_be_left_out_sometimes_is() -> None:
    generator = np.random.default_rng(6)
    counts = [len(hands._strokes("c 0,0 1,1 | c?.5 0,1 1,0", generator)) for _ in range(100)]
    assert 20 < counts.count(2) < 80


def test_a_smooth_curve_goes_through_its_points() -> None:
    points = np.array([[0.0, 0], [1, 2], [3, 1], [4, 4]])
    curve = hands.spline(points)
    assert all(np.abs(curve - point).sum(1).min() < 1e-9 for point in points)
