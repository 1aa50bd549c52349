"""A trained network on disk: weights that describe themselves, and the formats that others read."""

import hashlib
import json
import pickle
import platform
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from tenfold import documents, files
from tenfold.errors import RunError, TenfoldError, UsageError, one_line
from tenfold.learn import networks
from tenfold.learn.networks import foreign
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import Task

FORMAT = "tenfold 2"  # of a file that says its SHA-256; version 0.1.0 wrote "tenfold 1", without
_Classes = Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]
_Group = Annotated[tuple[Annotated[int, Meta(ge=0, le=255)], ...], Meta(min_length=1)]


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
    by default MNIST's. Of ten logits each is a digit's. Probabilities, as a softmax makes them, do for logits.

    Raises UsageError for what is no such network.
    """
    if normalise is not None and not (len(normalise) == 2 and normalise[1] > 0):
        raise UsageError(f"normalise must be a mean and a deviation above 0, not {normalise}")
    logits = foreign.check(module)
    scaled = module if normalise is None else networks.Rescaled(module, *normalise)
    network = nn.Sequential(networks.Logarithm(scaled) if foreign.are_probabilities(logits) else scaled)
    classes = tuple(map(str, range(logits.shape[1])))
    task = Task("digits", tuple((k,) for k in range(len(classes))), classes)
    return Model(network, Recipe(name=type(module).__name__), task, classes)


@dataclass(frozen=True)
class _Groups:
    name: str
    groups: tuple[_Group, ...]


@dataclass(frozen=True)
class _Described:
    """What a file says of its weights, as JSON in its metadata."""

    recipe: dict[str, Any]
    classes: _Classes
    task: _Groups
    data_classes: _Classes
    metrics: dict[str, int | float | None]
    data: dict[str, str]
    temperature: Annotated[float, Meta(ge=1e-3, le=1e3)]
    members: Annotated[tuple[dict[str, Any], ...], Meta(max_length=100)] = ()


def save(model: Model, path: str | Path, beside: Mapping[str, str] | None = None) -> None:
    """Write the weights as safetensors, with everything that is needed to use them as metadata, and their SHA-256.

    `beside` are the SHA-256 of other files by their names, see `Run.digests`. Raises StorageError.
    """
    metadata = {
        "format": FORMAT,
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
        "beside": dict(beside or {}),
    }
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    # Each in memory of its own, also where layers share one.
    weights = {name: tensor.cpu().contiguous().clone() for name, tensor in model.network.state_dict().items()}
    files.content(path, to_safetensors(weights, {**texts, "sha256": _digest(weights, texts)}))


def _digest(weights: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    """SHA-256 of weights and of the texts beside them, as JSON has it, whatever their order."""
    digest = hashlib.sha256(json.dumps(sorted((k, v) for k, v in texts.items() if k != "sha256")).encode())
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return json.dumps(digest.hexdigest())


def load(path: str | Path, device: torch.device | None = None) -> Model:
    """The model in a safetensors file that `save` wrote, on the given device (by default the CPU).

    Raises RunError when it is missing, damaged, or not one of tenfold's.
    """
    shapes, texts = _header(Path(path))
    if "recipe" not in texts or "classes" not in texts:
        raise RunError(
            f"{path} has weights but no description of tenfold's: evaluate needs a run or its model.safetensors"
        )
    try:
        known = {name: documents.decoded(texts[name], Any) for name in _Described.__dataclass_fields__ if name in texts}
        said = documents.converted(known, _Described)
        recipe = Recipe.from_dict(said.recipe)
        members = tuple(map(Recipe.from_dict, said.members))
        if len(said.task.groups) != len(said.classes):
            raise UsageError(f"it has {len(said.classes)} classes and {len(said.task.groups)} groups of labels")
        _check_shapes(shapes, recipe, members, len(said.classes))
        weights, _ = _read_safetensors(Path(path))
        with torch.random.fork_rng(devices=[]):
            network = _built(recipe, members, len(said.classes))
        network.load_state_dict(weights)
        if members and not (weights["0.temperatures"] > 0).all():
            raise UsageError("the temperatures of its members must be above 0")
    except RunError:
        raise
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError, TenfoldError) as error:
        reason = str(error).splitlines()[0] if str(error) else one_line(error)
        raise RunError(f"{path} does not fit this version of tenfold: {reason}") from error
    network.to(device or torch.device("cpu")).eval()
    task = Task(said.task.name, said.task.groups, said.classes)
    return Model(network, recipe, task, said.data_classes, said.metrics, said.data, said.temperature, members)


def _check_shapes(
    shapes: dict[str, tuple[int, ...]], recipe: Recipe, members: tuple[Recipe, ...], classes: int
) -> None:
    """Raise UsageError, before any network is made, for weights that are not those of a recipe or of its members."""
    outlines = [networks.outline(one, classes) for one in members or (recipe,)]
    if any(outline is None for outline in outlines):  # of a user's own: `load_state_dict` compares
        return
    whole = [outline for outline in outlines if outline is not None]
    with torch.device("meta"):
        network = _joined(recipe, whole) if members else whole[0]
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in sorted(wanted.keys() | shapes.keys()):
        if wanted.get(name) != shapes.get(name):
            raise UsageError(f"its weights {name} are {shapes.get(name)}, and its recipe's {wanted.get(name)}")


def _built(recipe: Recipe, members: tuple[Recipe, ...], classes: int) -> nn.Sequential:
    """A network with fresh weights, of a recipe or of the members of an ensemble."""
    if not members:
        return networks.build(recipe, classes)
    return _joined(recipe, [networks.build(member, classes) for member in members])


def _joined(recipe: Recipe, members: list[nn.Sequential]) -> nn.Sequential:
    each = list(map(networks.stock, members))
    return nn.Sequential(networks.Average(each, [1.0] * len(each), rejects=recipe.outliers > 0))


def described(path: str | Path) -> Model | None:
    """The model in a file of weights, if that has tenfold's description beside them; else None.

    Raises RunError when a safetensors file is missing, damaged or of another version.
    """
    path = Path(path)
    return load(path) if path.suffix == ".safetensors" and "recipe" in _header(path)[1] else None


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
    check_finite(path, loaded)
    return loaded


def check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Raise RunError for weights with a value that is no number, or infinite."""
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise RunError(f"{path} is damaged: its weights {name} have values that are no numbers, or infinite")


def load_torch(path: Path) -> Any:
    """What torch saved in a file, on the CPU, if it is plain data; raises RunError for anything else."""
    try:
        if zipfile.is_zipfile(path):
            check_packed(path)
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


def check_packed(path: Path) -> None:
    """Raise ValueError for an archive with more in it than its own bytes: torch compresses nothing."""
    with zipfile.ZipFile(path) as archive:
        if sum(record.file_size for record in archive.infolist()) > path.stat().st_size:
            raise ValueError(path)


def _header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The shapes of the weights in a safetensors file, and the texts beside them; no weight is read."""
    if not path.is_file():
        raise RunError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return shapes, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise RunError(f"cannot read {path}: it is damaged, or not a safetensors file ({error})") from error


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    shapes, texts = _header(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            weights = {name: file.get_tensor(name) for name in shapes}
    except Exception as error:  # types of numbers that torch does not know are of no kind of error in particular
        raise RunError(f"cannot read {path}: it is damaged, or not a safetensors file ({error})") from error
    ours = "recipe" in texts or "sha256" in texts
    if ours and texts.get("format") != "tenfold 1" and texts.get("sha256") != _digest(weights, texts):
        raise RunError(f"{path} is damaged: it is not what its SHA-256 says")
    check_finite(path, weights)
    return weights, texts
