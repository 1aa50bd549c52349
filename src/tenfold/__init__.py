"""tenfold reads handwritten digits from any picture, and learns them with PyTorch in seconds.

    tenfold.Reader().read(path)        the digits in a picture, and how sure they are; without PyTorch
    tenfold.read_many("scans/")        those in thousands of pictures, into a file, on all cores or a cluster
    run = tenfold.train("fast")        a run folder
    tenfold.evaluate(run)              scores on the test set, figures, a report
    tenfold.corrupted(run)             errors under corruptions, shifts, rotations and scales
    tenfold.ensemble([run, other])     one model that averages the probabilities of several
    tenfold.export(run, "a.onnx")      a run, or a network trained elsewhere, as one file that reads pictures
    tenfold.predict(run)               answers for test digits
    tenfold.explain(run)               what a network sees: why it answers so, and what would change it
    tenfold.study("fast", seeds=30)    mean, deviation and interval over seeds; two recipes compared
    tenfold.tune("mlp", trials=50)     a search for better fields of a recipe
    tenfold.DigitClassifier("fast")    a recipe as a scikit-learn estimator
    tenfold.networks.build("cnn")      a network, untrained: an nn.Module
    tenfold.MNIST(train=True)          torchvision's dataset class, without a download

Names are loaded when they are first used: importing tenfold imports neither torch nor numpy.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tenfold.errors import TenfoldError, missing_extra

if TYPE_CHECKING:
    from tenfold import datasets, lesson, transforms
    from tenfold.learn import networks
    from tenfold.learn.explain.explain import explain
    from tenfold.learn.explain.explanation import Inside
    from tenfold.learn.export.estimator import DigitClassifier
    from tenfold.learn.export.onnx import export
    from tenfold.learn.recipes.presets import RECIPES
    from tenfold.learn.recipes.recipe import Recipe
    from tenfold.learn.scoring.ensembles import ensemble
    from tenfold.learn.scoring.evaluation import evaluate
    from tenfold.learn.scoring.metrics import Evaluation
    from tenfold.learn.scoring.prediction import Prediction, predict
    from tenfold.learn.scoring.robustness import Robustness, corrupted
    from tenfold.learn.search.study import Study, study
    from tenfold.learn.search.tuning import Tuning, tune
    from tenfold.learn.train import train
    from tenfold.learn.training.models import Model
    from tenfold.learn.training.runs import Run
    from tenfold.mnist.dataset import MNIST
    from tenfold.read.many.bulk import Many, read_many
    from tenfold.read.reader import Reader
    from tenfold.read.reading import Digit, Reading

__version__ = "0.1.0"

_HOME = {
    "Digit": "tenfold.read.reading",
    "DigitClassifier": "tenfold.learn.export.estimator",
    "Inside": "tenfold.learn.explain.explanation",
    "MNIST": "tenfold.mnist.dataset",
    "Evaluation": "tenfold.learn.scoring.metrics",
    "Many": "tenfold.read.many.bulk",
    "Model": "tenfold.learn.training.models",
    "Prediction": "tenfold.learn.scoring.prediction",
    "RECIPES": "tenfold.learn.recipes.presets",
    "Reader": "tenfold.read.reader",
    "Reading": "tenfold.read.reading",
    "Recipe": "tenfold.learn.recipes.recipe",
    "Run": "tenfold.learn.training.runs",
    "Robustness": "tenfold.learn.scoring.robustness",
    "Study": "tenfold.learn.search.study",
    "Tuning": "tenfold.learn.search.tuning",
    "corrupted": "tenfold.learn.scoring.robustness",
    "ensemble": "tenfold.learn.scoring.ensembles",
    "evaluate": "tenfold.learn.scoring.evaluation",
    "explain": "tenfold.learn.explain.explain",
    "export": "tenfold.learn.export.onnx",
    "predict": "tenfold.learn.scoring.prediction",
    "read_many": "tenfold.read.many.bulk",
    "study": "tenfold.learn.search.study",
    "train": "tenfold.learn.train",
    "tune": "tenfold.learn.search.tuning",
}
_MODULES = {
    "datasets": "tenfold.datasets",
    "lesson": "tenfold.lesson",
    "networks": "tenfold.learn.networks",
    "transforms": "tenfold.transforms",
}

__all__ = [
    "MNIST",
    "RECIPES",
    "Digit",
    "DigitClassifier",
    "Evaluation",
    "Inside",
    "Many",
    "Model",
    "Prediction",
    "Reader",
    "Reading",
    "Recipe",
    "Robustness",
    "Run",
    "Study",
    "TenfoldError",
    "Tuning",
    "corrupted",
    "datasets",
    "ensemble",
    "evaluate",
    "explain",
    "export",
    "lesson",
    "networks",
    "predict",
    "read_many",
    "study",
    "train",
    "transforms",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME and name not in _MODULES:
        raise AttributeError(f"module 'tenfold' has no attribute {name!r}")
    try:
        module = importlib.import_module(_MODULES.get(name) or _HOME[name])
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "tenfold":
            raise
        raise missing_extra(str(error.name), "train") from error
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
