"""The engine of a name, opened."""

from collections.abc import Iterator
from contextlib import contextmanager

from tenfold.engines.jobs import Engine
from tenfold.errors import UsageError, nearest

ENGINES = ("local", "ray")


def check(on: str, address: str | None) -> None:
    """Raise UsageError for an unknown engine, and for an address that would not be used."""
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
