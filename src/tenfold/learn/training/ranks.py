"""Training by several processes that share every batch: PyTorch's DistributedDataParallel, gloo on CPUs, NCCL on GPUs.

`torchrun` starts them. Each takes its slice of every batch, DistributedDataParallel averages the gradients, and batch
normalisation has the statistics of the whole batch on GPUs (nn.SyncBatchNorm), of the slice on CPUs. The first process
writes and prints.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from tenfold.errors import ClusterError, DeviceError, UsageError
from tenfold.learn.recipes import devices
from tenfold.learn.stopping import Stop

PATIENCE = timedelta(minutes=5)  # that processes wait for one another, as for the first to write a checkpoint
POLL = 10  # steps between two times at which they agree whether to stop, since each costs a message
_trainings = itertools.count()

T = TypeVar("T")


class SingleProcess:
    """One process that trains by itself."""

    rank: int = 0
    size: int = 1

    def __init__(self, stop: Stop | None = None) -> None:
        self.stop: Stop = stop or Stop()  # what Ctrl-C sets
        self.saved: Path | None = None  # the run that can be resumed

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """The device that a recipe names. Raises DeviceError when it is not there."""
        return devices.choose(name)

    def rows(self, count: int) -> slice:
        """Which of so many rows are this process's: as many as every other has, or one more or less."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def from_first(self, value: T | None) -> T:
        """What the first process has; the others' values do not matter."""
        assert value is not None
        return value

    def wrap(self, network: nn.Sequential, device: torch.device) -> nn.Module:  # noqa: ARG002
        """The network to call while it learns."""
        return network

    def total(self, figures: Tensor) -> Tensor:
        """The sum of all processes' figures."""
        return figures

    def poll_stop(self, step: int = 0) -> bool:  # noqa: ARG002
        """Whether to stop, which all processes agree on."""
        return self.stop.asked

    def wait(self) -> None:
        """Wait until all processes are here."""


class ProcessGroup(SingleProcess):
    """This process as one of several that torchrun started."""

    def __init__(self, stop: Stop | None = None) -> None:
        super().__init__(stop)
        self.rank: int = dist.get_rank()
        self.size: int = dist.get_world_size()
        self.local: int = int(os.environ.get("LOCAL_RANK", self.rank))

    def device(self, name: str) -> torch.device:
        """The CPU, or of the GPUs of this machine the one that has this process's number."""
        kind, _, number = name.partition(":")
        if number or kind not in ("auto", "cuda", "cpu"):
            raise UsageError(f"--device must be cuda or cpu for several processes, not {name}: each takes its own GPU")
        if kind == "cpu" or (kind == "auto" and "cuda" not in devices.available()):
            return torch.device("cpu")
        if torch.cuda.device_count() <= self.local:
            raise DeviceError(
                f"there are {torch.cuda.device_count()} GPUs here, and more processes: give torchrun --nproc-per-node "
                "no more than that, or --device cpu"
            )
        device = devices.choose(f"cuda:{self.local}")
        torch.cuda.set_device(device)
        return device

    def from_first(self, value: T | None) -> T:
        """What the first process has."""
        held: list[Any] = [value]
        dist.broadcast_object_list(held, device=torch.device("cpu"))
        agreed: T = held[0]
        return agreed

    def wrap(self, network: nn.Sequential, device: torch.device) -> nn.Module:
        """The network with its gradients averaged over the processes."""
        if device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return nn.parallel.DistributedDataParallel(network, gradient_as_bucket_view=True)

    def total(self, figures: Tensor) -> Tensor:
        """The sum of all processes' figures."""
        dist.all_reduce(figures)
        return figures

    def poll_stop(self, step: int = 0) -> bool:
        """Whether any process was asked to stop, looked at every POLL steps."""
        if step % POLL:
            return False
        asked = torch.tensor([float(self.stop.asked)])  # on the CPU: NCCL would wait for the GPU
        return bool(self.total(asked).item())

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.poll_stop()


def launched() -> bool:
    """Whether torchrun, or what sets the same environment, started this process as one of several."""
    there = all(name in os.environ for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))
    return there and os.environ["WORLD_SIZE"] != "1" and dist.is_available()


def first() -> bool:
    """Whether this process is the one that writes and prints, as every process is that trains by itself."""
    return not launched() or os.environ["RANK"] == "0"


@contextlib.contextmanager
def joined(stop: Stop) -> Iterator[SingleProcess]:
    """The processes that torchrun started this one to train with; without torchrun it trains by itself.

    Raises ClusterError when the others cannot be reached, or when one of them died.
    """
    if not launched():
        yield SingleProcess(stop)
        return
    if dist.is_initialized():
        raise UsageError("torch.distributed is in use already: under torchrun tenfold.train sets it up by itself")
    try:
        store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
        # A process may train several times: names of its own for each, or it would meet what is left of the one before.
        store = dist.PrefixStore(f"training{next(_trainings)}", store)  # type: ignore[attr-defined]
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except (RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ClusterError(f"the processes do not find one another, see torchrun --help: {reason}") from error
    group = ProcessGroup(stop)
    try:
        yield group
    except RuntimeError as error:
        # gloo's errors have no class of their own.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        hint = "train it again" if group.saved is None else f"resume it: tenfold train --resume {group.saved}"
        raise ClusterError(f"another process of this training is gone; {hint}") from error
    finally:
        dist.destroy_process_group()
