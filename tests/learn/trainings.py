"""Trainings that take no time, and what is told of them: shared by the tests of learning and of its verbs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from conftest import until
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training.runs import Run

OF_DIGITS = [name for name, recipe in RECIPES.items() if recipe.task == "digits"]
TINY: dict[str, Any] = {"hidden": (16,), "batch_size": 50, "device": "cpu", "quiet": True}  # for `tenfold.train`

# `python -c STOPPED HOW VERB …` is `tenfold VERB …` that gets the signal HOW when its first epoch is saved or, in
# a study or tuning, when the training number 1 reports its second.
STOPPED = """
import os, sys
from tenfold import cli
from tenfold.learn.search.jobs import Tally
from tenfold.learn.training import checkpoint
save, show, how = checkpoint.save, Tally.epoch, int(sys.argv[1])
def saved(state, path):
    save(state, path)
    if (state.epoch, state.step) == (1, 0): os.kill(os.getpid(), how)
def shown(tally, key, name, row):
    if (key, row["epoch"]) == (1, 2): os.kill(os.getpid(), how)
    show(tally, key, name, row)
checkpoint.save, Tally.epoch = saved, shown
cli.main(sys.argv[2:])
"""


def weights(run: Run | Path) -> dict[str, Tensor]:
    """The weights of a run, by name."""
    return load_file((run.path if isinstance(run, Run) else run) / "model.safetensors")


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether weights are the same to the bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def last(run: Run, column: str) -> float:
    """A figure of a run's last epoch."""
    value = run.metrics[-1][column]
    assert value is not None
    return value


def stopped(how: int, *words: object) -> "subprocess.CompletedProcess[str]":
    """`tenfold …` as a process that a signal ends, see `STOPPED`, once none of its own processes is left."""
    command = [sys.executable, "-c", STOPPED, str(int(how)), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    until(lambda: not beside())
    return done


def beside() -> list[int]:
    """Other processes whose current folder is that of this one, where /proc tells them."""
    numbers = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(place / "cwd") == os.getcwd() and int(place.name) != os.getpid():
                numbers.append(int(place.name))
        except OSError:
            continue
    return numbers
