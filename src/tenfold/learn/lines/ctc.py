"""From the logits of a line to texts: connectionist temporal classification, A. Graves and others 2006."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.learn.lines.alphabet import BLANK


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over lines of the negative logarithm of the text's probability, by its number of signs.

    Logits (N, T, classes + 1), labels int64 (N, S), filled up with BLANK.
    """
    lengths = (labels != BLANK).sum(1)
    steps = torch.full((len(logits),), logits.shape[1])
    scores = logits.float().log_softmax(2).transpose(0, 1)
    return F.ctc_loss(scores, labels, steps, lengths, blank=BLANK, zero_infinity=True)


def best(logits: Tensor) -> Tensor:
    """The likeliest path's signs, int64 (N, T), filled up with BLANK: equal neighbours are one, blanks none."""
    path = logits.argmax(2)  # (N, T)
    keep = path != BLANK
    keep[:, 1:] &= path[:, 1:] != path[:, :-1]
    out = torch.full_like(path, BLANK)
    line, _ = keep.nonzero(as_tuple=True)
    out[line, keep.cumsum(1)[keep] - 1] = path[keep]
    return out


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """How many lines are read without a fault."""
    read = best(logits)
    width = max(read.shape[1], labels.shape[1])
    read, labels = F.pad(read, (0, width - read.shape[1])), F.pad(labels, (0, width - labels.shape[1]))
    return (read == labels).all(1).sum()
