"""A recipe as a scikit-learn estimator: fit, predict, predict_proba, score, in pipelines and searches."""

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from tenfold.errors import missing_extra
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import models
from tenfold.learn.training.start import train
from tenfold.mnist import SIDE
from tenfold.mnist.digits import Digits
from tenfold.mnist.sources import Source

try:
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as _missing:
    raise missing_extra("scikit-learn", "sklearn") from _missing

if TYPE_CHECKING:  # scikit-learn has no types

    class ClassifierMixin:
        """What a classifier of scikit-learn's has: its score."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
            """The accuracy on X and y."""
            raise NotImplementedError

    class BaseEstimator:
        """What an estimator of scikit-learn's has: its parameters."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The parameters by name."""
            raise NotImplementedError

        def set_params(self, **params: Any) -> Self:
            """The estimator with other parameters."""
            raise NotImplementedError

else:
    from sklearn.base import BaseEstimator, ClassifierMixin

_STEPS = 300  # that a training has at least, unless `epochs` says how many it has
_MOST = 256  # classes


class DigitClassifier(ClassifierMixin, BaseEstimator):
    """Learns images of digits, or whatever else classes are called, by a recipe of tenfold's.

    A row of X is an image of 28 x 28, laid out as scikit-learn has it in 784 columns; X may also be (N, 28, 28). Rows
    of another length are the smallest square that holds them, scaled to 28 x 28: the 64 columns of `load_digits`, say.
    Values may have any range: the least of X in `fit` is the ground and the greatest is ink.

    Args:
        recipe: A recipe, its name or file.
        epochs: Passes over X; None is what the recipe says, or a multiple where X is small, for 300 steps.
        batch_size, lr, hidden, dropout, augment: Fields of the recipe to change; None leaves them.
        device: Where to learn: auto, cpu, cuda or mps.
        random_state: Of the weights, the shuffling and the augmentation. An int gives the same bits each time.
        verbose: 1 prints a line for each epoch.

    Attributes:
        classes_: The labels, sorted: (classes,).
        model_: The `tenfold.Model`, on the CPU; `model_.network` is a torch module.
        n_features_in_: Columns of X.
        n_iter_: Passes over X.
    """

    def __init__(  # noqa: PLR0913 - a public signature
        self,
        recipe: str | Path | Recipe = presets.DEFAULT,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        hidden: tuple[int, ...] | None = None,
        dropout: float | None = None,
        augment: str | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.hidden = hidden
        self.dropout = dropout
        self.augment = augment
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn names it so
        """Learn images (N, columns) or (N, H, W) and their labels (N,).

        Raises ValueError for what cannot be learnt, in scikit-learn's words where it has some, and tenfold's
        UsageError, which is one too, for a recipe that cannot be.
        """
        X, y = validate_data(self, _flat(X), y)  # noqa: N806
        check_classification_targets(y)
        self.classes_: NDArray[Any]
        self.classes_, codes = np.unique(y, return_inverse=True)
        if not 2 <= len(self.classes_) <= _MOST:
            raise ValueError(
                f"y has {len(self.classes_)} class{'es' * (len(self.classes_) > 1)}: there must be 2 to {_MOST}"
            )
        self._range = float(X.min()), float(X.max())
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        recipe = self._recipe(len(X)).changed(seed=seed, final=True)
        steps = recipe.epochs * (len(X) // recipe.batch_size)  # if each image came once an epoch
        times = 1 if self.epochs else math.ceil(_STEPS / steps)
        with tempfile.TemporaryDirectory() as folder:
            digits = Digits(np.tile(self._images(X), (times, 1, 1)), np.tile(codes.astype(np.int64), times))
            source = Source("X", digits, classes=tuple(map(str, range(len(self.classes_)))))
            run = train(recipe, source=source, out=Path(folder) / "run", quiet=not self.verbose)
            self.model_: models.Model = models.load(run.model_file)
        self.n_iter_: int = recipe.epochs * times
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities (N, classes) for images (N, columns) or (N, H, W), in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, _flat(X), reset=False)  # noqa: N806
        logits = infer(self.model_.network, torch.from_numpy(self._images(X))) / self.model_.temperature
        found: NDArray[np.float64] = F.softmax(logits.double(), dim=1).numpy()
        return found

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest label of each image: (N,)."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[likeliest]
        return found

    def _recipe(self, count: int) -> Recipe:
        """The recipe for so many images."""
        fields = ("epochs", "batch_size", "lr", "hidden", "dropout", "augment", "device")
        changes = {name: getattr(self, name) for name in fields if getattr(self, name) is not None}
        recipe = presets.resolve(self.recipe, **changes)
        # X and y say what is learnt.
        batch_size = min(recipe.batch_size, count)
        return recipe.changed(data=None, mix=0, styles=0, task="digits", batch_size=batch_size)

    def _images(self, X: NDArray[Any]) -> NDArray[np.uint8]:  # noqa: N803
        """Images uint8 (N, 28, 28) from rows (N, columns)."""
        low, high = self._range
        side = math.isqrt(X.shape[1] - 1) + 1
        ink = ((X - low) / ((high - low) or 1.0)).clip(0, 1).astype(np.float32)
        ink = np.pad(ink, ((0, 0), (0, side * side - X.shape[1]))).reshape(-1, 1, side, side)
        if side != SIDE:
            fine = F.interpolate(torch.from_numpy(ink), (SIDE, SIDE), mode="bilinear", antialias=side > SIDE)
            ink = fine.numpy()
        images: NDArray[np.uint8] = np.round(ink[:, 0] * 255).astype(np.uint8)
        return images


def _flat(X: Any) -> Any:  # noqa: N803
    """Images (N, H, W) as rows (N, H * W); anything else as it is, for scikit-learn to look at."""
    return X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim == 3 else X
