"""Small files that would take much time or memory, and a page of nothing but dots."""

import io

import numpy as np
from PIL import Image


def pdf(objects: list[bytes], kids: list[int]) -> bytes:
    """A PDF of objects from number 3 on, of which those in `kids` are its pages."""
    pages = b" ".join(b"%d 0 R" % kid for kid in kids)
    first = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), pages)]
    made, places = bytearray(b"%PDF-1.5\n"), []
    for number, each in enumerate([*first, *objects], 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    at, count = len(made), len(places) + 1
    made += b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(made + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, at))


def stream(head: bytes, content: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (head, len(content), content)


def nested_forms(levels: int = 9, times: int = 10) -> bytes:
    """A PDF of one page whose forms each draw the next one so many times."""
    box = b"/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>"
    objects = [b"<</Type/Page/Parent 2 0 R" + box + b">>", stream(b"", b"/F Do " * times)]
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 200 100]/Resources<<%s>>"
    for level in range(levels):
        more = b"/XObject<</F %d 0 R>>" % (level + 6) if level < levels - 1 else b""
        objects.append(stream(form % more, b"/F Do " * times if more else b"0 0 m 9 9 l S"))
    return pdf(objects, [3])


def many_strokes(count: int = 3000) -> bytes:
    """A PDF of one page that takes long to draw: lines across it, all of them of very short dashes."""
    lines = b" ".join(b"%d 0 m %d 800 l %d 0 l S" % (k % 600, (7 * k) % 600, (13 * k) % 600) for k in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>"
    return pdf([page, stream(b"", b"[0.05 0.05] 0 d 40 w 1 J 1 j " + lines)], [3])


def many_pages(count: int = 2000) -> bytes:
    """A PDF of so many empty pages."""
    return pdf([b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>"], [3] * count)


def dots(size: int = 3, apart: int = 8) -> np.ndarray:
    """A page of 1,600 x 1,600 pixels full of dots: uint8 (H, W)."""
    page = np.full((1600, 1600), 255, np.uint8)
    for y in range(size):
        for x in range(size):
            page[2 + y :: apart, 2 + x :: apart] = 0
    return page


def hatched(side: int = 1600) -> np.ndarray:
    """A page full of slanted strokes, each in a box as large as the page: uint8 (H, W)."""
    y, x = np.mgrid[:side, :side]
    return np.where((x + y) % 12 < 3, 0, 255).astype(np.uint8)


def deep(side: int = 5000) -> bytes:
    """A PNG of 16 bits a pixel, small as a file."""
    file = io.BytesIO()
    Image.fromarray(np.full((side, side), 60_000, np.uint16)).save(file, "PNG")
    return file.getvalue()
