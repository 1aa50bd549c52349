import numpy as np
import pytest

from conftest import draw_digits
from tenfold.learn.digits import outliers


@pytest.mark.parametrize("kind", outliers.KINDS)
def test_every_kind_of_outlier_can_be_drawn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "KINDS", {kind: 1.0})
    shapes = outliers.draw(12, draw_digits(100), np.random.default_rng(0))
    assert shapes.shape == (12, 28, 28)
    assert (shapes.max(axis=(1, 2)) == 255).all()
    assert len({shape.tobytes() for shape in shapes}) > 6


def test_none_is_turned_where_no_digit_can_be() -> None:
    parity = draw_digits(60)
    parity.labels[:] %= 2
    assert outliers.draw(60, parity, np.random.default_rng(0)).shape == (60, 28, 28)
