"""Networks of a user's own: how they are made, and what is found out about them before they learn or answer."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.networks.layers import MEAN, STD
from tenfold.learn.recipes import own
from tenfold.learn.recipes.recipe import Recipe

_CLASSES = (  # what a parameter for their number is called
    *("classes", "num_classes", "n_classes", "nb_classes", "num_labels", "num_outputs", "n_outputs"),
    *("out_features", "output_size", "output_dim", "out_dim"),
)


def build(recipe: Recipe, classes: int) -> nn.Sequential:
    """What the function or class that a recipe names gives for so many classes and, if it asks, the recipe.

    Raises UsageError for what is no network from images (N, 1, 28, 28) to logits (N, classes).
    """
    name, maker = recipe.network, own.load(recipe.network)
    try:
        network = _called(maker, recipe, classes)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{name} fails for {classes} classes: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise UsageError(f"{name} gives {type(network).__name__}, and an nn.Module is wanted")
    (found,) = _answers(network, name, 2)
    if _shape(found) != (2, classes):
        raise UsageError(f"{name} makes {_shape(found)} of 2 images, and logits (2, {classes}) are wanted")
    return network if isinstance(network, nn.Sequential) else nn.Sequential(network)


def _called(maker: Callable[..., Any], recipe: Recipe, classes: int) -> Any:
    """What a function or class gives when it is told the number of classes, if it asks for that."""
    wanted = inspect.signature(maker).parameters
    more: dict[str, Any] = {"recipe": recipe} if "recipe" in wanted else {}
    named = next((name for name in _CLASSES if name in wanted), None)
    if named is not None and wanted[named].kind != inspect.Parameter.POSITIONAL_ONLY:
        return maker(**{named: classes}, **more)
    takes = [p for p in wanted.values() if p.kind <= p.VAR_POSITIONAL and p.name != "recipe"]
    if takes and all(p.default is not p.empty for p in takes):  # a width, say, which the number of classes is not
        network = maker(**more)
        if not isinstance(network, nn.Module) or _shape(*_answers(network, recipe.network, 2)) == (2, classes):
            return network
    return maker(*([classes] if takes else []), **more)


def check(module: nn.Module) -> Tensor:
    """The logits (2, classes) of a network that was trained elsewhere, of 2 images of noise.

    Raises UsageError for what is no such network, or answers by what is no number.
    """
    name = type(module).__name__
    if next(module.parameters(), None) is None:
        raise UsageError(f"{name} has no weights: a trained network is wanted")
    (logits,) = _answers(module, name, 2)
    shape = _shape(logits)
    if not isinstance(logits, Tensor) or len(shape) != 2 or shape[0] != 2 or shape[1] < 2:
        raise UsageError(f"{name} makes {shape} of 2 images, and logits (2, classes) are wanted")
    if not logits.isfinite().all():
        raise UsageError(f"{name} makes logits that are no numbers, or infinite")
    return logits


def are_probabilities(logits: Tensor) -> bool:
    """Whether what a network gives (N, classes) is what a softmax makes."""
    return bool((logits >= 0).all() and (logits.float().sum(1) - 1).abs().max() < 1e-3)


def doubts(network: nn.Module, name: str) -> list[str]:
    """What is probably not meant in a network, a sentence each. Raises UsageError where nothing in it can learn."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UsageError(f"{name} has no weights that can be learnt: none requires a gradient")
    first, again, one = _answers(network, name, 2, 2, 1)
    found = []
    if are_probabilities(first):
        found.append(f"{name} ends in a softmax, and the loss has one already: without its own it learns better")
    if not _near(first, again):
        found.append(
            f"{name} gives one image another answer each time, also in eval(): "
            "F.dropout(x, p) needs training=self.training"
        )
    elif _shape(one) != (1, first.shape[1]):
        found.append(f"{name} makes {_shape(one)} of 1 image, not {(1, first.shape[1])}: flatten(1), not squeeze()")
    elif not _near(first[:1], one):
        found.append(f"what {name} answers to an image depends on the others beside it")
    return found


def _answers(network: nn.Module, name: str, *counts: int) -> list[Any]:
    """What a network gives in evaluation mode for images of noise (count, 1, 28, 28), which are the same each time."""
    its, training = next(network.parameters(), None), network.training
    ink = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    gpu = [its.device] if its is not None and its.is_cuda else []
    made: list[Any] = []
    try:
        # A network that is compiled need not be for a few images.
        with torch.no_grad(), torch.random.fork_rng(gpu), torch.compiler.set_stance("force_eager"):
            network.eval()
            for count in counts:
                images = (ink[:count] - MEAN) / STD
                made.append(network(images if its is None else images.to(its.device)))
    except Exception as error:
        shape, kind = (counts[len(made)], *ink.shape[1:]), type(error).__name__
        raise UsageError(f"{name} fails for images {shape}: {kind}: {error}") from error
    finally:
        network.train(training)
    return made


def _near(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first.float(), second.float(), rtol=1e-2, atol=1e-2)


def _shape(made: Any) -> Any:
    """The shape of a tensor, or the kind of anything else."""
    return tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
