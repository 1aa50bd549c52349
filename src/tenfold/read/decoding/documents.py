"""The pages of a PDF, drawn by PDFium."""

import threading
from collections.abc import Iterator

from tenfold.errors import DataError, TooLargeError, missing_extra
from tenfold.read.decoding import images
from tenfold.read.decoding.page import WORK, Page, check_size

_DPI = 150
_DRAWN = 2 * WORK  # pixels: a longer page is drawn no longer, as it is scaled down again
_LOCK = threading.Lock()  # PDFium is not safe to use from several threads


def pages(raw: bytes, name: str, max_pixels: int, max_pages: int | None) -> Iterator[Page]:
    """The pages of a PDF. Raises DataError for what is damaged or locked, TooLargeError, MissingExtra."""
    try:
        import pypdfium2
    except ImportError as error:
        raise missing_extra("pypdfium2", "pdf") from error
    try:
        with _LOCK:
            document = pypdfium2.PdfDocument(raw)
        try:
            if max_pages is not None and len(document) > max_pages:
                most = f"more than the limit of {max_pages:,}: --max-pages allows more"
                raise TooLargeError(f"{name} has {len(document):,} pages, {most}")
            for number in range(len(document)):
                with _LOCK:
                    sheet = document[number]
                    points = sheet.get_size()
                    width, height = (round(side / 72 * _DPI) for side in points)
                    check_size(width, height, name, max_pixels)
                    scale = min(_DPI / 72, _DRAWN / max(points))
                    picture = sheet.render(scale=scale).to_pil().copy()
                    sheet.close()
                yield images.page(picture, name, max_pixels, size=(width, height))
        finally:
            with _LOCK:
                document.close()
    except pypdfium2.PdfiumError as error:
        raise DataError(f"cannot read {name}: it is damaged or locked ({error})") from error
