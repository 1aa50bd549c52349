"""What a recipe learns from: the data and a user's own digits among it, with what is drawn along."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import draw_digits
from learn.corrections import corrections, sevens
from tenfold.errors import DataError, UsageError
from tenfold.learn.digits import dataset
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits

CPU = torch.device("cpu")


def test_a_recipe_takes_styles_outliers_and_pictures_along(data: Path) -> None:
    recipe = Recipe(data=str(data), styles=22, outliers=30, pictures=True)
    material = dataset.load(recipe, CPU)
    assert material.distances is not None
    assert len(material.images) == len(material.labels) == len(material.distances) == 500 + 22 + 30
    assert (material.labels == 10).sum() == 30
    assert material.val_labels is not None
    assert material.val_labels.max() == 9


def test_outliers_are_a_class_more_for_any_task(data: Path) -> None:
    material = dataset.load(Recipe(data=str(data), task="parity", outliers=60), CPU)
    assert material.labels.bincount().tolist()[2] == 60


def test_styles_go_by_the_task(data: Path) -> None:
    material = dataset.load(Recipe(data=str(data), task="0,1/2-9", styles=110), CPU)
    assert material.labels[-110:].bincount().tolist() == [30, 80]


def test_styles_are_refused_for_other_classes(here: Path) -> None:
    digits = draw_digits(60)
    np.savez("letters.npz", images=digits.images, labels=np.array(list("abcdefghij"))[digits.labels])
    with pytest.raises(UsageError, match="other classes"):
        dataset.load(Recipe(data="letters.npz", styles=5, batch_size=10), CPU)


def test_two_pictures_of_one_class_are_enough(tmp_path: Path, little: Digits) -> None:
    images = sevens(2)
    recipe = Recipe(data=str(corrections(tmp_path / "c", images)), mix=1000, batch_size=100, pictures=True)
    material = dataset.load(recipe, CPU)
    own = (material.images[:, None] == torch.from_numpy(images)).all(dim=(2, 3))  # (N, 2)
    times = own.sum(0).tolist()
    assert times == [dataset.MOST] * 2  # both are learnt, and often
    assert (material.labels[own.any(1)] == 7).all()
    assert len(material.images) == 1000 + sum(times)
    assert material.task.classes == tuple("0123456789")
    # The others are MNIST's, none of those that are held out.
    held = {image.tobytes() for image in little.images[5_000:]}
    others = [image.tobytes() for image in material.images[~own.any(1)].numpy()]
    assert len(set(others)) == 1000
    assert not held & set(others)
    assert material.val_images is not None
    assert (material.val_images.numpy() == little.images[5_000:]).all()
    assert material.own_labels is not None
    assert material.own_labels.tolist() == [7, 7]
    # What is drawn once for each digit fits the copies as well.
    assert material.distances is not None
    first = material.distances[own[:, 0]]
    assert (first == first[0]).all()
    assert not (first[0] == material.distances[own[:, 1]][0]).all()
    notes = " ".join(material.source.notes)
    assert f"2 digits of yours (2 x 7), {sum(times)} times an epoch in all, along with 1,000 of MNIST's" in notes
    assert "none of them is held out; validation is on 1,000 of MNIST's" in notes


def test_the_mixture_follows_from_the_seed(tmp_path: Path, little: Digits) -> None:
    data = str(corrections(tmp_path / "c", sevens(3)))

    def images(seed: int) -> Tensor:
        return dataset.load(Recipe(data=data, mix=500, seed=seed), CPU).images

    assert torch.equal(images(1), images(1))
    assert not torch.equal(images(1)[:500], images(2)[:500])


def test_few_of_a_class_are_learnt_the_oftener(tmp_path: Path, little: Digits) -> None:
    for label, count in (("7", 10), ("1", 5), ("4", 1), ("0", 150)):
        corrections(tmp_path / "c", sevens(count), label)
    material = dataset.load(Recipe(data=str(tmp_path / "c"), mix=500), CPU)
    assert material.labels[500:].bincount(minlength=10).tolist() == [150, 50, 0, 0, 25, 0, 0, 50, 0, 0]


def test_of_many_own_digits_a_share_is_held_out(
    tmp_path: Path, little: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = draw_digits(60)
    np.savez(tmp_path / "d.npz", images=digits.images, labels=digits.labels)
    recipe = Recipe(data=str(tmp_path / "d.npz"), mix=200, batch_size=100)

    def checked(**changes: Any) -> int:
        material = dataset.load(recipe.changed(**changes), CPU)
        assert material.own_images is not None
        return len(material.own_images)

    assert checked() == 60  # all of them are learnt from, and shown how they fare
    assert checked(val_size=0.5) == 30
    monkeypatch.setattr(dataset, "MANY", 60)
    assert checked() == 10
    assert checked(val_size=0) == 60
    assert checked(final=True) == 60
    assert "10 more are held out" in dataset.load(recipe, CPU).source.notes[1]
    assert dataset.load(recipe.changed(final=True), CPU).val_images is None


def test_tasks_and_outliers_go_with_a_mixture(tmp_path: Path, little: Digits) -> None:
    data = str(corrections(tmp_path / "c", sevens(4)))
    material = dataset.load(Recipe(data=data, mix=300, task="parity", styles=20, outliers=30), CPU)
    counts = material.labels.bincount().tolist()
    assert len(counts) == 3
    assert counts[2] == 30
    assert material.own_labels is not None
    assert material.own_labels.tolist() == [1] * 4


def test_other_classes_cannot_be_mixed_with_the_ten_digits(tmp_path: Path) -> None:
    for name in "ab":
        corrections(tmp_path / "c", sevens(2), name)
    recipe = Recipe(data=str(tmp_path / "c"), mix=100, styles=10)
    with pytest.raises(UsageError, match=r"has the classes a, b: name its folders 0 to 9, or give --mix 0"):
        dataset.load(recipe, CPU)
    with pytest.raises(UsageError, match="give --styles 0"):
        dataset.load(recipe.changed(mix=0, batch_size=2), CPU)


def test_without_a_mixture_few_pictures_are_refused_with_a_hint(tmp_path: Path) -> None:
    data = str(corrections(tmp_path / "c", sevens(4)))
    with pytest.raises(
        DataError, match=r"one class only: there must be two or more, or learn MNIST's along with --mix"
    ):
        dataset.load(Recipe(data=data), CPU)
    corrections(tmp_path / "c", sevens(4), "1")
    with pytest.raises(DataError, match=r"give a smaller --batch-size, or learn MNIST's along with --mix"):
        dataset.load(Recipe(data=data), CPU)


def test_data_that_has_changed_has_no_held_out_digits_without_a_mixture(tmp_path: Path) -> None:
    digits = draw_digits(60)
    np.savez(tmp_path / "d.npz", images=digits.images, labels=digits.labels)
    recipe = Recipe(data=str(tmp_path / "d.npz"))
    held = dataset.held_out(recipe, sources.load(tmp_path / "d.npz").checksum)
    assert held is not None
    assert len(held) == 10
    assert dataset.held_out(recipe, "another") is None
