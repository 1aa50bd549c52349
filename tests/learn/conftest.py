"""A Ctrl-C that comes when the test wants it, fewer of MNIST's digits, and runs to join."""

from collections.abc import Callable

import numpy as np
import pytest

import tenfold
from learn.trainings import TINY
from tenfold.learn.stopping import Stop
from tenfold.learn.training import start
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function to have the next trainings stopped, as by Ctrl-C, after so many times that they looked for it."""
    left = 10**9

    class Counting(Stop):
        @property
        def asked(self) -> bool:
            nonlocal left
            left -= 1
            return left < 0

        @asked.setter
        def asked(self, _: bool) -> None: ...

    def after(looks: int = 10**9) -> None:
        nonlocal left
        left = looks

    monkeypatch.setattr(start, "Stop", Counting)
    return after


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> Digits:
    """MNIST with a tenth of its training digits, the last 1,000 of which are held out."""
    some = embedded.read("train").take(np.arange(6000))
    read = embedded.read
    monkeypatch.setattr(embedded, "read", lambda part: some if part == "train" else read(part))
    return some


@pytest.fixture(scope="session")
def members(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Three runs of one task, that no test changes."""
    folder, common = tmp_path_factory.mktemp("members"), {"data": trained.recipe.data, **TINY}
    return [
        trained,
        *(tenfold.train("mlp", out=folder / f"{k}", seed=k, epochs=2 * k, **common) for k in (1, 2)),
    ]
