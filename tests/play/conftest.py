"""What the tests of the page have in common: small trainings, a session that is ready, a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.browser import browser, watch
from tenfold.play.knobs import Knobs
from tenfold.play.session import Session

__all__ = ["browser", "watch"]

SMALL: dict[str, Any] = {"recipe": "mlp", "hidden": 16, "batch_size": 50, "epochs": 3, "lr": 0.01}
BAR = (20, 60, bytes(7 * [0] + 6 * [255] + 7 * [0]) * 60)  # a drawn 1: width, height and ink


@pytest.fixture
def small() -> Knobs:
    return Knobs(**SMALL)


@pytest.fixture
def session(data: Path) -> Iterator[Session]:
    """A session over few digits, with all that it needs loaded."""
    pytest.importorskip("torch")
    begun = Session(str(data))
    begun.load()
    yield begun
    begun.clear()
