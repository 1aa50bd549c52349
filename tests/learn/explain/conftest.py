"""A small trained run, and what is inside it, for all tests of this folder."""

from pathlib import Path

import pytest

import tenfold
from learn.explain.small import SMALL, THIN
from tenfold.learn.explain.explanation import Inside
from tenfold.learn.training.runs import Run

pytest.importorskip("captum")
pytest.importorskip("sklearn")


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tenfold.train("fast", data=data, out=tmp_path_factory.mktemp("inside") / "run", epochs=6, **THIN, **SMALL)


@pytest.fixture(scope="session")
def inside(run: Run) -> Inside:
    return tenfold.explain(run)
