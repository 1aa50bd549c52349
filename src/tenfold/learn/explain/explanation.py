"""What `explain` returns: `Inside`, with a `Map` of the test digits, and an `Explanation` and a `Change` of some."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Change:
    """A picture uint8 (28, 28) that is answered otherwise, and how far it is from the one it was made of."""

    image: NDArray[np.uint8]
    answer: str
    probabilities: dict[str, float]  # that of the answer is more than a half
    ink: float  # sum of what was added and taken away; 1 is a pixel from blank to full ink


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a digit is answered as it is.

    The three attributions are float32 (2, 28, 28), of the logits of the answer and of the runner-up: positive where the
    picture, as it is, speaks for the class. Their difference says what speaks for the one rather than the other.
    """

    index: int  # in its data
    image: NDArray[np.uint8]
    label: str
    answer: str
    runner_up: str
    probabilities: dict[str, float]
    logits: dict[str, float]
    blank: dict[str, float]  # the logits of a picture without ink, the baseline of integrated gradients
    gradients: Grey  # integrated, from a blank picture: they add up to the logit less that of a blank picture
    erased: Grey  # what the logit loses, on average, where a patch of 4 x 4 pixels with this pixel is blanked
    inked: Grey  # the same where it is filled with ink, for what is blank speaks too
    wanted: str  # what the change is to be answered as
    change: Change | None  # None: none was found
    figures: dict[str, Path] = field(default_factory=dict)  # saliency and change

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.answer == self.label


@dataclass(frozen=True, eq=False)
class Map:
    """Test digits by what the last layer is given of them, in two dimensions: points float32 (N, 2)."""

    points: Grey
    index: NDArray[np.int64]  # in their data
    labels: NDArray[np.int64]  # numbers of classes
    answers: NDArray[np.int64]
    total: int  # digits and mistakes in the whole test set
    mistakes: int


@dataclass(frozen=True, eq=False)
class Inside:
    """What is inside a network: filters, map, and some digits explained."""

    model: str  # the run or file
    classes: tuple[str, ...]
    filters: Grey  # (C, h, w), of the first layer
    map: Map
    digits: list[Explanation]
    figures: dict[str, Path] = field(default_factory=dict)  # filters, map and overview


def percent(share: float) -> str:
    """A probability in words. It is never nothing, the half or all, whatever it is rounded to."""
    if 0.5 < share < 0.5005:
        return "over 50%"
    return "under 0.1%" if share < 0.001 else "over 99.9%" if share > 0.999 else f"{share:.1%}"


def pixels(ink: float) -> str:
    """An amount of ink in words: a pixel from blank to full is 1."""
    return f"{ink:.1f}" if ink >= 1 else f"{ink:.2g}"
