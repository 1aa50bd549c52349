from pathlib import Path

import numpy as np
import torch

from tenfold.learn.lines import dataset
from tenfold.learn.lines.alphabet import BLANK
from tenfold.learn.lines.dataset import GROUP, Batches, Lines, normalised
from tenfold.learn.lines.glyphs import Glyphs
from tenfold.learn.lines.writing import HEIGHT
from tenfold.mnist import sources


def test_a_batch_is_lines_of_about_a_width_with_their_signs(shapes: Glyphs) -> None:
    batches = Batches(shapes, 8, 0)
    for number in (0, GROUP - 1, GROUP):
        images, labels = batches[number]
        assert images.shape[:3] == (8, 1, HEIGHT)
        assert images.shape[3] % 32 == 0
        assert images.dtype == torch.float32
        assert len(labels) == 8
        assert ((labels == BLANK).int().diff(dim=1) >= 0).all()  # blanks fill it up at the end alone


def test_a_batch_is_the_same_however_it_is_come_by(shapes: Glyphs) -> None:
    first, again = Batches(shapes, 4, 7), Batches(shapes, 4, 7)
    for _ in (first[0], first[1]):
        pass
    assert all(one.equal(two) for one, two in zip(first[GROUP + 2], again[GROUP + 2], strict=True))
    assert not first[3][0].equal(first[4][0])


def test_lines_are_normalised_whatever_their_contrast() -> None:
    ink = np.random.default_rng(0).integers(0, 100, (40, 90)).astype(np.uint8)
    bright = normalised(ink)
    assert np.allclose([bright.mean(), bright.std()], [0, 1], atol=1e-5)
    assert np.allclose(normalised(ink * 2), bright, atol=1e-4)
    assert np.abs(normalised(np.full((40, 90), 7, np.uint8))).max() == 0


def test_the_process_beside_gives_the_batches_of_any_step(shapes: Glyphs, data: Path) -> None:
    batches = Batches(shapes, 4, 1)
    lines = Lines(batches, [], sources.load(data), steps=20)
    for epoch, step in ((0, 0), (0, 1), (1, 5), (0, 1)):
        images, labels = lines.batch(epoch, step)
        expected = Batches(shapes, 4, 1)[epoch * 20 + step]
        assert images.equal(expected[0])
        assert labels.equal(expected[1])


def test_an_epoch_is_as_many_lines_as_mnist_has_training_digits() -> None:
    assert dataset.EPOCH == 50_000


def test_lines_grow_longer(shapes: Glyphs) -> None:
    batches = Batches(shapes, 4, 3, growth=GROUP * 4)
    signs = [np.mean([(batches[number][1] > 0).sum(1) for number in range(k, k + GROUP)]) for k in (0, 8 * GROUP)]
    assert signs[0] < signs[1] - 2
