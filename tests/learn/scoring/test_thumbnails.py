import base64
import io

import numpy as np
from PIL import Image

from conftest import draw_digits
from tenfold.learn.scoring import thumbnails


def test_a_digit_is_dark_on_white_in_16_greys() -> None:
    image = draw_digits(1).images[0]
    kind, _, content = thumbnails.address(image).partition(",")
    assert kind == "data:image/png;base64"
    raw = base64.b64decode(content)
    with Image.open(io.BytesIO(raw)) as opened:
        shown = 255 - np.asarray(opened.convert("L")).astype(int)
    assert np.abs(shown - image).max() <= 8


def test_captions_are_escaped_mistakes_red_and_probabilities_bars() -> None:
    images, shares = draw_digits(2).images, np.array([[0.5, 0.001, 0.499]] * 2, np.float32)
    html = thumbnails.html(images, ["<a>\n90%", "b"], [False, True], shares)
    assert html.count('class="wrong"') == 1
    assert 'alt="&lt;a&gt;"' in html
    assert "&lt;a&gt;<br>90%" in html
    assert html.count("M0 ") == html.count("M2 ") == 2
    assert "M1 " not in html  # below 1 %
    assert thumbnails.html(images[:0], [], []) == '<div class="digits">none</div>'
