"""One process of this machine for all the trainings of a folder that come one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tenfold.engines.local import Processes
from tenfold.engines.opening import engine
from tenfold.learn.search import jobs


class Kept:
    """The process, which is another one after a test left a training in it."""

    def __init__(self) -> None:
        self.processes: Processes = Processes(1)

    def close(self) -> None:
        self.processes.__exit__()


@pytest.fixture(scope="session")
def _kept() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.close()


@pytest.fixture(scope="package", autouse=True)
def _one_process(_kept: Kept) -> Iterator[None]:
    """With jobs=1 the trainings are done in the process that is kept, which need not be started each time."""

    @contextmanager
    def opened(on: str = "local", *, jobs: int | None = None, **more: Any) -> Iterator[Any]:
        if (on, jobs) != ("local", 1):
            with engine(on, jobs=jobs, **more) as another:
                yield another
            return
        try:
            yield _kept.processes
        finally:
            if _kept.processes._jobs:
                _kept.close()
                _kept.processes = Processes(1)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "engine", opened)
        yield
