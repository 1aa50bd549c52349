"""Pens, styles, outliers, and digits as pictures show them."""

import numpy as np
import pytest
import torch

from conftest import draw_digits
from tenfold.errors import UsageError
from tenfold.learn.digits import dataset, outliers, pens, pictures, styles
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.recipes.recipe import Recipe


def test_a_skeleton_is_thin_and_keeps_holes_and_pieces() -> None:
    shapes = np.zeros((2, 30, 30), bool)
    shapes[0, 5:25, 5:25] = True
    shapes[0, 10:20, 10:20] = False  # a ring
    shapes[1, 5:10, 3:27] = shapes[1, 20:26, 3:27] = True  # two bars
    ring, bars = pens.thin(shapes)
    assert (ring & ~shapes[0]).sum() == 0
    assert 40 <= ring.sum() <= 64  # one pixel wide all around
    assert not ring[11:19, 11:19].any()
    assert ring[14].sum() == 2
    assert bars[:, 15].sum() == 2


def test_distances_tell_the_width_of_a_stroke() -> None:
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, 4:24, 12:16] = 255
    away = pens.distances(image)[0].float() / pens.UNIT  # of 56 pixels
    middle = away[28]
    assert middle.min() == 0
    assert abs(int(middle.argmin()) - 27.5) <= 1
    assert torch.allclose(middle[middle.argmin() : middle.argmin() + 10], torch.arange(10.0), atol=0.1)
    assert away[0, 0] == pens.REACH


def test_styles_are_digits_of_every_class_that_can_be_had_again() -> None:
    some, again = (styles.draw(110, np.random.default_rng(3)) for _ in range(2))
    assert some.images.shape == (110, 28, 28)
    assert (np.bincount(some.labels) == [10, 20, *[10] * 8]).all()
    assert (some.images == again.images).all()
    assert (some.images.max(axis=(1, 2)) == 255).all()


@pytest.mark.parametrize("kind", outliers.KINDS)
def test_every_kind_of_outlier_can_be_drawn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "KINDS", {kind: 1.0})
    shapes = outliers.draw(12, draw_digits(100), np.random.default_rng(0))
    assert shapes.shape == (12, 28, 28)
    assert (shapes.max(axis=(1, 2)) == 255).all()
    assert len({shape.tobytes() for shape in shapes}) > 6


def test_spoiling_is_random_but_can_be_had_again_and_leaves_digits() -> None:
    digits = draw_digits(64)
    images = torch.from_numpy(digits.images)
    ink, away = images.float().div(255).unsqueeze(1), pens.distances(images)
    augmentation = Augmentation(rotate=10)

    def spoiled(seed: int) -> torch.Tensor:
        return pictures.distort(ink.clone(), away, augmentation, torch.Generator().manual_seed(seed))

    one, again, other = spoiled(0), spoiled(0), spoiled(1)
    assert one.shape == (64, 1, 28, 28)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.min() >= 0
    assert torch.allclose(one.amax(dim=(1, 2, 3)), torch.ones(64))
    widths = (one > 0.5).sum(dim=(1, 2, 3)).float()
    assert widths.max() > 3 * widths.min()  # from thin to thick


def test_a_recipe_takes_styles_outliers_and_pictures_along() -> None:
    recipe = Recipe(styles=22, outliers=30, pictures=True, batch_size=100)
    material = dataset.load(recipe, torch.device("cpu"))
    assert material.distances is not None
    assert len(material.images) == len(material.labels) == len(material.distances) == 50_000 + 22 + 30
    assert (material.labels == 10).sum() == 30
    assert material.val_labels is not None
    assert material.val_labels.max() == 9


def test_outliers_are_drawn_for_a_task_whose_classes_are_no_digits() -> None:
    parity = draw_digits(60)
    parity.labels[:] %= 2
    assert outliers.draw(60, parity, np.random.default_rng(0)).shape == (60, 28, 28)
    material = dataset.load(Recipe(task="parity", outliers=60, batch_size=100), torch.device("cpu"))
    assert material.labels.bincount().tolist()[2] == 60


def test_styles_go_by_the_task() -> None:
    material = dataset.load(Recipe(task="0,1/2-9", styles=110), torch.device("cpu"))
    assert material.labels[-110:].bincount().tolist() == [30, 80]


def test_styles_are_refused_for_other_classes(here: object, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = draw_digits(60)
    np.savez("letters.npz", images=digits.images, labels=np.array(list("abcdefghij"))[digits.labels])
    with pytest.raises(UsageError, match="other classes"):
        dataset.load(Recipe(data="letters.npz", styles=5, batch_size=10), torch.device("cpu"))
