"""From the logits of a line to texts: connectionist temporal classification, A. Graves and others 2006."""

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold.learn.lines.alphabet import BLANK, NUMBERS, OTHER


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over lines of the negative logarithm of the text's probability, by its number of signs.

    Logits (N, T, classes + 1), labels int64 (N, S), filled up with BLANK.
    """
    return _ctc(logits, labels, "mean")


def probability(logits: Tensor, texts: Tensor) -> Tensor:
    """The probability of each text, (N,), summed over its alignments; texts int64 (N, S), filled up with BLANK."""
    return _ctc(logits, texts, "none").neg().exp()


def _ctc(logits: Tensor, texts: Tensor, reduction: str) -> Tensor:
    lengths = (texts != BLANK).sum(1)
    steps = torch.full((len(logits),), logits.shape[1])
    scores = logits.float().log_softmax(2).transpose(0, 1)
    return F.ctc_loss(
        scores, texts, steps, lengths, blank=BLANK, reduction=reduction, zero_infinity=reduction == "mean"
    )


@torch.no_grad()
def read(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of batches of lines and their signs: the texts that a network reads, the signs, each text's probability."""
    device = next(network.parameters()).device
    network.eval()
    for images, labels in batches:
        logits = network(images.to(device)).float().cpu()
        texts = best(logits)
        yield texts, labels, probability(logits, texts)


def faults(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Of all lines: the probability of the text that is read, (N,), and whether it has a fault in its digits, (N,)."""
    found = [(p, ~same(digits(texts), digits(labels))) for texts, labels, p in read(network, batches)]
    return torch.cat([p for p, _ in found]), torch.cat([wrong for _, wrong in found])


def best(logits: Tensor) -> Tensor:
    """The likeliest path's signs, int64 (N, T), filled up with BLANK: equal neighbours are one, blanks none."""
    path = logits.argmax(2)  # (N, T)
    keep = path != BLANK
    keep[:, 1:] &= path[:, 1:] != path[:, :-1]
    out = torch.full_like(path, BLANK)
    line, _ = keep.nonzero(as_tuple=True)
    out[line, keep.cumsum(1)[keep] - 1] = path[keep]
    return out


def digits(texts: Tensor) -> Tensor:
    """Texts (N, S) without the signs between digits: those and OTHER remain, filled up with BLANK."""
    kept = torch.isin(texts, torch.tensor([NUMBERS[sign] for sign in (*"0123456789", OTHER)]))
    order = (~kept).int().argsort(dim=1, stable=True)
    return texts.where(kept, BLANK).gather(1, order)


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """How many lines are read without a fault."""
    return same(best(logits), labels).sum()


def same(read: Tensor, labels: Tensor) -> Tensor:
    """Which texts are the same, bool (N,), whatever they are filled up to."""
    width = max(read.shape[1], labels.shape[1])
    read, labels = F.pad(read, (0, width - read.shape[1])), F.pad(labels, (0, width - labels.shape[1]))
    return (read == labels).all(1)
