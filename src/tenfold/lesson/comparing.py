"""A place to work in, and trainings compared over seeds."""

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping

import torch

from tenfold.lesson.charts import Rows, dots

_ROOMS: list[tempfile.TemporaryDirectory[str]] = []  # until Python ends


def begin(seed: int = 0) -> None:
    """Move to a temporary folder, which is gone when Python ends, and set the seed of PyTorch's random numbers."""
    _ROOMS.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    os.chdir(_ROOMS[-1].name)
    torch.manual_seed(seed)
    warnings.filterwarnings("ignore", "IProgress not found")  # a progress bar that is not shown


def compare(
    candidates: Mapping[str, Callable[[], Rows]], title: str, *, seeds: int = 3, least: float = 0.0
) -> dict[str, list[float]]:
    """Train each candidate with several seeds, and print and draw the validation accuracies, which are returned.

    Args:
        candidates: By name, functions that train a network and give a row for each epoch, with `val_accuracy`.
        title: Of the figure.
        seeds: How many: 0, 1, 2 and so on.
        least: Where the scale of the figure begins; what is below is an arrow.
    """
    scores: dict[str, list[float]] = {}
    for name, candidate in candidates.items():
        began, scores[name] = time.perf_counter(), []
        for seed in range(seeds):
            torch.manual_seed(seed)
            scores[name].append(float(candidate()[-1]["val_accuracy"] or 0.0))
        seconds = (time.perf_counter() - began) / seeds
        spread = f" ± {statistics.stdev(scores[name]):6.2%}" if seeds > 1 else ""
        print(f"{name:28} {statistics.mean(scores[name]):7.2%}{spread}   {seconds:5.1f} s each")  # noqa: T201
    dots(scores, title, least)
    return scores
