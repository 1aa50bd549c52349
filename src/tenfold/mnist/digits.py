"""A set of labelled digit images, in memory, and how it is divided."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import UsageError

Track = Callable[[Iterable[Any], str], Iterable[Any]]  # wraps a long iteration, with its description, to show progress


def untracked(iteration: Iterable[Any], description: str) -> Iterable[Any]:  # noqa: ARG001
    """The iteration as it is: progress is not shown."""
    return iteration


@dataclass(frozen=True, eq=False)
class Digits:
    """Images uint8 (N, 28, 28), ink bright on a dark ground, and their labels int64 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64] | slice) -> "Digits":
        """The digits at `index`, in its order; those of a slice as views."""
        return Digits(self.images[index], self.labels[index])


def split_last(digits: Digits, size: float | None) -> tuple[Digits, Digits]:
    """Cut the last `size` digits off (see `count`), as views: (the rest, the last). MNIST's usual validation split."""
    cut = len(digits) - count(size, len(digits))
    return digits.take(slice(cut)), digits.take(slice(cut, None))


def split_stratified(digits: Digits, size: float | None) -> tuple[Digits, Digits]:
    """Cut `size` digits off (see `count`) with every class in proportion: (the rest, the part cut off).

    Always the same digits for the same data, whatever the seed of the training.
    """
    share = count(size, len(digits)) / len(digits)
    order = np.random.default_rng(0).permutation(len(digits))
    order = order[np.argsort(digits.labels[order], kind="stable")]  # class by class, shuffled inside each
    # A digit is taken wherever the running quota passes a whole number, which spreads them evenly over the classes.
    quota = np.floor(np.arange(1, len(digits) + 1) * share + 1e-9)
    taken = np.diff(quota, prepend=0.0) > 0
    return digits.take(np.sort(order[~taken])), digits.take(np.sort(order[taken]))


def count(size: float | None, total: int) -> int:
    """How many of `total` digits a size means: None is a sixth (MNIST's customary 10,000 of 60,000), below 1 a share.

    Raises UsageError when nothing would be left to train on.
    """
    number = round(total / 6) if size is None else round(size * total) if size < 1 else round(size)
    if number >= total:
        raise UsageError(
            f"a validation split of {number:,} leaves nothing of {total:,} digits: give a smaller --val-size"
        )
    return number
