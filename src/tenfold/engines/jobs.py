"""A job is work that is done elsewhere and reports how far it is."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Report = Callable[[Any], None]  # reports something small
Job = Callable[[Report], Any]  # what it returns, and the job itself, can be pickled


@dataclass(frozen=True)
class Event:
    """What happened to the job `key`."""

    key: int
    kind: Literal["reported", "done", "failed", "lost"]
    value: Any  # the report; what the job returned; what it raised; in words why it is lost


class Engine(Protocol):
    """Where jobs are done. It is used by one thread, as a context manager that leaves nothing behind."""

    name: str  # in words

    @property
    def slots(self) -> int:
        """How many jobs it can do at once; this may change as machines come and go."""

    def start(self, key: int, job: Job, lives: int = 2, seconds: float | None = None) -> None:
        """Start a job, as soon as there is room for it.

        One whose process dies is started again, until it has died as often as it has `lives`. Where processes are of
        this machine, one that takes longer than so many seconds is lost.
        """

    def wait(self, seconds: float) -> list[Event]:
        """What happened to the jobs, as soon as something does, and at the latest after so many seconds."""


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
