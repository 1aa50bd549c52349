"""Training by several processes, the ranks, that share every batch: torch.distributed, gloo on CPUs, NCCL on GPUs.

`torchrun` starts them. All go through the same loop with the same random numbers, and each takes its part of every
batch. What they learn is what one process learns, but for rounding: the gradients are added up by PyTorch's
DistributedDataParallel; batch normalisation takes the mean and variance of the whole batch, as nn.SyncBatchNorm does on
GPUs alone; dropout and augmentation draw for the whole batch. One rank, the first, writes and prints. An error ends
every rank, and the one that had it tells it.
"""

import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from tenfold.errors import ClusterError, DeviceError, UsageError
from tenfold.learn.digits.parts import Part
from tenfold.learn.recipes import devices
from tenfold.learn.training.stopping import Stop

PATIENCE = timedelta(minutes=5)  # that ranks wait for one another, as for the first to write a checkpoint
HEED = 16  # steps on a GPU between two looks at what the others ask, since a look waits for the GPU

T = TypeVar("T")
_joins = itertools.count()


class Alone:
    """One process that has nobody to share with."""

    first = True  # whether this is the rank that writes

    def device(self, name: str) -> torch.device:
        """The device that a recipe names. Raises DeviceError when it is not there."""
        return devices.choose(name)

    def rows(self, count: int) -> slice:
        """Which of so many rows are this rank's."""
        return slice(count)

    def part(self, batch: int) -> Part:
        """Which part of a batch is this rank's. Raises UsageError when there are not enough for all."""
        return Part(batch)

    def agree(self, value: T | None) -> T:
        """What the first rank has; the others' values do not matter."""
        assert value is not None
        return value

    @contextlib.contextmanager
    def writing(self, folder: Path) -> Iterator[bool]:  # noqa: ARG002
        """A block in which the first rank writes into a run's folder: whether this is it. The others wait for it."""
        yield True

    def heeding(self, stop: Stop) -> Stop:
        """Ctrl-C at any rank, seen by all at the same step."""
        return stop

    def parallel(self, network: nn.Sequential, part: Part) -> nn.Module:  # noqa: ARG002
        """The network, to be trained on a part of each batch."""
        return network

    def backward(self, loss: Tensor, figures: Tensor) -> Tensor:
        """Gradients of the loss, a mean, and the figures (K,), sums: both those of the whole batch."""
        loss.backward()  # type: ignore[no-untyped-call]
        return figures

    def assemble(self, rows: Tensor, count: int) -> Tensor:  # noqa: ARG002
        """So many rows (N, K) at every rank, of which each has a part."""
        return rows


class Team(Alone):
    """This process as one of several ranks."""

    def __init__(self, rank: int, size: int, local: int = 0) -> None:
        self.rank: int = rank
        self.size: int = size
        self.local: int = local
        self.first: bool = rank == 0
        self.saved: Path | None = None  # the run that can be gone on with
        self._asks, self._agreed, self._steps = Stop(), Stop(), 0
        self._share = 1.0
        self.message: Tensor = torch.zeros(0)

    def device(self, name: str) -> torch.device:
        """The CPU, or of the GPUs of this machine the one that has this rank's number."""
        kind, _, number = name.partition(":")
        if number or kind not in ("auto", "cuda", "cpu"):
            raise UsageError(f"--device {name} is not for several ranks: give cuda, where each takes its own, or cpu")
        if kind == "cpu" or (kind == "auto" and "cuda" not in devices.available()):
            return torch.device("cpu")
        if torch.cuda.device_count() <= self.local:
            raise DeviceError(
                f"there are {torch.cuda.device_count()} GPUs here, and more ranks: give torchrun --nproc-per-node "
                "no more than that, or --device cpu"
            )
        device = devices.choose(f"cuda:{self.local}")
        torch.cuda.set_device(device)
        return device

    def rows(self, count: int) -> slice:
        """Which of so many rows are this rank's: as many as every other rank has, or one more or less."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def part(self, batch: int) -> Part:
        """Which part of a batch is this rank's."""
        if batch < self.size:
            raise UsageError(
                f"--batch-size {batch} makes no sense: it is shared by {self.size} ranks, so give that or more"
            )
        return Part(batch, self.rows(batch))

    def agree(self, value: T | None) -> T:
        """What the first rank has."""
        held: list[Any] = [value]
        dist.broadcast_object_list(held, device=torch.device("cpu"))
        agreed: T = held[0]
        return agreed

    @contextlib.contextmanager
    def writing(self, folder: Path) -> Iterator[bool]:
        """A block in which the first rank writes. SIGTERM, by which torchrun ends the ranks that are left, waits."""
        with _unbroken():
            yield self.first
            self.saved = folder
        dist.all_reduce(torch.zeros(1))  # on the CPU: gloo sees at once when another rank is gone

    def heeding(self, stop: Stop) -> Stop:
        """Ctrl-C at any rank, seen by all at the same step, since it travels with the gradients."""
        self._asks = stop
        return self._agreed

    def parallel(self, network: nn.Sequential, part: Part) -> nn.Module:
        """The network on a part of each batch: it shares its weights and running statistics with the one given."""
        shares = torch.tensor([len(Team(rank, self.size).part(part.batch)) for rank in range(self.size)]) / part.batch
        self._share = shares[self.rank].item()
        layers = [_shared(layer, part, shares) for layer in network]
        parallel = nn.parallel.DistributedDataParallel(nn.Sequential(*layers), gradient_as_bucket_view=True)
        parallel.register_comm_hook(self, _add_up)
        return parallel

    def backward(self, loss: Tensor, figures: Tensor) -> Tensor:
        """Gradients and figures of the whole batch, from those of a part."""
        self.message = torch.cat([figures, figures.new_tensor([float(self._asks.asked)])])
        (loss * self._share).backward()  # type: ignore[no-untyped-call]
        self._steps += 1
        if figures.device.type == "cpu" or self._steps % HEED == 0:
            self._agreed.asked = self.message[-1].item() > 0
        return self.message[:-1]

    def assemble(self, rows: Tensor, count: int) -> Tensor:
        """All rows at every rank: what is added to one rank's are the others' zeros."""
        whole = rows.new_zeros(count, *rows.shape[1:])
        whole[self.rows(count)] = rows
        dist.all_reduce(whole)
        return whole


def first() -> bool:
    """Whether this process is the rank that writes and prints, as every process is that is alone."""
    return not launched() or os.environ["RANK"] == "0"


@contextlib.contextmanager
def joined() -> Iterator[Alone]:
    """The ranks that torchrun started this process to be one of; without torchrun it is alone.

    Inside, the first rank alone prints. An error at one rank ends all: the rank where it arose raises it, the others
    raise SystemExit with its status when they see that rank gone.

    Raises ClusterError when the others cannot be reached, or when one of them died.
    """
    if not launched():
        yield Alone()
        return
    if dist.is_initialized():
        raise UsageError("torch.distributed is in use already: under torchrun tenfold.train sets it up by itself")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        with _breakable():
            store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
            store = dist.PrefixStore(f"tenfold{next(_joins)}", store)  # type: ignore[attr-defined]
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except (RuntimeError, ValueError, OSError) as error:
        why = " ".join(str(error).split())[:200]
        raise ClusterError(f"the ranks do not find one another, see torchrun --help: {why}") from error
    team = Team(rank, size, int(os.environ.get("LOCAL_RANK", rank)))
    try:
        with contextlib.nullcontext() if team.first else _hushed():
            yield team
    except BaseException as error:
        if not _is_first_to_tell(store):
            raise SystemExit(getattr(error, "status", 1)) from None
        if not _is_lost(error):
            raise
        hint = "begin anew" if team.saved is None else f"go on from what is saved: tenfold train --resume {team.saved}"
        raise ClusterError(f"another rank is gone; {hint}") from error
    dist.destroy_process_group()


def launched() -> bool:
    """Whether torchrun, or what sets the same environment, started this process as one of several."""
    there = all(name in os.environ for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))
    return there and os.environ["WORLD_SIZE"] != "1" and dist.is_available()


def _is_first_to_tell(store: Any) -> bool:
    """Whether no other rank has told of an error yet. The store is torchrun's, which outlives the ranks."""
    try:
        return bool(store.add("told", 1) == 1)
    except RuntimeError:
        return True


def _is_lost(error: BaseException) -> bool:
    """Whether an error says that another rank no longer answers; gloo's have no class of their own."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """A block that prints nothing."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


@contextlib.contextmanager
def _breakable() -> Iterator[None]:
    """A block that Ctrl-C ends, and the process with it: PyTorch waits for others and hears nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _unbroken() -> Iterator[None]:
    """A block that SIGTERM does not break: it takes effect at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for number in came:
            signal.raise_signal(number)


def _add_up(team: Team, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:  # type: ignore[name-defined]
    """What DistributedDataParallel does with some gradients (N,): add them up over the ranks.

    With the last of a step goes what the ranks tell one another; a message of its own would be waited for once more.
    """
    gradients = bucket.buffer()
    last = bucket.is_last()
    sent = torch.cat([gradients, team.message]) if last else gradients

    def received(future: torch.futures.Future[list[Tensor]]) -> Tensor:
        arrived = future.value()[0]
        if last:
            team.message = arrived[len(gradients) :]
        return arrived[: len(gradients)]

    work = dist.all_reduce(sent, async_op=True)
    summed: torch.futures.Future[Tensor] = work.get_future().then(received)
    return summed


def _shared(layer: nn.Module, part: Part, shares: Tensor) -> nn.Module:
    """A layer for a part of a batch, where that differs from one for the whole; with the same weights."""
    assert not [*layer.children()], "only flat networks are looked through"
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        return _BatchNorm(layer, part, shares)
    return _Dropout(layer, part) if isinstance(layer, nn.Dropout) and layer.p else layer


class _Dropout(nn.Module):
    """Dropout of a part of a batch: what is blanked is drawn for the whole."""

    def __init__(self, layer: nn.Dropout, part: Part) -> None:
        super().__init__()
        self.layer, self.part = layer, part

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, input: Tensor) -> Tensor:
        """The input, with elements blanked at random and the rest scaled up."""
        whole: Tensor = self.layer(input.new_ones(self.part.batch, *input.shape[1:]))
        return input * whole[self.part.rows]


class _BatchNorm(nn.Module):
    """Batch normalisation of a part of a batch with the mean and variance of the whole."""

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d, part: Part, shares: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        # Out of the sight of DistributedDataParallel, which would send its running statistics around at every step.
        self.hidden, self.part, self.shares = (layer,), part, shares

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, input: Tensor) -> Tensor:
        """The input (N, C, ...), normalised."""
        layer, count = self.hidden[0], self.part.batch * input[0, 0].numel()
        output: Tensor
        output, mean, variance = _Normalise.apply(  # type: ignore[no-untyped-call]
            input, layer.weight, layer.bias, layer.eps, self.shares, count
        )
        assert layer.num_batches_tracked is not None
        assert layer.running_mean is not None
        assert layer.running_var is not None
        assert layer.momentum is not None
        layer.num_batches_tracked.add_(1)
        layer.running_mean.lerp_(mean, layer.momentum)
        layer.running_var.lerp_(variance * (count / (count - 1)), layer.momentum)
        return output


class _Normalise(torch.autograd.Function):
    """A part (N, C, ...) of a batch less the mean of the whole, over its deviation, times weight (C,), plus bias (C,).

    Also the mean and the variance (C,). S. Ioffe, C. Szegedy 2015, arXiv 1502.03167, gives the gradients.
    """

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor, eps: float, shares: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        moments = torch.stack(torch.batch_norm_update_stats(input, None, None, 0.0))  # (2, C) mean, variance
        everywhere = [torch.empty_like(moments) for _ in shares]
        dist.all_gather(everywhere, moments)
        means, variances = torch.stack(everywhere, dim=1)  # (ranks, C)
        shares = shares[:, None].to(moments)
        mean = (shares * means).sum(0)
        variance = (shares * (variances + (means - mean) ** 2)).sum(0)
        ctx.save_for_backward(input, weight, mean, variance)
        ctx.eps, ctx.count = eps, count
        ctx.mark_non_differentiable(mean, variance)
        return F.batch_norm(input, mean, variance, weight, bias, False, 0.0, eps), mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        given, weight, mean, variance = ctx.saved_tensors
        # As if mean and variance were constants, and then what follows from their being the input's own.
        of_input, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, given, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([of_weight, of_bias])
        dist.all_reduce(sums)
        inverse = (variance + ctx.eps).rsqrt()
        slope = weight * inverse * inverse * sums[0] / ctx.count
        offset = weight * inverse * sums[1] / ctx.count - slope * mean
        shape = (1, -1) + (1,) * (given.dim() - 2)
        of_input = of_input - torch.addcmul(offset.view(shape), given, slope.view(shape))
        return of_input.to(given.dtype), of_weight, of_bias, None, None, None
