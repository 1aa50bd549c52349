import numpy as np
import pytest

from conftest import draw_digits
from tenfold.errors import DataError, FormatError
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


@pytest.mark.parametrize("axis", [1, 3])
def test_colours_become_grey(axis: int) -> None:
    digits = draw_digits(5)
    for images in (digits.images, digits.images / 255):
        parts, _, _ = fitted(Raw({"train": (np.stack([images] * 3, axis), digits.labels)}), "x")
        assert np.abs(parts["train"].images.astype(int) - digits.images).max() <= 1


def test_sixteen_bits_become_eight() -> None:
    digits = draw_digits(5)
    raw = Raw({"train": (digits.images.astype(np.uint16) * 257, digits.labels)})
    parts, _, _ = fitted(raw, "x")
    assert (parts["train"].images == digits.images).all()
    assert raw.notes == ["grey values up to 65535 were brought to 255"]


def test_what_nothing_can_be_learnt_from_is_told() -> None:
    digits = draw_digits(20)
    with pytest.raises(DataError, match="images of one grey value each alone"):
        fitted(Raw({"train": (digits.images * 0, digits.labels)}), "x")
    images, few = digits.images.copy(), digits.labels < 5
    images[few.argmax()] = 0
    raw = Raw({"train": (images[few], digits.labels[few]), "test": (digits.images, digits.labels)})
    fitted(raw, "x")
    assert raw.notes == [
        f"1 of {few.sum()} images in train are blank",
        "test has classes that the training part has not: 5, 6, 7, 8, 9",
    ]
    with pytest.raises(FormatError, match="undo what normalised them"):
        fitted(Raw({"train": (digits.images / 127.5 - 1, digits.labels)}), "x")


def test_labels_from_one_are_told() -> None:
    digits = draw_digits(20)
    raw = Raw({"train": (digits.images, digits.labels + 1)})
    _, names, _ = fitted(raw, "x")
    assert names == (*tuple("123456789"), "10")
    assert raw.notes == ["the labels go from 1 to 10, and so the classes are called: MNIST's go from 0 to 9"]
