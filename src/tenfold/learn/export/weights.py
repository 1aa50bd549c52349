"""The weights of a trained network in the formats that other programs read."""

import io
from pathlib import Path

import torch
from torch import nn

from tenfold import files
from tenfold.errors import UsageError, nearest
from tenfold.learn import networks
from tenfold.learn.recipes import own
from tenfold.learn.recipes.tasks import LINES
from tenfold.learn.training.models import Model, save

FORMATS = {"state": "mnist_model_state.pth", "full": "mnist_model_full.pth", "safetensors": "mnist_model.safetensors"}


def export(model: Model, form: str, path: str | Path | None = None) -> Path:
    """Write the model for other tools and return the path, by default the customary name in this folder.

    "state": the weights alone (`network.load_state_dict(torch.load(path))`). "full": the whole network
    (`torch.load(path, weights_only=False)`; PyTorch's own layers only, so tenfold need not be installed).
    "safetensors": the weights with tenfold's description, which tenfold itself loads.

    Raises UsageError for an unknown format, StorageError when the file cannot be written.
    """
    if form not in FORMATS:
        raise UsageError(nearest("format", form, FORMATS))
    path = Path(path or FORMATS[form])
    if form == "safetensors":
        save(model, path)
        return path
    if form == "full" and (model.members or model.task == LINES):
        what = "an ensemble" if model.members else "what reads lines"
        raise UsageError(f"{what} is no network of PyTorch's own layers: save it as state or safetensors, or export it")
    mine = own.is_own(model.recipe.network) and not model.members
    if form == "full" and mine and model.recipe.network.partition(":")[0].endswith(".py"):
        raise UsageError(
            f"a whole network is its weights and the name of its class, and {model.recipe.network} is in no "
            "module that can be imported: save it as state"
        )
    network: nn.Module = networks.stock(model.network).to("cpu").eval()
    if mine and isinstance(network, nn.Sequential) and len(network) == 1:
        network = network[0]  # as it was given
    packed = io.BytesIO()
    torch.save(network if form == "full" else network.state_dict(), packed)
    files.content(path, packed.getvalue())
    return path
