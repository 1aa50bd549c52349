"""Pictures of what was read."""

import numpy as np
import pytest

import tenfold
from conftest import on_paper, write_number
from tenfold.mnist import embedded
from tenfold.read import decode


def test_boxes_are_drawn_on_a_picture_of_the_same_size(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("41"))
    drawn = np.asarray(reader.read(image).annotated())
    assert drawn.shape[:2] == image.shape
    assert (drawn != image[..., None]).any(axis=2).sum() > 200


@pytest.mark.parametrize(
    "source",
    [
        on_paper(write_number("41")),
        np.zeros((1, 1)),
        np.full((40, 500), 255, np.uint8),
        embedded.read("train").images[0],
        np.rot90(on_paper(write_number("27453", seed=5))),
    ],
    ids=["number", "pixel", "blank", "digit", "turned"],
)
def test_every_stage_has_a_place_in_the_figure(reader: tenfold.Reader, source: np.ndarray) -> None:
    (page,) = decode.pages(source)
    assert min(reader.explained(page).size) > 100
