"""The optimizer that a recipe names, and its learning rate at every step."""

import inspect
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from tenfold.errors import UsageError
from tenfold.learn.recipes import own
from tenfold.learn.recipes.recipe import Recipe


def build(recipe: Recipe, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimizer over all of the network's parameters, in one fused kernel where PyTorch has one.

    A user's own keeps the learning rates that it begins with, of which the schedule is then a share. Raises UsageError
    for one that is no optimizer.
    """
    if own.is_own(recipe.optimizer):
        try:
            optimizer = own.load(recipe.optimizer)([p for p in network.parameters() if p.requires_grad])
        except Exception as error:
            raise UsageError(f"{recipe.optimizer} fails: {type(error).__name__}: {error}") from error
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise UsageError(f"{recipe.optimizer} gives {type(optimizer).__name__}: a torch.optim.Optimizer is wanted")
        closure = inspect.signature(type(optimizer).step).parameters.get("closure")
        if isinstance(optimizer, torch.optim.LBFGS) or (closure is not None and closure.default is closure.empty):
            raise UsageError(f"{recipe.optimizer} asks for the loss several times in a step: no optimizer of that kind")
        for group in optimizer.param_groups:
            group["of_lr"] = float(group.get("lr", recipe.lr)) / recipe.lr
        return optimizer
    betas, fused = (recipe.momentum, recipe.beta2), device.type in ("cpu", "cuda")
    made: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adam": partial(torch.optim.Adam, betas=betas, fused=fused),
        "adamw": partial(torch.optim.AdamW, betas=betas, fused=fused),
        "sgd": partial(torch.optim.SGD, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=fused),
        "adadelta": partial(torch.optim.Adadelta, rho=recipe.beta2),
        "rmsprop": partial(torch.optim.RMSprop, alpha=recipe.beta2, momentum=recipe.momentum),
    }
    return made[recipe.optimizer](network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Have an optimizer that `build` gave go at the recipe's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("of_lr", 1.0)


def scale_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Have an optimizer that `build` gave go at a multiple of the recipe's learning rate, from the next step on."""
    for group in optimizer.param_groups:
        group["of_lr"] = factor


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of the `step`-th step of the whole training, counted from 0.

    A pure function of the step, so that a resumed run needs no scheduler's state. With a warm-up the rate first rises
    from near zero to `lr`. "onecycle" is L. Smith's (2018, arXiv 1803.09820) with cosines, rising over `warmup`
    or, if that is 0, over 0.3 of the steps.
    """
    total = recipe.epochs * steps_per_epoch
    onecycle = recipe.schedule == "onecycle"
    rise = (recipe.warmup or 0.3 if onecycle else recipe.warmup) * total
    if step < rise:
        share = (step + 1) / (rise + 1)
        return recipe.lr * ((1 - math.cos(math.pi * share)) / 2 if onecycle else share)
    share = (step - rise) / max(1.0, total - rise)  # of the way down, from 0 to just below 1
    match recipe.schedule:
        case "constant":
            return recipe.lr
        case "step":
            return recipe.lr * recipe.gamma ** (step // steps_per_epoch)
        case "linear":
            return recipe.lr * (1 - share)
        case _:  # cosine, onecycle
            return recipe.lr * (1 + math.cos(math.pi * share)) / 2
