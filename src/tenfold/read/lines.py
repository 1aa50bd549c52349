"""The model file for lines: a row of writing in, the text in it out, as one network reads it without finding digits."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import RunError, UsageError
from tenfold.read import limits
from tenfold.read.classifier import LINES_FORMAT, check_sizes, checked, metadata, open_model, run
from tenfold.read.model_file import Contents

if TYPE_CHECKING:
    import onnxruntime

BUNDLED = Path(__file__).parent.parent / "models" / "lines.onnx"
_TOGETHER = 32  # lines of the same width in a batch
_BLOCK = 32  # pixels: widths are rounded up to a multiple of it
_NARROW = 12  # pixels: the least width
_LONGEST = 200  # times its height: what is longer is no row, and would take much memory


@dataclass(frozen=True)
class Text:
    """What was read in a line."""

    text: str
    probability: float  # of the whole text, summed over all its alignments
    places: tuple[tuple[float, float], ...]  # of each sign: where it begins and ends, in pixels of the picture
    likely: NDArray[np.float64]  # (signs, classes): the probabilities at each sign's clearest step, blank left out
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 1)), repr=False)  # (steps, 1 + classes)


class LineModel:
    """A model file for lines, loaded. Calls from several threads at once are safe."""

    def __init__(
        self, model: str | Path | bytes | None = None, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Load a model file, by default the bundled one, or the bytes of one.

        Raises RunError for a file that cannot be used, DeviceError for a device that is not there.
        """
        model = BUNDLED if model is None else model
        name = "the model" if isinstance(model, bytes) else str(model)
        self.session: onnxruntime.InferenceSession
        self.session, (described, said) = open_model(model, name, device, threads, _described)
        self.classes: tuple[str, ...] = said["classes"]
        self.threshold: float = said["threshold"]
        self._blank, self._height, self._step = (said[key] for key in ("blank", "height", "step"))
        self.metadata: dict[str, Any] = described
        self._prior: NDArray[np.float64] = np.zeros(1 + len(self.classes))  # the logarithm of each class's odds
        self._known: dict[tuple[int, bytes], NDArray[np.float64]] | None = None  # what was read of which lines

    def remembering(self) -> "LineModel":
        """The same model, which reads a line once: for one page, whose rows are looked at in several ways."""
        model = copy.copy(self)
        model._known = {}
        return model

    def expecting(self, odds: Mapping[str, float]) -> "LineModel":
        """The same model, for lines in which some classes are so many times as probable as they are elsewhere."""
        model = copy.copy(self)
        model._prior = np.log([1.0, *(odds.get(name, 1.0) for name in self.classes)])
        return model

    def read(self, lines: Sequence[NDArray[np.uint8]]) -> list[Text]:
        """The texts of lines uint8 (H, W), dark ink on light paper, each a row of writing and little beside it.

        Raises UsageError for an array of another kind, or one that is longer than 200 times its height.
        """
        sized, found = self._scored(lines)
        return [
            self._decoded(scores, line.shape[1] / width)
            for line, width, scores in zip(lines, sized, found, strict=True)
        ]

    def likeliest(self, views: Sequence[NDArray[np.uint8]]) -> tuple[int, Text]:
        """Which of several views of one row reads the text that is likeliest in the mean of all, and that text.

        Its probability is that mean. Raises as `read` does.
        """
        texts = self.read(views)
        means: dict[str, float] = {}
        for text in texts:
            if text.text not in means:
                same = [t.probability if t.text == text.text else self.probability(t, text.text) for t in texts]
                means[text.text] = float(np.mean(same))
        best = max(means, key=means.__getitem__)
        k = max((k for k, text in enumerate(texts) if text.text == best), key=lambda k: texts[k].probability)
        return k, replace(texts[k], probability=means[best])

    def probability(self, line: Text, text: str) -> float:
        """The probability of any text in a line that was read."""
        signs = np.array([self.classes.index(sign) + 1 + self._blank for sign in text], np.int64)
        return float(np.exp(text_score(line.scores, signs, self._blank)))

    def _scored(self, lines: Sequence[NDArray[np.uint8]]) -> tuple[list[int], list[NDArray[np.float64]]]:
        """How wide each line is for the network, and the logarithms of its steps' probabilities."""
        for line in lines:
            if line.ndim != 2 or line.dtype != np.uint8 or not 0 < line.shape[1] <= _LONGEST * line.shape[0]:
                raise UsageError(
                    f"a line must be grey values uint8 (H, W), W at most {_LONGEST} H, not {line.dtype} {line.shape}"
                )
        known = {} if self._known is None else self._known
        keys = [(line.shape[1], line.tobytes()) for line in lines]
        fresh = {key: self._sized(line) for key, line in zip(keys, lines, strict=True) if key not in known}
        alike: dict[int, list[tuple[int, bytes]]] = {}  # by the width to which they are filled up
        for key, ink in fresh.items():
            alike.setdefault(max(2, -(-ink.shape[1] // _BLOCK)) * _BLOCK, []).append(key)
        for width, every in alike.items():
            for some in (every[k : k + _TOGETHER] for k in range(0, len(every), _TOGETHER)):
                limits.check()
                known.update(zip(some, self._scores([fresh[key] for key in some], width), strict=True))
        found = [known[key] + self._prior for key in keys]
        if self._prior.any():
            found = [scores - np.logaddexp.reduce(scores, axis=1, keepdims=True) for scores in found]
        return [self._size(line)[0] for line in lines], found

    def _size(self, line: NDArray[np.uint8]) -> tuple[int, int]:
        """The width and height in which the network sees a line."""
        height, width = line.shape
        return max(_NARROW, round(width * self._height / height)), self._height

    def _sized(self, line: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Ink from 0 to 1, bright, of the model's height."""
        how = Image.Resampling.BILINEAR if len(line) < 2 * self._height else Image.Resampling.BOX
        grey = np.asarray(Image.fromarray(line).resize(self._size(line), how), np.float32)
        return np.float32(1) - grey / np.float32(255)

    def _scores(self, inks: list[NDArray[np.float32]], width: int) -> list[NDArray[np.float64]]:
        """The logarithms of each step's probabilities, (T, classes + 1), of each line, filled up to a width."""
        widths = np.array([ink.shape[1] for ink in inks], np.int64)
        images = np.zeros((len(inks), 1, self._height, width), np.float32)
        for image, ink in zip(images[:, 0], inks, strict=True):
            image[:, : ink.shape[1]] = ink
        scores = run(self.session, "scores", {"image": images, "widths": widths})
        if scores.ndim != 3 or scores.shape[::2] != (len(inks), 1 + len(self.classes)):
            raise RunError(f"the model answers {len(inks)} lines with scores of the shape {scores.shape}")
        ends = -(-widths // self._step)
        return [each[:end].astype(np.float64) for each, end in zip(scores, ends, strict=True)]

    def _decoded(self, scores: NDArray[np.float64], scale: float) -> Text:
        """The likeliest path's text; `scale` are pixels of the picture to one of the line."""
        path = scores.argmax(1)
        begins = np.flatnonzero((path != self._blank) & (np.diff(path, prepend=self._blank) != 0))
        ends = [int(begin + np.argmin(np.append(path[begin:] == path[begin], False))) for begin in begins]
        signs = path[begins]
        text = "".join(self.classes[k - 1 - self._blank] for k in signs)
        size = self._step * scale
        places = tuple((begin * size, end * size) for begin, end in zip(begins.tolist(), ends, strict=True))
        clearest = [
            begin + int(scores[begin:end, sign].argmax()) for begin, end, sign in zip(begins, ends, signs, strict=True)
        ]
        likely = np.exp(np.delete(scores[clearest], self._blank, axis=1))
        likely /= likely.sum(axis=1, keepdims=True)
        return Text(text, float(np.exp(text_score(scores, signs, self._blank))), places, likely, scores)


def _described(contents: Contents) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a model file for lines says, and what of it is needed."""
    described = metadata(contents)
    if not str(described.get("format", "")).startswith(LINES_FORMAT):
        raise RunError("does not read lines: `tenfold train lines` and `tenfold export` make one that does")
    whole = {
        "height": (int, {"ge": 8, "le": 1000}),
        "step": (int, {"ge": 1, "le": 100}),
        "blank": (int, {"ge": 0, "le": 0}),
    }
    said = checked(described, **whole)
    check_sizes(contents.inputs, "image", (0, 1, said["height"], 0))
    check_sizes(contents.inputs, "widths", (0,))
    check_sizes(contents.outputs, "scores", (0, 0, 1 + len(said["classes"])))
    return described, said


def text_score(scores: NDArray[np.float64], signs: NDArray[np.int64], blank: int = 0) -> float:
    """The logarithm of the probability of a text, summed over its alignments, from scores (T, classes + 1).

    The forward recursion of A. Graves and others 2006, section 4.1, each step's likeliest taken off before.
    """
    states = np.full(2 * len(signs) + 1, blank)
    states[1::2] = signs
    onward = np.eye(len(states)) + np.eye(len(states), k=-1)  # from each state to itself and the next
    skips = np.arange(3, len(states), 2)  # from a sign over the blank to another sign
    onward[skips, skips - 2] = signs[1:] != signs[:-1]
    likeliest = scores.max(axis=1)
    now = np.zeros(len(states))
    now[0] = 1.0
    for step in np.exp(scores[:, states] - likeliest[:, None]):
        limits.check()
        now = onward @ now * step
    end = float(now[-2:].sum())
    return float(likeliest.sum()) + math.log(end) if end else -np.inf
