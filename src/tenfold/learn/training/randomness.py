"""Random states: each epoch has its own, which can be had again, and the caller's is left alone."""

from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor


def epoch(seed: int, number: int, count: int, rank: int = 0) -> tuple[torch.Generator, Tensor]:
    """The generator of an epoch, and the order (count,) in which its digits come; PyTorch's global state is set, too.

    All processes that train together have one order; what they draw else, such as dropout, each has of its own.
    """
    generator = torch.Generator().manual_seed(_seed(seed, number))
    torch.manual_seed(generator.initial_seed())
    order = torch.randperm(count, generator=generator)
    if rank:
        generator.manual_seed(_seed(seed, number, rank))
        torch.manual_seed(generator.initial_seed())
    return generator, order


def _seed(*numbers: int) -> int:
    """A seed unlike that of any other numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


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
