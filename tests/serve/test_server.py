"""The service as a process: how it starts, what it does under load and abuse, and how it ends."""

import asyncio
import errno
import http.client
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from conftest import Service, on_paper, until, write_number
from read import hostile
from serve.conftest import TOKEN, png, run
from tenfold.errors import AddressError, UsageError
from tenfold.serve.server import Connection, listen, serve
from tenfold.serve.settings import Settings

Start = Callable[..., Service]


@pytest.fixture(scope="module")
def heavy() -> bytes:
    """A picture that takes a good part of a second to read."""
    lines = [write_number("2718281828 4590452353", size=70, seed=k, margin=0.2) for k in range(12)]
    width = max(line.shape[1] for line in lines)
    page = np.concatenate([np.pad(line, ((0, 0), (0, width - line.shape[1]))) for line in lines])
    return png(on_paper(page))


def post(service: Service, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    caller = http.client.HTTPConnection(urlsplit(service.address).netloc, timeout=60)
    caller.request("POST" if body else "GET", path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = caller.getresponse()
    outcome = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    caller.close()
    return outcome


@pytest.mark.slow
def test_it_reads_logs_and_stops(service: Start, digit: bytes) -> None:
    running = service()
    status, _, body = post(running, "/v1/read", digit)
    assert (status, json.loads(body)["text"]) == (200, "7")
    ended, error = running.stop()
    assert ended == 0
    line = json.loads(error.splitlines()[-1])
    assert (line["path"], line["status"]) == ("/v1/read", 200)
    assert "Traceback" not in error


@pytest.mark.slow
def test_ctrl_c_is_a_good_end(service: Start) -> None:
    assert service("--quiet").stop(signal.SIGINT) == (0, "")


@pytest.mark.slow
def test_what_is_running_is_finished(service: Start, heavy: bytes) -> None:
    running = service("--threads", 1)
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(post, running, "/v1/read", heavy) for _ in range(6)]
        until(lambda: b"tenfold_requests_running 6.0" in post(running, "/metrics", b"")[2])
        assert not all(answer.done() for answer in waiting)
        ended, _ = running.stop()
        assert [answer.result()[0] for answer in waiting] == [200] * 6
    assert ended == 0
    with pytest.raises(OSError):
        post(running, "/v1/read", heavy)


@pytest.mark.slow
def test_health_answers_while_pictures_are_read(running: Service, heavy: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(post, running, "/v1/read", heavy) for _ in range(4)]
        answered = 0
        while not all(answer.done() for answer in waiting):
            began = time.perf_counter()
            assert post(running, "/v2/health/live", b"")[0] == 200
            assert time.perf_counter() - began < 2
            answered += 1
        assert answered > 2


@pytest.mark.slow
def test_a_body_is_refused_while_it_arrives(guarded: Service) -> None:
    address = urlsplit(guarded.address)
    token = f"Authorization: Bearer {TOKEN}\r\n".encode()
    for head in (b"Content-Length: 900000000\r\n", b"Transfer-Encoding: chunked\r\n"):
        with socket.create_connection((address.hostname, address.port), timeout=20) as caller:
            caller.sendall(b"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\n" + token + head + b"\r\n")
            sent = 0
            try:
                while sent < 50_000_000:
                    caller.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    sent += 65536
            except OSError:
                pass
            assert sent < 20_000_000  # and not all of it: what the sockets hold on the way, at most
            caller.settimeout(5)
            try:
                answer = caller.recv(1000)
                assert answer == b"" or b" 413 " in answer
            except ConnectionError:
                pass
    assert post(guarded, "/v2/health/live", b"")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n",
        b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /gallery/..%2f..%2fapplication.py HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 1000,
    ],
)
def test_broken_requests_break_nothing(running: Service, raw: bytes) -> None:
    address = urlsplit(running.address)
    with socket.create_connection((address.hostname, address.port), timeout=10) as caller:
        try:
            caller.sendall(raw)
            caller.shutdown(socket.SHUT_WR)
            answer = caller.recv(100_000)
        except OSError as error:  # the service has closed the connection before it was all sent
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
            answer = b""
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert b"import " not in answer
    assert post(running, "/v2/health/live", b"")[0] == 200


class Quick(Connection):
    seconds = 0.3


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /v1/read HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
        (b"GET /" + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nX: ", 408),
        (b"GET / HTTP/1.1\r\n\r\n|GET / HTTP/1.1\r\nX", 408),  # the second one
        (b"", None),
    ],
)
def test_heads_are_bounded_and_refused_in_json(raw: bytes, status: int | None) -> None:
    async def empty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def scenario() -> bytes:
        config = uvicorn.Config(empty, log_config=None, http=Quick)
        config.load()
        state = ServerState()
        listening = await asyncio.get_running_loop().create_server(
            lambda: Quick(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with listening:
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            for some in raw.split(b"|"):
                writer.write(some)
                await asyncio.sleep(0.05)
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

    *_, head, body = [b"", *run(scenario()).split(b"\r\n\r\n")]
    if status is None:
        assert body == b""
    else:
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"application/json" in head
        assert list(json.loads(body)) == ["error"]


def test_what_nobody_waits_for_costs_no_more(service: Start, digit: bytes) -> None:
    pytest.importorskip("pypdfium2")
    running = service("--threads", 1, "--max-seconds", 60)
    address = urlsplit(running.address)
    raw = hostile.many_strokes(100_000)  # minutes
    with socket.create_connection((address.hostname, address.port), timeout=20) as caller:
        caller.sendall(b"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)
        until = time.monotonic() + 20
        while b"tenfold_requests_running 1.0" not in post(running, "/metrics", b"")[2]:
            assert time.monotonic() < until
    began = time.monotonic()
    assert post(running, "/v1/read", digit)[0] == 200
    assert time.monotonic() - began < 20
    assert b'status="499"' in post(running, "/metrics", b"")[2]


@pytest.mark.slow
def test_several_workers(service: Start, digit: bytes) -> None:
    running = service("--workers", 2, "--quiet")
    for _ in range(40):
        assert post(running, "/v1/read", digit)[0] == 200
    counted = b'_total{method="POST",path="/v1/read",status="200"} 40.0'
    until(lambda: counted in post(running, "/metrics", b"")[2])  # after its answer is sent
    workers = _children(running.process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: len(set(_children(running.process.pid)) - {workers[0]}) == 2)
    assert post(running, "/v1/read", digit)[0] == 200
    assert running.stop() == (0, "")
    assert not _alive(workers)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such settings")
def test_large_pictures_leave_no_memory_behind(service: Start) -> None:
    running = service("--quiet", "--threads", 4)
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000), np.uint8)
    with ThreadPoolExecutor(4) as pool:
        statuses = {answer[0] for answer in pool.map(lambda _: post(running, "/v1/read", png(noise)), range(8))}
    assert statuses <= {200, 422}
    held = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{running.process.pid}/status").read_text())
    assert held is not None
    assert int(held[1]) < 250_000  # kB; 400,000 and more where each thread's arena keeps what was large


@pytest.mark.slow
def test_workers_do_not_outlive_what_started_them(service: Start) -> None:
    running = service("--workers", 2, "--quiet")
    post(running, "/v2/health/ready", b"")
    workers = _children(running.process.pid)
    running.process.kill()
    until(lambda: not _alive(workers))


def _children(pid: int) -> list[int]:
    """The workers of a process: its children that have started Python's spawn."""
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == pid and stat[0] != "Z" and b"spawn_main" in (folder / "cmdline").read_bytes():
                workers.append(int(folder.name))
        except OSError:
            continue
    return workers


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in _state(pid)]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.slow
def test_starting_imports_no_torch() -> None:
    program = (
        "import sys, tenfold.serve.server as s, tenfold.serve.application as a\n"
        "from tenfold.serve.settings import Settings\n"
        "a.create(Settings())\n"
        "print([name for name in ('torch', 'matplotlib', 'onnx', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_wrong_addresses_and_workers() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(AddressError, match="--port"):
        serve(Settings(), port=taken.getsockname()[1])
    with pytest.raises(AddressError):
        listen("no such host", 0)
    with pytest.raises(UsageError, match="--workers must be 1 or more, not 0"):
        serve(Settings(), workers=0)


@pytest.mark.slow
def test_it_serves_when_nobody_reads_what_it_prints() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tenfold", "serve", "--port", str(port), "--quiet"]
    process = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    until(ready, process)
    process.terminate()
    assert (process.wait(30), process.communicate()[1]) == (0, "")
