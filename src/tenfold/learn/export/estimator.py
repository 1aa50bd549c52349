"""A recipe as a scikit-learn estimator: fit, predict, predict_proba, score, in pipelines and searches."""

import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from tenfold.errors import missing_extra
from tenfold.learn import networks
from tenfold.learn.digits import pens
from tenfold.learn.digits.dataset import Dataset
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import devices, presets, tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import models, optimizers, randomness
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.display import Display
from tenfold.learn.training.loop import learn
from tenfold.learn.training.objectives import Classification
from tenfold.learn.training.ranks import SingleProcess
from tenfold.learn.training.start import train
from tenfold.learn.training.watchers import Watchers
from tenfold.mnist import SIDE
from tenfold.mnist.digits import Digits
from tenfold.mnist.sources import Source

try:
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
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
_LIKE_IMAGES = 64  # columns: with fewer X is hardly images, and its scale tells nothing
_LIGHT = 0.75  # of the range of X: what is light
_OFF = 50  # times as dark or as bright: images of another scale, 255 in place of 1
_COMMON = 0.5  # of the range of X: what the middle one of its columns has where they are pixels of images


class DigitClassifier(ClassifierMixin, BaseEstimator):
    """Learns images of digits, or whatever else classes are called, by a recipe of tenfold's.

    A row of X is an image of 28 x 28, laid out as scikit-learn has it in 784 columns; X may also be (N, 28, 28), with
    one channel first or last. Rows of another length are the smallest square that holds them, scaled to 28 x 28: the 64
    columns of `load_digits`, say. Values may have any range: the least of X in `fit` is the ground and the greatest is
    ink, or of each column where a StandardScaler or the like has given each a scale of its own.

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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn names it so
        """Learn images (N, columns), (N, H, W), (N, H, W, 1) or (N, 1, H, W) and their labels (N,).

        With `sample_weight` (N,) an image comes as often as its weight says, in proportion: so many are drawn of each,
        by `random_state`, before the training, to a fraction of one more or less.

        Raises ValueError for what cannot be learnt, in scikit-learn's words where it has some, and tenfold's
        UsageError, which is one too, for a recipe that cannot be.
        """
        X, y = validate_data(self, _flat(X), y)  # noqa: N806
        check_classification_targets(y)
        self.classes_: NDArray[Any]
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else _weights(sample_weight, X)
        self._begin(X)
        recipe = self._recipe(len(X)).changed(seed=self._seed, final=True)
        steps = recipe.epochs * (len(X) // recipe.batch_size)  # if each image came once an epoch
        times = 1 if self.epochs else math.ceil(_STEPS / steps)
        index = self._drawn(len(X), weights, times)
        _check_count(len(np.unique(codes[index])))
        with tempfile.TemporaryDirectory() as folder:
            digits = Digits(self._images(X)[index], codes.astype(np.int64)[index])
            source = Source("X", digits, classes=self._names)
            run = train(recipe, source=source, out=Path(folder) / "run", quiet=not self.verbose)
            self.model_: models.Model = models.load(run.model_file)
        self.n_iter_: int = recipe.epochs * times
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn one pass over more images, from the weights learnt so far, by `fit` or by earlier calls.

        The first call begins with fresh weights and needs `classes`, all labels that will ever come. It decides which
        values are ground and ink, so its X should not be small. The learning rate stays what the recipe has at most.

        Raises ValueError for labels that are not among the classes, and as `fit` does.
        """
        first = not hasattr(self, "model_")
        X, y = validate_data(self, _flat(X), y, reset=first)  # noqa: N806
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = np.unique(classes)
            _check_count(len(self.classes_))
            self._begin(X)
            self.n_iter_ = 0
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(f"classes must be those of the first call, {self.classes_}, not {np.unique(classes)}")
        if not np.isin(y, self.classes_).all():
            raise ValueError(
                f"y has labels that are not among the classes, {self.classes_}: name all in the first call"
            )
        index = self._drawn(len(X), None if sample_weight is None else _weights(sample_weight, X), passes=self.n_iter_)
        codes = np.searchsorted(self.classes_, y).astype(np.int64)
        self._learn_once(Digits(self._images(X)[index], codes[index]))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities (N, classes) for images as in `fit`, in the order of `classes_`."""
        found: NDArray[np.float64] = F.softmax(self._logits(X), dim=1).numpy()
        return found

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Logits (N, classes); for two classes how much the second's is above the first's: (N,)."""
        logits: NDArray[np.float64] = self._logits(X).numpy()
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest label of each image: (N,)."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[likeliest]
        return found

    def _logits(self, X: Any) -> torch.Tensor:  # noqa: N803
        check_is_fitted(self)
        X = validate_data(self, _flat(X), reset=False)  # noqa: N806
        if np.ndim(self._range[1]) == 0 and X.shape[1] >= _LIKE_IMAGES:
            low, high, most = float(self._range[0]), float(self._range[1]), float(X.max())
            if most > low and not (high - low) / _OFF < most - low < (high - low) * _OFF:
                said = f"X goes up to {most:g}, and that of fit went up to {high:g}: scale both alike"
                warnings.warn(said, stacklevel=3)
        return (infer(self.model_.network, torch.from_numpy(self._images(X))) / self.model_.temperature).double()

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(map(str, range(len(self.classes_))))

    def _begin(self, X: NDArray[Any]) -> None:  # noqa: N803
        """Decide on a seed, and on what is ground and what is ink in X."""
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._moments: dict[str, Any] | None = None  # of the optimizer, between calls of `partial_fit`
        low, high = X.min(axis=0), X.max(axis=0)
        spans = (high - low)[high > low]
        # Pixels have all one scale: they are whole numbers, or most columns have all of it. Others were scaled each by
        # itself.
        common = not len(spans) or np.median(spans) >= _COMMON * (high.max() - low.min()) or (np.floor(X) == X).all()
        self._range = (low.min(), high.max()) if common else (low, high)
        dark, light = float(low.min()), float(high.max())
        if common and X.shape[1] >= _LIKE_IMAGES and np.median(X) > dark + _LIGHT * (light - dark):
            said = "dark ink on a light ground is learnt worse than X.max() - X, here and in predict"
            warnings.warn(f"most of X is light: {said}", stacklevel=3)

    def _drawn(
        self, count: int, weights: NDArray[np.float64] | None, times: int = 1, passes: int = 0
    ) -> NDArray[np.int64]:
        """Which images are learnt from, each so many times, or as often as its weight says: (times * count,)."""
        if weights is None or (weights == weights[0]).all():
            return np.tile(np.arange(count), times)
        start = np.random.default_rng([self._seed, passes]).random()
        ends = np.cumsum(weights)
        ends = np.floor(ends / ends[-1] * times * count + start).astype(np.int64)
        return np.repeat(np.arange(count), np.diff(ends, prepend=0))

    def _learn_once(self, digits: Digits) -> None:
        """One pass over digits by the training's own loop. It takes full batches alone, so a few digits come twice."""
        fresh = not hasattr(self, "model_")
        once: dict[str, Any] = {"schedule": "constant", "warmup": 0.0, "unaugmented_epochs": 0, "patience": 0}
        once |= {"recalibrate_batchnorm": False, "outliers": 0, "final": True, "epochs": self.n_iter_ + 1}
        recipe = self._recipe(len(digits))
        steps = math.ceil(len(digits) / recipe.batch_size)
        size = math.ceil(len(digits) / steps)
        digits = digits.take(np.resize(np.arange(len(digits)), steps * size))
        recipe = recipe.changed(seed=self._seed, batch_size=size, **once)
        if fresh and recipe.init is not None:
            raise ValueError("partial_fit begins with fresh weights: call fit first, which begins with those of init")
        networks.check(recipe)
        device = devices.choose(recipe.device)
        source = Source("X", digits, classes=self._names)
        task = tasks.parse(recipe.task, source.classes)
        images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
        distances = pens.distances(images).to(device) if recipe.pictures else None
        data = Dataset(images.to(device), labels.to(device), None, None, task, source, distances)
        with randomness.isolated(device), Watchers(Display(recipe, quiet=not self.verbose)) as watcher:
            torch.manual_seed(self._seed)
            network = (networks.build(recipe, len(task.classes)) if fresh else self.model_.network).to(device)
            optimizer = optimizers.build(recipe, network, device)
            if self._moments is not None:
                optimizer.load_state_dict(self._moments)
            state = State(network, optimizer, list(task.classes), "", recipe.as_dict(), epoch=self.n_iter_)
            learn(recipe, state, Classification(recipe, data, device), SingleProcess(), watcher, lambda: None)
        self._moments = optimizer.state_dict()
        for moments in self._moments["state"].values():  # wherever it is unpickled, as the network
            moments |= {name: value.cpu() for name, value in moments.items() if isinstance(value, torch.Tensor)}
        network.cpu().eval()
        self.model_ = models.Model(network, recipe, task, source.classes)
        self.n_iter_ += 1

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
        ink = ((X - low) / np.where(high > low, high - low, 1.0)).clip(0, 1).astype(np.float32)
        ink = np.pad(ink, ((0, 0), (0, side * side - X.shape[1]))).reshape(-1, 1, side, side)
        if side != SIDE:
            fine = F.interpolate(torch.from_numpy(ink), (SIDE, SIDE), mode="bilinear", antialias=side > SIDE)
            ink = fine.numpy()
        images: NDArray[np.uint8] = np.round(ink[:, 0] * 255).astype(np.uint8)
        return images


def _flat(X: Any) -> Any:  # noqa: N803
    """Images as rows (N, H * W); anything that has not 3 or 4 dimensions as it is, for scikit-learn to look at."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) not in (3, 4):
        return X
    if len(shape) == 4 and 1 not in (shape[1], shape[3]):
        raise ValueError(
            f"X has the shape {tuple(shape)}: (N, columns), (N, H, W), (N, H, W, 1) or (N, 1, H, W) is wanted"
        )
    return X.reshape(len(X), math.prod(shape[1:]))


def _weights(sample_weight: Any, X: NDArray[Any]) -> NDArray[np.float64]:  # noqa: N803
    """Weights (N,). Raises ValueError for what are none."""
    weights: NDArray[np.float64] = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def _check_count(classes: int) -> None:
    if not 2 <= classes <= _MOST:
        raise ValueError(f"y has {classes} class{'es' * (classes > 1)}: there must be 2 to {_MOST}")
