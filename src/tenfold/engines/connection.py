"""A connection to Ray: to a cluster that is there, or to one of this machine alone that is started for the while."""

import io
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

from tenfold.errors import ClusterError, missing_extra

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leaves CUDA_VISIBLE_DEVICES alone, and spares a warning
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",  # ours is shown instead
    "RAY_TQDM": "0",
}
_PATIENCE = 5.0  # seconds that a cluster may take to accept a connection
_ASKED: list[int] = []  # signals that came since the connection was made
_GRACE = 3.0  # seconds for processes to end by themselves


@contextmanager
def connected(
    address: str | None = None, *, cores: int | None = None, packages: Sequence[str] = ("torch",)
) -> Iterator[Any]:
    """The module `ray`, connected; the connection, and whatever was started for it, ends with the block.

    Args:
        address: HOST:PORT of a cluster's head, `auto` for the one that runs here, ray://HOST:PORT from outside. None is
            what RAY_ADDRESS says, or else a Ray of this machine alone.
        cores: How many cores a Ray of this machine alone may use; None is all.
        packages: What must have the same version on every node, beside tenfold and Python.

    Raises MissingExtra when Ray is not installed, ClusterError when there is no cluster at the address, or one whose
    nodes have other versions.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with _signals(hold=True) as held:  # in the middle of it a module would be left that is half there
            import ray
    except ModuleNotFoundError as error:
        raise missing_extra("ray", "cluster") from error
    if held:
        raise KeyboardInterrupt
    if ray.is_initialized():  # by a program that uses tenfold: it is theirs, and stays
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _check_reachable(address)
    here: dict[str, Any] = {"num_cpus": cores, "include_dashboard": False} if address == "local" else {}
    import psutil  # type: ignore[import-untyped]  # Ray brings it along

    before = set(psutil.Process().children())
    with (
        _native_hushed(),
        redirect_stdout(_WithoutRay(sys.stdout)),
        redirect_stderr(_WithoutRay(sys.stderr)),
        _signals(),  # Ray has a way of its own with SIGTERM, which ends in an abort
    ):
        try:
            try:
                ray.init(
                    address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **here
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                why = " ".join(str(error).split())[:300]
                raise ClusterError(f"cannot connect to Ray at {address}: {why}") from error
            if _in_main_thread():
                _ASKED.clear()
                signal.signal(signal.SIGTERM, _stop)
                if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                    signal.signal(signal.SIGINT, _stop)
            if address != "local":
                _check_versions(ray, address, packages)
            yield ray
        finally:
            with _signals(hold=True):  # it is being ended already
                started = [child for child in psutil.Process().children() if child not in before]
                _shut_down(ray, started if address == "local" else [])


def _shut_down(ray: Any, started: Sequence[Any]) -> None:
    """End the connection, and of what was started for it whatever does not end with it, as where that was half done."""
    import psutil

    theirs = list(started)
    for process in started:
        with suppress(psutil.NoSuchProcess):
            theirs += process.children(recursive=True)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it prints what it had held back
        ray.shutdown()
    for process in psutil.wait_procs(theirs, timeout=_GRACE)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def interrupted() -> bool:
    """Whether a signal asked this process to stop: then what Ray reports is that its processes were asked too."""
    return bool(_ASKED)


def _stop(number: int, _: object) -> None:
    _ASKED.append(number)
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _signals(*, hold: bool = False) -> Iterator[list[int]]:
    """Leave SIGINT and SIGTERM at the end as they were; with `hold` those that come meanwhile are only listed."""
    held: list[int] = []
    if not _in_main_thread():
        yield held
        return
    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    for which in before if hold else ():
        signal.signal(which, lambda number, _: held.append(number))
    try:
        yield held
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _check_reachable(address: str) -> None:
    """Raise ClusterError at once where nothing listens, where Ray would try for a minute."""
    if address in ("auto", "local"):
        return
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        raise ClusterError(f"the address must be HOST:PORT, ray://HOST:PORT or auto, not {address}")
    if len(port) > 5 or not 1 <= int(port) <= 65535:  # the system would take its lowest 16 bits
        raise ClusterError(f"the port of {address} must be from 1 to 65535")
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except OSError as error:
        raise ClusterError(
            f"there is no Ray at {address} ({error}): start its head with `ray start --head --port {port}`"
        ) from error


def ask_nodes(
    ray: Any, function: Callable[[Any], Any], argument: Any, *, but: str | None = None
) -> Iterator[tuple[str, Any]]:
    """What `function(argument)` returns on each node that is alive, or the error it ended in, by the node's host name.

    Nodes on the host `but` are left out.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task, errors = ray.remote(num_cpus=0, max_retries=0)(function), ray.exceptions
    asked = []
    for node in ray.nodes():
        if node["Alive"] and node["NodeManagerHostname"] != but:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked.append((node["NodeManagerHostname"], task.options(scheduling_strategy=there).remote(argument)))
    for name, answer in asked:
        try:
            yield name, ray.get(answer, timeout=60)
        except (errors.TaskUnschedulableError, errors.NodeDiedError, errors.WorkerCrashedError):
            continue  # it has died, and Ray has only now noticed
        except Exception as error:  # noqa: BLE001 - whoever asks says what it means
            yield name, error


def _check_versions(ray: Any, address: str, packages: Sequence[str]) -> None:
    """Raise ClusterError where a node would compute with another tenfold, and give other results."""
    ours = _versions(packages)
    for name, theirs in ask_nodes(ray, _versions, packages):
        if isinstance(theirs, Exception):
            why = " ".join(str(theirs).split())[-200:]
            raise ClusterError(
                f"the node {name} of {address} cannot run tenfold: install the same version on every node ({why})"
            ) from theirs
        if theirs != ours:
            raise ClusterError(
                f"the node {name} of {address} has {theirs}, here is {ours}: results would differ; install the same"
            )


def _versions(packages: Sequence[str]) -> str:
    """What must be the same everywhere for the same results."""
    from importlib.metadata import PackageNotFoundError, version

    versions = [f"Python {sys.version_info.major}.{sys.version_info.minor}"]
    for package in ("tenfold", *packages):
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package).partition('+')[0]}")
    return ", ".join(versions)


class _WithoutRay(io.TextIOBase):
    """A stream to which Ray's own threads write nothing, such as pages of a dead node's log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@contextmanager
def _native_hushed() -> Iterator[None]:
    """Let what Ray's core writes to standard error past Python go nowhere, and what Python writes still arrive."""
    sys.stderr.flush()
    ours, given = os.dup(2), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        direct = given.fileno() == 2
    except (OSError, ValueError):  # not a file, as in a notebook
        direct = False
    if direct:
        sys.stderr = os.fdopen(os.dup(ours), "w", buffering=1, encoding=given.encoding, errors=given.errors)
    try:
        yield
    finally:
        if direct:
            sys.stderr.close()
            sys.stderr = given
        os.dup2(ours, 2)
        os.close(ours)
