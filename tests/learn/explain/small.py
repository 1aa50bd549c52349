"""Small networks, what they answer, and films."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.learn import networks
from tenfold.learn.explain.animation import Film
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes.recipe import Recipe

SMALL: dict[str, Any] = {"batch_size": 50, "quiet": True, "device": "cpu"}
THIN: dict[str, Any] = {"channels": (4, 8), "hidden": (16,)}


def tiny(name: str, classes: int = 10, **changes: Any) -> nn.Sequential:
    torch.manual_seed(0)
    return networks.build(Recipe(network=name, **{**THIN, **changes}), classes).eval()


def last(network: nn.Sequential) -> nn.Linear:
    """The output layer, with weights and bias of nothing."""
    layer = network[-1]
    assert isinstance(layer, nn.Linear)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def answer(network: nn.Sequential, image: NDArray[np.uint8]) -> Tensor:
    return infer(network, torch.from_numpy(image[None]))[0]


def film_of(run: str | Path) -> Film:
    """The film in a run's training.npz."""
    with np.load(Path(run) / "training.npz", allow_pickle=False) as archive:
        values = {name: archive[name] for name in archive.files}
    return Film(**{**values, "share": float(values["share"]), "part": str(values["part"])})
