"""A job: work that is done elsewhere, tells how far it is, and can be asked to end early."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tenfold.errors import UsageError, nearest

Report = Callable[[Any], bool]  # tells something, and waits for the answer: False asks the job to come to its end
Job = Callable[[Report], Any]  # what it returns, and the job itself, can be pickled

ENGINES = ("local", "ray")
LIVES = 5  # times that a job is begun again whose node or process died under it


@dataclass(frozen=True)
class Heard:
    """What an engine heard of the job `key`."""

    key: int
    kind: Literal["told", "done", "failed", "lost"]
    value: Any  # what it told, which wants an answer; what it returned; what it raised; in words why it is lost


class Engine(Protocol):
    """Where jobs are done. It is used by one thread, as a context manager that leaves nothing behind."""

    name: str  # in words

    @property
    def slots(self) -> int:
        """How many jobs it can do at once; this may change as machines come and go."""

    def start(self, key: int, job: Job) -> None:
        """Begin a job."""

    def wait(self, seconds: float) -> list[Heard]:
        """What was heard of the jobs, as soon as there is something, and at the latest after so many seconds."""

    def answer(self, key: int, go_on: bool) -> None:
        """Answer the job that told something last: whether it is to go on."""


def check(on: str, address: str | None) -> None:
    """Raise UsageError for an engine that there is not, and for an address that would not be used."""
    if on not in ENGINES:
        raise UsageError(nearest("engine", on, ENGINES))
    if address is not None and on != "ray":
        raise UsageError("--address is that of a Ray cluster: add --on ray")


@contextmanager
def engine(
    on: str = "local", *, jobs: int | None = None, threads: int = 1, gpus: int = 0, address: str | None = None
) -> Iterator[Engine]:
    """The engine `on`, "local" or "ray".

    Args:
        on: Processes of this machine, or a Ray cluster.
        jobs: How many jobs at once; None is as many as there are cores, or GPUs if a job wants one.
        threads: Cores that each job computes on.
        gpus: GPUs that each job wants, on Ray.
        address: Of the Ray cluster; see `connection.connected`.

    Raises UsageError for another engine, MissingExtra without Ray, ClusterError when there is no cluster.
    """
    check(on, address)
    if on == "local":
        from tenfold.engines.local import Processes

        with Processes(jobs, threads) as processes:
            yield processes
        return
    from tenfold.engines.cluster import Cluster
    from tenfold.engines.connection import connected

    with connected(address) as ray, Cluster(ray, jobs, threads, gpus) as cluster:
        yield cluster
