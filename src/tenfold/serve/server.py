"""The process: an address, workers behind it, and an end in which nothing is cut off."""

import asyncio
import ctypes
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from tenfold.engines.local import end_with_parent
from tenfold.errors import AddressError, UsageError
from tenfold.read.classifier import Classifier
from tenfold.serve.answers import HEAD, HEADERS, TOO_LARGE
from tenfold.serve.corrections import Corrections
from tenfold.serve.settings import Settings

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Speaking
else:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Speaking
    except ImportError:  # httptools is not for Windows
        from uvicorn.protocols.http.h11_impl import H11Protocol as Speaking

GRACE = 300  # seconds that requests have to be finished in when the service is stopped
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # of glibc's malloc.h
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
    settings = replace(settings, hosts=(*settings.hosts, host))
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


class Connection(Speaking):
    """A connection whose heads are bounded in size and time, and whose every refusal is JSON, as all others are."""

    seconds: float = 10.0  # for a head

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head = 0  # bytes of one that is not whole yet
        self._late: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._end_late)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, and no more of a head than is allowed."""
        before, waiting = self.cycle, self.cycle is None or not self.cycle.more_body
        super().data_received(data)
        if self.cycle is not before:
            self._head = 0
            self._wait_no_more()
        elif waiting and not self.transport.is_closing():
            self._head += len(data)
            if self._late is None:
                self._late = self.loop.call_later(self.seconds, self._end_late)
            if self._head > HEAD:
                self._refuse(431, TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the base class's, in its words
        """Refuse what is no HTTP."""
        self._refuse(400, "the request is not valid HTTP")

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end_late(self) -> None:
        """End a connection whose head has not arrived; where some of it did, say so."""
        self._late = None
        if self._head:
            self._refuse(408, f"the head of the request did not arrive within {self.seconds:g} seconds")
        else:
            self.transport.close()

    def _refuse(self, status: int, why: str) -> None:
        body = json.dumps({"error": why}).encode()
        fields = {
            **HEADERS,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        head = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
        self.transport.close()


PLAIN: dict[str, Any] = {  # of uvicorn
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "http": Connection,
    "ws": "none",
    "h11_max_incomplete_event_size": HEAD,
}


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

    _give_back_memory()
    log = logging.getLogger("tenfold.serve")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # which reports every form that is damaged
    return create(settings)


def _give_back_memory() -> None:
    """Have glibc, where it is that, give back at once what was large: it would keep it for each of its threads."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 1_000_000)
        libc.mallopt(_ARENA_MAX, 2)
