"""A job is work that is done elsewhere, reports how far it is, and can be asked to end early."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Report = Callable[[Any], bool]  # reports something, and waits for the answer: False asks the job to end early
Job = Callable[[Report], Any]  # what it returns, and the job itself, can be pickled

LIVES = 5  # times that a job is started again whose node died under it


@dataclass(frozen=True)
class Event:
    """What happened to the job `key`."""

    key: int
    kind: Literal["reported", "done", "failed", "lost"]
    value: Any  # the report, which wants an answer; what the job returned; what it raised; in words why it is lost


class Engine(Protocol):
    """Where jobs are done. It is used by one thread, as a context manager that leaves nothing behind."""

    name: str  # in words

    @property
    def slots(self) -> int:
        """How many jobs it can do at once; this may change as machines come and go."""

    def start(self, key: int, job: Job) -> None:
        """Start a job, as soon as there is room for it."""

    def wait(self, seconds: float) -> list[Event]:
        """What happened to the jobs, as soon as something does, and at the latest after so many seconds."""

    def answer(self, key: int, go_on: bool) -> None:
        """Answer the job's last report: whether it is to go on."""
