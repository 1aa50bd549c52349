"""Pages, and how they are kept."""

from typing import Any

import numpy as np
import pytest

from tenfold.errors import DataError, TooLargeError
from tenfold.read.decoding.page import Kept, Page, check_size, fitting


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_page_that_is_kept_is_as_it_was(kind: type) -> None:
    pixels: Any = np.random.default_rng(0).integers(0, 2, (30, 20, 3)).astype(kind)
    page = Page(pixels, 200, 300, ("stretched",))
    kept = Kept(page)
    assert (kept.width, kept.height) == (200, 300)
    assert (kept.page.pixels == pixels).all()
    assert (kept.page.width, kept.page.notes, kept.page.scale) == (200, ("stretched",), 10)
    assert page.small().pixels.dtype == np.uint8


def test_sizes() -> None:
    assert fitting(4000, 1000, 1600) == (1600, 400)
    assert fitting(100_000, 1, 1600) == (1600, 1)
    with pytest.raises(TooLargeError, match=r"a has 3 x 4 pixels, more than the limit of 11: .*--max-pixels"):
        check_size(3, 4, "a", 11)
    with pytest.raises(DataError, match="no pixels"):
        check_size(0, 4, "a", 11)
