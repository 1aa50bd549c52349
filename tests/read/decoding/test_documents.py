"""PDF: how many pages, and how large they are drawn."""

import pytest

from read import hostile
from tenfold.errors import DataError, TooLargeError
from tenfold.read.decoding import documents

pytest.importorskip("pypdfium2")


def test_pages_are_counted_before_they_are_drawn() -> None:
    with pytest.raises(TooLargeError, match=r"a.pdf has 2,000 pages, more than the limit of 100"):
        next(documents.pages(hostile.many_pages(), "a.pdf", 10_000_000, 100))
    assert len(list(documents.pages(hostile.many_pages(3), "a.pdf", 10_000_000, 3))) == 3


def test_a_large_page_is_drawn_no_larger_than_is_needed() -> None:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 4000 2000]>>"
    (drawn,) = documents.pages(hostile.pdf([page], [3]), "a.pdf", 100_000_000, None)
    assert (drawn.width, drawn.height) == (8333, 4167)
    assert drawn.pixels.shape == (800, 1600, 3)
    with pytest.raises(TooLargeError, match="8333 x 4167"):
        next(documents.pages(hostile.pdf([page], [3]), "a.pdf", 10_000_000, None))


def test_a_damaged_one() -> None:
    with pytest.raises(DataError, match="damaged or locked"):
        next(documents.pages(b"%PDF-1.4 nonsense", "a.pdf", 1000, None))
