"""The lines that a training learns from: written anew for every step, the same ones for the same seed and step."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tenfold.learn.lines import texts
from tenfold.learn.lines.alphabet import BLANK, encode
from tenfold.learn.lines.glyphs import Glyphs, glyphs
from tenfold.learn.lines.own import Own
from tenfold.learn.lines.own import read as own_lines
from tenfold.learn.lines.paper import Paper
from tenfold.learn.lines.writing import HEIGHT, write
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits
from tenfold.progress import track

EPOCH = 50_000  # lines
LONGEST = 9  # digits, about
GROWTH = 6_000  # lines, until they may be a digit longer
GROUP = 16  # batches that are written together
VALIDATION = 32  # batches of 64 lines
_SHARES = (0.07, 0.1, 0.13, 0.16, 0.18, 0.15, 0.09, 0.07, 0.05)  # of lines with 1, 2, ... digits

_OWN = 0.15  # of the lines are a user's own, where there are any
FLAT = 0.02  # the least deviation, so that empty paper is not made a picture of noise

Batch = tuple[Tensor, Tensor]  # images float (B, 1, HEIGHT, W), normalised; labels int64 (B, S), see `ctc`


def normalised(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A line uint8 (H, W), ink bright, with its mean taken off and divided by its deviation: float32 (H, W)."""
    values: NDArray[np.float32] = ink.astype(np.float32) / np.float32(255)
    out: NDArray[np.float32] = (values - values.mean()) / np.float32(max(float(values.std()), FLAT))
    return out


class Batches(Dataset[Batch]):
    """Batches by their number; GROUP of them are written together and shared out by width.

    With `growth` the first lines have a digit or two, and after every so many lines they may have one more: from long
    lines alone CTC learns nothing at first, for thousands of steps.
    """

    def __init__(self, shapes: Glyphs, size: int, *seed: int, growth: int = 0, own: Own | None = None) -> None:
        self._shapes, self._size, self._seed, self._growth, self._own = shapes, size, seed, growth, own
        self._group: int | None = None
        self._batches: list[Batch] = []

    def __getitem__(self, number: int) -> Batch:
        """Lines of about the same width, as the network sees them."""
        group, place = divmod(number, GROUP)
        if group != self._group:
            longest = 2 + group * GROUP * self._size // self._growth if self._growth else LONGEST
            generator = np.random.default_rng([*self._seed, group])
            self._group, self._batches = group, self._written(min(longest, LONGEST), generator)
        return self._batches[place]

    def _written(self, longest: int, generator: np.random.Generator) -> list[Batch]:
        """A group of batches in random order."""
        pictures: list[NDArray[np.uint8]] = []
        classes: list[list[int]] = []
        shares = np.array(_SHARES[:longest])
        for _ in range(GROUP):
            about = 1 + int(generator.choice(longest, p=shares / shares.sum()))
            lengths = np.clip(about + generator.integers(-1, 2, self._size), 1, longest)
            lines = [texts.line(int(length), generator) for length in lengths]
            written = write(lines, self._shapes, generator)
            pictures += Paper(written, generator).photograph()
            classes += [encode(texts.read(line.seen(seen))) for line, seen in zip(lines, written.seen, strict=True)]
        if self._own:  # in place of some that were written
            for k in np.flatnonzero(generator.random(len(pictures)) < _OWN):
                one = int(generator.integers(len(self._own)))
                pictures[k], classes[k] = self._own.pictures[one], self._own.classes[one]
        order = np.argsort([picture.shape[1] for picture in pictures], kind="stable").reshape(GROUP, self._size)
        return [
            _batch([pictures[k] for k in some], [classes[k] for k in some]) for some in generator.permutation(order)
        ]


def _batch(pictures: list[NDArray[np.uint8]], classes: list[list[int]]) -> Batch:
    labels = np.full((len(classes), max(map(len, classes))), BLANK)
    widest = -(-max(picture.shape[1] for picture in pictures) // 32) * 32
    images = np.zeros((len(pictures), 1, HEIGHT, widest), np.float32)
    for row, (picture, signs) in enumerate(zip(pictures, classes, strict=True)):
        images[row, 0, :, : picture.shape[1]] = normalised(255 - picture)
        labels[row, : len(signs)] = signs
    return torch.from_numpy(images), torch.from_numpy(labels)


@dataclass
class Lines:
    """Lines to learn from, written beside the training by a process of its own, and those to validate on."""

    batches: Batches
    validation: list[Batch]
    source: sources.Source
    steps: int  # batches an epoch
    own: list[Batch] = field(default_factory=list)  # a user's own lines that are not learnt from
    _next: int = -1
    _ahead: Iterator[Batch] | None = None

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of a step; the ones after it are being written already."""
        number = epoch * self.steps + step
        if self._ahead is None or number != self._next:
            rest = range(number, 2**62)
            beside = not multiprocessing.current_process().daemon  # which may have no processes of its own
            how: dict[str, Any] = {"num_workers": 1, "prefetch_factor": GROUP} if beside else {}
            how["generator"] = torch.Generator()  # else it would draw a number from the one that dropout draws from
            self._ahead = iter(DataLoader(self.batches, batch_size=None, sampler=rest, **how))
        self._next = number + 1
        return next(self._ahead)


def load(recipe: Recipe) -> Lines:
    """Lines of MNIST's training digits, and for validation of its validation digits; a user's own lines along.

    Raises DataError or FormatError for own lines that cannot be read.
    """
    own, held = own_lines(recipe.data).split() if recipe.data else (None, None)
    source = sources.load(track=track)
    training, _ = source.split(recipe.val_size, final=recipe.final)
    shapes = glyphs(training, np.random.default_rng([recipe.seed, 3]), track=track)
    growth = 0 if recipe.init else GROWTH
    batches = Batches(shapes, recipe.batch_size, recipe.seed, 6, growth=growth, own=own)
    validation = held_out(recipe, source)
    return Lines(batches, validation, source, EPOCH // recipe.batch_size, batched(held) if held else [])


def held_out(recipe: Recipe, source: sources.Source | None = None) -> list[Batch]:
    """Lines of the digits that a recipe holds out for validation; none where it learns from all of them."""
    source = sources.load(track=track) if source is None else source
    _, validation = source.split(recipe.val_size, final=recipe.final)
    if validation is None:
        return []
    return written(validation, recipe.seed, 4)


def written(digits: Digits, *seed: int) -> list[Batch]:
    """So many batches of lines of these digits as are validated on, the same for the same seed."""
    batches = Batches(glyphs(digits, np.random.default_rng(seed), 0.1, track), 64, 0, seed[-1] + 1)
    return [batches[number] for number in track(range(VALIDATION), "writing lines to score on")]


def batched(own: Own, size: int = 64) -> list[Batch]:
    """All of a user's own lines in their order."""
    parts = [own.some(range(k, min(k + size, len(own)))) for k in range(0, len(own), size)]
    return [_batch(part.pictures, part.classes) for part in parts]
