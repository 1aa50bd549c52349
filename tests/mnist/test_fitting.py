import numpy as np
import pytest

from conftest import draw_digits
from tenfold.errors import FormatError
from tenfold.mnist.fitting import fitted
from tenfold.mnist.layouts.raw import Raw

SOME = draw_digits(20)


def test_what_is_light_stays_light_unless_it_is_ink() -> None:
    light = 255 - SOME.images
    kept, _, _ = fitted(Raw({"train": (light, SOME.labels)}), "d", ink=False)
    assert (kept["train"].images == light).all()
    turned, _, _ = fitted(Raw({"train": (light, SOME.labels)}), "d")
    assert (turned["train"].images == SOME.images).all()


def test_images_without_labels_are_made_alike_with_the_others() -> None:
    raw = Raw({"train": (255 - SOME.images, SOME.labels)}, unlabelled=255.0 - SOME.images.reshape(20, 784))
    _, _, unlabelled = fitted(raw, "d")
    assert unlabelled is not None
    assert (unlabelled == SOME.images).all()
    _, classes, alone = fitted(Raw(unlabelled=SOME.images), "d")
    assert classes == tuple("0123456789")
    assert alone is not None
    assert (alone == SOME.images).all()


def test_pixels_of_several_sizes_must_be_bytes() -> None:
    images = [np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.float64)]
    with pytest.raises(FormatError, match="several sizes"):
        fitted(Raw({"train": (images, np.array([1, 2]))}), "d")
