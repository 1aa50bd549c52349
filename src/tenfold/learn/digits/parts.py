"""The part of a batch that is here, where several processes share it."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """The rows of a batch that are here, where several processes share it; else all.

    Random numbers are drawn for the whole batch, so that what happens to an image does not depend on who has it.
    """

    batch: int  # images in all
    rows: slice = field(default_factory=lambda: slice(None))

    def __len__(self) -> int:
        return len(range(self.batch)[self.rows])

    def rand(self, *shape: int, generator: torch.Generator) -> Tensor:
        """Uniform from 0 to 1 for each image that is here: (N, *shape)."""
        return torch.rand(self.batch, *shape, generator=generator)[self.rows]

    def randn(self, *shape: int, generator: torch.Generator) -> Tensor:
        """Normally distributed for each image that is here: (N, *shape)."""
        return torch.randn(self.batch, *shape, generator=generator)[self.rows]
