"""The process: an address, workers behind it, and an end in which nothing is cut off."""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from tenfold.engines.local import end_with_parent
from tenfold.errors import AddressError, UsageError
from tenfold.read.classifier import Classifier
from tenfold.serve.corrections import Corrections
from tenfold.serve.settings import Settings

GRACE = 300  # seconds that requests have to be finished in when the service is stopped
PLAIN: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}  # of uvicorn
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several workers leave their counts; to be set before those are imported


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until a signal says to stop: then what is running is finished, and nothing new is taken.

    `started` is called with the address once requests are taken there; port 0 is any free one. A worker that dies is
    replaced. Raises AddressError, RunError for a model that cannot be used, StorageError, UsageError.
    """
    if workers < 1:
        raise UsageError(f"--workers must be 1 or more, not {workers}")
    options: dict[str, Any] = {**PLAIN, "timeout_graceful_shutdown": GRACE, "workers": workers}
    with listen(host, port) as listening:
        address = address_of(listening, host)
        if workers == 1:
            _alone(settings, options, listening, lambda: started(address))
        else:
            # What cannot be used is an error here, before any worker is begun.
            classes = Classifier(settings.model).classes
            if settings.corrections is not None:
                Corrections(settings.corrections, classes, settings.max_corrections)
            os.environ[_FOLDER] = tempfile.mkdtemp(prefix="tenfold-serve-")
            try:
                config = uvicorn.Config(partial(worker, settings), factory=True, **options)
                started(address)
                Multiprocess(config, [listening]).run()
            finally:
                shutil.rmtree(os.environ.pop(_FOLDER), ignore_errors=True)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 is any free one. Raises AddressError when it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AddressError(f"cannot listen at {host}:{port}: {reason}; choose another --port, or 0 for any") from error


def address_of(listening: socket.socket, host: str) -> str:
    """The address of a socket that listens at a host, as a browser takes it."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}"


def worker(settings: Settings) -> FastAPI:
    """The application of a worker process, which ends when the process above it does."""
    stop = partial(os.kill, os.getpid(), signal.SIGTERM)
    threading.Thread(target=end_with_parent, args=(stop,), daemon=True).start()
    return _application(settings)


class _Server(uvicorn.Server):
    """A server that says when it has started, and when it was told to stop."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._report, self._stopping = started, stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal says to stop."""
        self._stopping()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._report()


def _alone(settings: Settings, options: dict[str, Any], listening: socket.socket, started: Callable[[], None]) -> None:
    os.environ.pop(_FOLDER, None)  # which is for several
    run(_application(settings), listening, options, started)


def run(
    app: FastAPI,
    listening: socket.socket,
    options: dict[str, Any],
    started: Callable[[], None],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve an application until a signal says to stop, with some options of uvicorn's.

    `started` is called once requests are taken, `stopping` when the signal comes: what it began must end then.
    """
    server = _Server(uvicorn.Config(app, **options), started, stopping)

    # Before uvicorn listens to signals, and when it raises again the one it was stopped by, after all is finished.
    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run([listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _application(settings: Settings) -> FastAPI:
    from tenfold.serve.application import create  # after PROMETHEUS_MULTIPROC_DIR is set

    log = logging.getLogger("tenfold.serve")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # which reports every form that is damaged
    return create(settings)
