"""Jobs in processes: results, reports, errors, deaths, limits of time, and nothing left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import until
from tenfold.engines.jobs import Engine, Event, Report
from tenfold.engines.local import Processes
from tenfold.engines.opening import engine
from tenfold.errors import ClusterError, DataError


@dataclass(frozen=True)
class Count:
    """Reports the numbers up to `last`, and returns that and its process."""

    last: int

    def __call__(self, report: Report) -> tuple[int, int]:
        for number in range(self.last):
            report(number)
        return self.last, os.getpid()


class Sleep:
    """Sleeps a minute, or until it is stopped; then it leaves a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __call__(self, report: Report) -> None:
        try:
            report("begun")
            time.sleep(60)
        except KeyboardInterrupt:
            time.sleep(0.3)
            self.place.touch()


@dataclass(frozen=True)
class Fail:
    error: Exception

    def __call__(self, report: Report) -> None:
        raise self.error


@dataclass(frozen=True)
class Die:
    """Kills its process, but for the second time if a file is there by then."""

    once: str | None = None

    def __call__(self, report: Report) -> str:
        if self.once is not None and Path(self.once).exists():
            return "alive"
        if self.once is not None:
            Path(self.once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"


@dataclass(frozen=True)
class Tell:
    what: str

    def __call__(self, report: Report) -> None:
        report(self.what)


def fail() -> None:
    raise MemoryError


class Awkward(Exception):
    """An error that can be pickled and not unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Clumsy:
    def __call__(self, report: Report) -> None:
        raise Awkward("one", "two")


def drain(where: Engine, jobs: int, reports: list[Event] | None = None) -> dict[int, Event]:
    """Wait until every job has ended."""
    ends: dict[int, Event] = {}
    end = time.monotonic() + 300
    while len(ends) < jobs:
        assert time.monotonic() < end
        for event in where.wait(1):
            if event.kind == "reported":
                if reports is not None:
                    reports.append(event)
            else:
                assert event.key not in ends
                ends[event.key] = event
    return ends


def test_jobs_share_processes_and_their_results_come_back() -> None:
    with engine(jobs=2) as where:
        assert where.slots == 2
        ends: dict[int, Event] = {}
        for first in (0, 2):
            for key in (first, first + 1):
                where.start(key, Count(key))
            ends |= drain(where, 2)
    assert {key: (event.kind, event.value[0]) for key, event in ends.items()} == {k: ("done", k) for k in range(4)}
    assert len({event.value[1] for event in ends.values()}) == 2
    assert os.getpid() not in {event.value[1] for event in ends.values()}


def test_reports_come_in_their_order_and_are_small() -> None:
    reports: list[Event] = []
    with engine(jobs=1) as where:
        where.start(7, Count(100))
        drain(where, 1, reports)
        where.start(8, Tell("x" * 5000))
        assert "at most 4000 bytes" in str(drain(where, 1)[8].value)
    assert [(event.key, event.value) for event in reports] == [(7, number) for number in range(100)]


def test_a_job_that_takes_too_long_is_lost(tmp_path: Path) -> None:
    with engine(jobs=1) as where:
        where.start(0, Sleep(tmp_path / "a"), seconds=0.5)
        assert drain(where, 1)[0] == Event(0, "lost", "it took more than 0.5 s")
        where.start(1, Count(1))
        assert drain(where, 1)[1].kind == "done"


def test_what_is_stopped_saves_its_state(tmp_path: Path) -> None:
    with engine(jobs=2) as where:
        for key in (0, 1):
            where.start(key, Sleep(tmp_path / str(key)))
        told: list[Event] = []
        while len(told) < 2:
            told += where.wait(1)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    assert {place.name for place in tmp_path.iterdir()} == {"0", "1"}


def test_where_no_process_can_begin_that_is_told() -> None:
    with Processes(1, begin=fail) as where:
        where.start(0, Count(1))
        with pytest.raises(ClusterError, match="ended at once"):
            drain(where, 1)


def test_errors_come_back_as_they_are_also_awkward_ones() -> None:
    with engine(jobs=1) as where:
        where.start(0, Fail(DataError("no such thing")))
        ended = drain(where, 1)[0]
        assert (ended.kind, str(ended.value)) == ("failed", "no such thing")
        assert isinstance(ended.value, DataError)
        where.start(1, Clumsy())
        ended = drain(where, 1)[1]
        assert (ended.kind, str(ended.value)) == ("failed", "Awkward: one two")
        where.start(2, Count(1))  # and the process goes on
        assert drain(where, 1)[2].kind == "done"


def test_a_job_whose_process_dies_is_started_again_once(tmp_path: Path) -> None:
    with engine(jobs=1) as where:
        where.start(0, Die(str(tmp_path / "once")))
        assert drain(where, 1)[0].value == "alive"
        where.start(1, Die())
        ended = drain(where, 1)[1]
        assert ended.kind == "lost"
        assert ended.value == "the process that did it died (status -9): too little memory"
        where.start(2, Count(1))
        assert drain(where, 1)[2].kind == "done"


def begun(folder: Path) -> "subprocess.Popen[str]":
    """A program, without a guard against being run again in its processes, that prints what two jobs report."""
    (folder / "sleep.py").write_text(
        textwrap.dedent(
            """
            import os, time

            class Sleep:
                def __call__(self, report):
                    report(os.getpid())
                    time.sleep(120)
            """
        )
    )
    program = folder / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import sleep
            from tenfold.engines.opening import engine

            print("program", flush=True)
            with engine(jobs=2) as where:
                for key in (0, 1):
                    where.start(key, sleep.Sleep())
                print("begun", flush=True)
                while True:
                    for event in where.wait(1):
                        print(event.value, flush=True)
            """
        )
    )
    running = subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout is not None
    assert [running.stdout.readline() for _ in range(2)] == ["program\n", "begun\n"]
    return running


@pytest.mark.slow
def test_ctrl_c_while_the_processes_begin_is_reported_once(tmp_path: Path) -> None:
    running = begun(tmp_path)
    time.sleep(0.06)  # a process takes longer to begin
    os.killpg(running.pid, signal.SIGINT)  # to all that a terminal has in front, as it does
    out, err = running.communicate(timeout=120)
    assert "program" not in out
    assert err.count("Traceback") == 1
    assert err.endswith("KeyboardInterrupt\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path, how: signal.Signals) -> None:
    running = begun(tmp_path)
    assert running.stdout is not None
    with running.stdout as lines:
        pids = [int(lines.readline()) for _ in range(2)]
        running.send_signal(how)
        running.wait(120)
    assert running.stderr is not None
    running.stderr.close()
    until(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
