"""A trained network on disk: weights that describe themselves, and the formats that others read."""

import json
import pickle
import platform
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from tenfold import files
from tenfold.errors import RunError, TenfoldError, UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import Task


@dataclass(frozen=True)
class Model:
    """A network in evaluation mode with what it answers: `task.classes[k]` is the name of logit k."""

    network: nn.Sequential
    recipe: Recipe
    task: Task
    data_classes: tuple[str, ...]  # of the data it learnt from, before the task grouped them
    metrics: dict[str, float | None] = field(default_factory=dict)  # of its last epoch
    data: dict[str, str] = field(default_factory=dict)  # the data's name and SHA-256
    temperature: float = 1.0  # logits are divided by it before the softmax; 1 is none
    members: tuple[Recipe, ...] = ()  # of an ensemble, the recipe of each


def of_module(module: nn.Module, normalise: tuple[float, float] | None = None) -> Model:
    """A network that was trained elsewhere, from images float (N, 1, 28, 28) to logits (N, classes), as a model.

    Its images are grey values in [0, 1], ink bright, less the mean and divided by the deviation that `normalise` says,
    by default MNIST's. Of ten logits each is a digit's.

    Raises UsageError for what is no such network.
    """
    if normalise is not None and not (len(normalise) == 2 and normalise[1] > 0):
        raise UsageError(f"normalise must be a mean and a deviation above 0, not {normalise}")
    network = nn.Sequential(module if normalise is None else networks.Rescaled(module, *normalise))
    first = next(module.parameters(), None)
    if first is None:
        raise UsageError(f"{type(module).__name__} has no weights: a trained network is wanted")
    training = module.training
    try:
        with torch.no_grad():
            logits = network.eval()(torch.zeros(2, 1, 28, 28, device=first.device))
    except Exception as error:
        raise UsageError(f"{type(module).__name__} fails for images (2, 1, 28, 28): {error}") from error
    finally:
        network.train(training)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != 2 or logits.shape[1] < 2:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UsageError(f"{type(module).__name__} makes {shape} of 2 images, and logits (2, classes) are wanted")
    classes = tuple(map(str, range(logits.shape[1])))
    task = Task("digits", tuple((k,) for k in range(len(classes))), classes)
    return Model(network, Recipe(name=type(module).__name__), task, classes)


def save(model: Model, path: str | Path) -> None:
    """Write the weights as safetensors, with everything that is needed to use them as metadata. Raises StorageError."""
    metadata = {
        "format": "tenfold 1",
        "recipe": model.recipe.as_dict(),
        "classes": model.task.classes,
        "task": {"name": model.task.name, "groups": model.task.groups},
        "data_classes": model.data_classes,
        "normalisation": {"mean": networks.MEAN, "std": networks.STD, "of": "grey values in [0, 1], ink bright"},
        "temperature": model.temperature,
        "metrics": model.metrics,
        "data": model.data,
        **({"members": [member.as_dict() for member in model.members]} if model.members else {}),
        "versions": {"tenfold": version("tenfold"), "torch": torch.__version__, "python": platform.python_version()},
    }
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    files.content(path, to_safetensors(weights, texts))


def load(path: str | Path, device: torch.device | None = None) -> Model:
    """The model in a safetensors file that `save` wrote, on the given device (by default the CPU).

    Raises RunError when it is missing, damaged, or not one of tenfold's.
    """
    weights, texts = _read_safetensors(Path(path))
    if "recipe" not in texts or "classes" not in texts:
        raise RunError(
            f"{path} has weights but no description of tenfold's: evaluate needs a run or its model.safetensors"
        )
    try:
        described = {name: json.loads(text) for name, text in texts.items() if name != "format"}
        classes = tuple(described["classes"])
        task = Task(described["task"]["name"], tuple(map(tuple, described["task"]["groups"])), classes)
        recipe = Recipe.from_dict(described["recipe"])
        data_classes = tuple(described["data_classes"])
        members = tuple(Recipe.from_dict(member) for member in described.get("members", ()))
        with torch.random.fork_rng(devices=[]):
            network = _built(recipe, members, len(classes))
        network.load_state_dict(weights)
        metrics, data, temperature = described["metrics"], described["data"], float(described["temperature"])
        if not temperature > 0 or max(map(max, task.groups)) > 255:
            raise ValueError("its temperature must be above 0 and its groups of labels below 256")
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError, TenfoldError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path} does not fit this version of tenfold: {reason}") from error
    network.to(device or torch.device("cpu")).eval()
    return Model(network, recipe, task, data_classes, metrics, data, temperature, members)


def _built(recipe: Recipe, members: tuple[Recipe, ...], classes: int) -> nn.Sequential:
    """A network with fresh weights, of a recipe or of the members of an ensemble."""
    if not members:
        return networks.build(recipe, classes)
    each = [networks.stock(networks.build(member, classes)) for member in members]
    return nn.Sequential(networks.Average(each, [1.0] * len(each), rejects=recipe.outliers > 0))


def described(path: str | Path) -> Model | None:
    """The model in a file of weights, if that has tenfold's description beside them; else None.

    Raises RunError when a safetensors file is missing, damaged or of another version.
    """
    path = Path(path)
    return load(path) if path.suffix == ".safetensors" and "recipe" in _read_safetensors(path)[1] else None


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The weights in a safetensors file, or in a state dict saved by torch, on the CPU. Nothing in them is executed.

    Raises RunError when there are none, and for a pickled network, which could execute anything.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)[0]
    loaded = load_torch(path)
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise RunError(f"{path} is not a state dict: weights by name are wanted")
    return loaded


def load_torch(path: Path) -> Any:
    """What torch saved in a file, on the CPU, if it is plain data; raises RunError for anything else."""
    try:
        with warnings.catch_warnings(action="ignore"):  # torch warns of foreign pickles before it refuses them
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise RunError(f"there is no file {path}") from error
    except Exception as error:  # damaged pickles raise nearly anything
        if isinstance(error, pickle.UnpicklingError) and "global" in str(error).lower():
            raise RunError(
                f"{path} is a pickled object, which could run any program when loaded: only weights are loaded; "
                "save its state_dict() or a safetensors file instead"
            ) from error
        raise RunError(f"cannot read {path}: it is damaged, or not a file of torch's") from error


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.is_file():
        raise RunError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RunError(f"cannot read {path}: it is damaged, or not a safetensors file ({error})") from error
