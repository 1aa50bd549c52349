"""Jobs as tasks on a Ray cluster; those whose node or process dies are started again by Ray."""

import socket
import time
from contextlib import suppress
from typing import Any

from tenfold.engines.jobs import Event, Job
from tenfold.errors import ClusterError

_OFTEN = 1.0  # seconds between two looks at whether the head is there
_PATIENCE = 15.0  # seconds that the head may be gone, since it may be started anew
_LIVES = 5  # of a job at least: that its node dies is no fault of its own


class Cluster:
    """The engine of a Ray cluster. Reports go through an actor beside the driver, as Ray's tasks cannot send any."""

    def __init__(self, ray: Any, jobs: int | None = None, threads: int = 1, gpus: int = 0) -> None:
        self._ray, self._most, self._threads, self._gpus = ray, jobs, threads, gpus
        self._mailbox = Mailbox.beside(ray)
        self._run = ray.remote(num_cpus=threads, num_gpus=gpus)(_run)
        self._tasks: dict[Any, int] = {}
        head = getattr(ray.get_runtime_context(), "gcs_address", "")
        self._head = head if head and _answers(head) else None  # None where it is only reached through another
        self._gone, self._looked = False, -_OFTEN
        count = len(self._alive())
        self.name: str = f"Ray, {count} node{'s' * (count > 1)}, {self.slots} at once"

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        if self._gone:  # whom to ask
            return
        for task in self._tasks:
            with suppress(Exception):  # the cluster may be gone, and then so is the task
                self._ray.cancel(task, force=True)
        with suppress(Exception):
            self._ray.kill(self._mailbox)

    def _check_head(self) -> None:
        """Raise ClusterError when the head is gone: Ray waits a minute for it, then ends this process silently."""
        since = time.monotonic()
        if self._head is None or since - self._looked < _OFTEN:
            return
        while not _answers(self._head):
            if time.monotonic() - since > _PATIENCE:
                raise self._lost(f"nothing answers at {self._head}")
            time.sleep(0.5)
        self._looked = time.monotonic()

    def _lost(self, why: str) -> ClusterError:
        self._gone = True
        return ClusterError(f"the head of the Ray cluster is gone ({why}): start it again; the same command continues")

    def _alive(self) -> list[Any]:
        self._check_head()
        return [node for node in self._ray.nodes() if node["Alive"]]

    @property
    def slots(self) -> int:
        """How many jobs the nodes that are alive can do at once."""
        nodes = [node["Resources"] for node in self._alive()]
        fits = sum(
            int(min(node.get("CPU", 0) / self._threads, node.get("GPU", 0) / self._gpus if self._gpus else 1e9))
            for node in nodes
        )
        return max(1, min(fits, self._most or fits))

    def start(self, key: int, job: Job, lives: int = 2, seconds: float | None = None) -> None:  # noqa: ARG002
        """Start a job, as soon as a node has room for it."""
        task = self._run.options(max_retries=max(lives, _LIVES))
        self._tasks[task.remote(job, self._mailbox, key)] = key

    def wait(self, seconds: float) -> list[Event]:
        """What happened to the jobs within so many seconds."""
        ray = self._ray
        self._check_head()
        done: list[Any] = []
        if self._tasks:
            done, _ = ray.wait(list(self._tasks), num_returns=1, timeout=seconds, fetch_local=True)
        try:
            events = [Event(key, "reported", value) for key, value in ray.get(self._mailbox.take.remote())]
        except ray.exceptions.RayError as error:  # the mailbox is where this process is
            raise self._lost("what ran beside it here has died") from error
        return events + [self._ended(task, self._tasks.pop(task)) for task in done]

    def _ended(self, task: Any, key: int) -> Event:
        errors = self._ray.exceptions
        try:
            return Event(key, "done", self._ray.get(task))
        except errors.RayTaskError as error:
            return Event(key, "failed", getattr(error, "cause", None) or RuntimeError(str(error)))
        except errors.RayError as error:
            return Event(key, "lost", " ".join(str(error).split())[:300])


class Mailbox:
    """Reports from anywhere in the cluster, until the driver takes them."""

    def __init__(self) -> None:
        self._reports: list[tuple[Any, Any]] = []

    @classmethod
    def beside(cls, ray: Any) -> Any:
        """One as an actor, where this process is."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        return ray.remote(num_cpus=0, scheduling_strategy=here)(cls).remote()

    def report(self, key: Any, value: Any) -> None:
        """Keep a report."""
        self._reports.append((key, value))

    def take(self) -> list[tuple[Any, Any]]:
        """The reports since the last time."""
        reports, self._reports = self._reports, []
        return reports


def _answers(address: str) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 5).close()
    except (OSError, ValueError):
        return False
    return True


def _run(job: Job, mailbox: Any, key: int) -> object:
    """The task: do a job on some node."""
    return job(lambda value: mailbox.report.remote(key, value))
