"""Random states: each epoch has its own, which can be had again, and the caller's is left alone."""

from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed for one epoch, unlike that of any other epoch or seed."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def capture(generator: torch.Generator, device: torch.device) -> list[Tensor]:
    """The random states in the middle of an epoch: of the augmentation, of dropout on the CPU and on the device."""
    states = [generator.get_state(), torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def restore(states: list[Tensor], generator: torch.Generator, device: torch.device) -> None:
    """Put the random states back that `capture` returned."""
    generator.set_state(states[0])
    torch.set_rng_state(states[1])
    if device.type == "cuda" and len(states) > 2:
        torch.cuda.set_rng_state(states[2], device)


def isolated(device: torch.device) -> AbstractContextManager[None]:
    """A context that puts PyTorch's global random state back as it was, on the CPU and on this CUDA or XPU device."""
    if device.type in ("cuda", "xpu"):
        return torch.random.fork_rng([device], device_type=device.type)
    return torch.random.fork_rng([])
