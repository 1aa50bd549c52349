"""Another training that begins with the weights of the one before, at one of its moments."""

from pathlib import Path

from safetensors.torch import save
from torch import nn

from tenfold import files
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.recipe import Recipe

INITIAL = "initial.safetensors"  # beside a run


def check(network: nn.Module, recipe: Recipe, classes: int) -> None:
    """Raise UsageError where the network of a recipe cannot begin with the weights of another."""
    outline = networks.outline(recipe, classes)
    assert outline is not None  # no recipe that is offered has a network of a user's own
    shapes, wanted = ({name: t.shape for name, t in one.state_dict().items()} for one in (network, outline))
    if shapes != wanted:
        raise UsageError("these weights are of another network: choose its recipe and width, or press Train")
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise UsageError("these weights are no numbers any more: choose an earlier moment on the timeline")


def begun_with(network: nn.Module, recipe: Recipe, folder: Path) -> Recipe:
    """The recipe that begins with the network's weights, which are written beside the folder of its run."""
    path = folder.with_name(f"{folder.name}-{INITIAL}")
    files.content(path, save({name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}))
    return recipe.changed(init=str(path))
