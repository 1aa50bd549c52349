import base64
import io

import numpy as np
import pytest
from PIL import Image

from tenfold.learn.scoring import thumbnails
from tenfold.mnist.digits import Digits


def test_a_picture_is_the_digit_dark_on_white_in_sixteen_greys(digits: Digits) -> None:
    head, _, data = thumbnails.address(digits.images[0]).partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
        shown = 255 - np.asarray(opened.convert("L")).astype(int)
    assert np.abs(shown - digits.images[0]).max() <= 8


def test_captions_are_escaped_and_wrong_answers_are_marked(digits: Digits) -> None:
    html = thumbnails.html(digits.images[:2], ["<b>\n98%", "y"], [True, False])
    assert '<figure><img alt="&lt;b&gt;" src="data:' in html
    assert "<figcaption>&lt;b&gt;<br>98%</figcaption>" in html
    assert html.count('<figure class="wrong">') == 1
    assert "none" in thumbnails.html(digits.images[:0], [], [])


def test_bars_are_as_high_as_probabilities(digits: Digits) -> None:
    html = thumbnails.html(digits.images[:1], ["x"], [True], np.array([[0.25, 0.0, 0.75]], np.float32))
    assert 'viewBox="0 0 3 9"' in html
    assert 'd="M0 9V6.75h.8V9zM2 9V2.25h.8V9z"' in html
    with pytest.raises(ValueError, match="zip"):
        thumbnails.html(digits.images[:1], [], [True])
