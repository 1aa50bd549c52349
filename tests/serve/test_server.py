"""The service as a process: how it starts, what it does under load and abuse, and how it ends."""

import asyncio
import base64
import http.client
import io
import json
import os
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
from PIL import Image

from conftest import Cli, Service, on_paper, write_number
from tenfold.errors import AddressError, UsageError
from tenfold.serve.server import listen, serve
from tenfold.serve.settings import Settings
from tenfold.serve.threads import Threads

Start = Callable[..., Service]


def png(image: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(scope="module")
def digit() -> bytes:
    return png(on_paper(write_number("7")))


@pytest.fixture(scope="module")
def heavy() -> bytes:
    """A picture that takes a good part of a second to read."""
    lines = [write_number("2718281828 4590452353", size=70, seed=k, margin=0.2) for k in range(24)]
    width = max(line.shape[1] for line in lines)
    page = np.concatenate([np.pad(line, ((0, 0), (0, width - line.shape[1]))) for line in lines])
    return png(on_paper(page))


def post(service: Service, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    caller = http.client.HTTPConnection(urlsplit(service.address).netloc, timeout=60)
    caller.request("POST" if body else "GET", path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = caller.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    caller.close()
    return found


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
        until = time.monotonic() + 20
        while b"tenfold_requests_running 6.0" not in post(running, "/metrics", b"")[2]:
            assert time.monotonic() < until
        assert not all(answer.done() for answer in waiting)
        ended, _ = running.stop()
        assert [answer.result()[0] for answer in waiting] == [200] * 6
    assert ended == 0
    with pytest.raises(OSError):
        post(running, "/v1/read", heavy)


@pytest.mark.slow
def test_over_the_queue_the_caller_is_told_to_come_again(service: Start, heavy: bytes) -> None:
    running = service("--threads", 1, "--queue", 1)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(running, "/v1/read", heavy), range(6)))
        statuses = sorted(status for status, _, _ in answers)
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 2
        for status, headers, body in answers:
            if status == 503:
                assert int(headers["retry-after"]) >= 1
                assert list(json.loads(body)) == ["error"]
    assert post(running, "/v2/health/ready", b"")[0] == 200
    assert b"tenfold_requests_refused_total" in post(running, "/metrics", b"")[2]
    assert post(running, "/v1/read", heavy)[0] == 200


@pytest.mark.slow
def test_health_answers_while_pictures_are_read(service: Start, heavy: bytes) -> None:
    running = service("--threads", 2, "--quiet")
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
def test_a_body_is_refused_while_it_arrives(service: Start) -> None:
    running = service("--max-bytes", 100_000, "--quiet")
    address = urlsplit(running.address)
    for head in (b"Content-Length: 900000000\r\n", b"Transfer-Encoding: chunked\r\n"):
        with socket.create_connection((address.hostname, address.port), timeout=20) as caller:
            caller.sendall(b"POST /v1/read HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
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
    assert post(running, "/v2/health/live", b"")[0] == 200


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
def test_broken_requests_break_nothing(hardened: Service, raw: bytes) -> None:
    address = urlsplit(hardened.address)
    with socket.create_connection((address.hostname, address.port), timeout=10) as caller:
        try:
            caller.sendall(raw)
            caller.shutdown(socket.SHUT_WR)
            answer = caller.recv(100_000)
        except ConnectionError:
            answer = b""
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert b"import " not in answer
    assert post(hardened, "/v2/health/live", b"")[0] == 200


@pytest.fixture(scope="module")
def hardened() -> "object":
    running = Service()
    yield running
    ended, error = running.stop()
    assert ended == 0
    assert "Traceback" not in error


@pytest.mark.slow
def test_a_slow_body_does_not_hold_a_place_for_ever(digit: bytes) -> None:
    program = (
        "from tenfold.serve.server import serve; from tenfold.serve.settings import Settings\n"
        "serve(Settings(queue=0, patience=1.0), port=0, started=lambda address: print(address, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    address = urlsplit(process.stdout.readline().decode().strip())
    try:
        with socket.create_connection((address.hostname, address.port), timeout=20) as caller:
            caller.sendall(b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
            time.sleep(0.3)
            assert _status(address.netloc, digit) == 503  # the only place is taken
            assert b" 408 " in caller.recv(1000)
        assert _status(address.netloc, digit) == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _status(place: str, body: bytes) -> int:
    caller = http.client.HTTPConnection(place, timeout=60)
    caller.request("POST", "/v1/read", body)
    status = caller.getresponse().status
    caller.close()
    return status


@pytest.mark.slow
def test_several_workers(service: Start, digit: bytes) -> None:
    running = service("--workers", 2, "--quiet")
    for _ in range(40):
        assert post(running, "/v1/read", digit)[0] == 200
    until = time.monotonic() + 10  # a request is counted after its answer is sent
    while b'_total{method="POST",path="/v1/read",status="200"} 40.0' not in post(running, "/metrics", b"")[2]:
        assert time.monotonic() < until
    workers = _children(running.process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    until = time.monotonic() + 30
    while len(set(_children(running.process.pid)) - {workers[0]}) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert post(running, "/v1/read", digit)[0] == 200
    assert running.stop() == (0, "")
    assert not _alive(workers)


@pytest.mark.slow
def test_workers_do_not_outlive_what_started_them(service: Start) -> None:
    running = service("--workers", 2, "--quiet")
    post(running, "/v2/health/ready", b"")
    workers = _children(running.process.pid)
    running.process.kill()
    until = time.monotonic() + 20
    while _alive(workers):
        assert time.monotonic() < until
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    """The workers of a process: its children that have started Python's spawn."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == pid and stat[0] != "Z" and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in _state(pid)]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.slow
def test_starting_imports_no_torch(service: Start) -> None:
    program = (
        "import sys, tenfold.serve.server as s, tenfold.serve.application as a\n"
        "from tenfold.serve.settings import Settings\n"
        "a.create(Settings())\n"
        "print([name for name in ('torch', 'matplotlib', 'onnx', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_address_that_is_taken() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(AddressError, match="--port"):
        serve(Settings(), port=taken.getsockname()[1])
    with pytest.raises(AddressError):
        listen("no such host", 0)


def test_options_that_cannot_be_meant(tenfold_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for options, told in (
        (["--threshold", 2], "threshold"),
        (["--max-bytes", 0], "max-bytes"),
        (["--max-pictures", -1], "max-pictures"),
        (["--queue", -1], "queue"),
        (["--token", ""], "token"),
        (["--token", "two words"], "token"),
        (["--cors", "example.org"], "cors"),
        (["--cors", "https://example.org/"], "cors"),
        (["--corrections", tmp_path / "file"], "corrections"),
        (["--workers", 0], "workers"),
        (["--port", 70000], "port"),
    ):
        status, out, err = tenfold_cli("serve", *options)
        assert (status, out) == (2, ""), options
        assert told in err
        assert len(err.splitlines()) == 1
    for options in (["--model", tmp_path / "none.onnx"], ["--corrections", tmp_path / "file" / "below"]):
        for workers in (1, 2):
            status, out, err = tenfold_cli("serve", "--port", 0, "--workers", workers, *options)
            assert (status, len(err.splitlines())) == (1, 1)
    with pytest.raises(UsageError):
        serve(Settings(), workers=0)


def test_help_has_examples(tenfold_cli: Cli) -> None:
    out = tenfold_cli("serve", "--help").out
    assert "--corrections" in out
    assert "curl" in out


@pytest.mark.slow
def test_a_name_that_was_made_to_lead_here(service: Start, tmp_path: Path) -> None:
    """DNS rebinding: a page of another site, under a name that now leads to the loopback address."""
    running = service("--corrections", tmp_path / "mine", "--cors", "https://known.example", "--quiet")
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:16] = 200
    body = json.dumps({"label": "7", "input": base64.b64encode(image.tobytes()).decode()}).encode()
    place = urlsplit(running.address).netloc
    for host, origin, status in (
        ("evil.example:8000", "http://evil.example:8000", 403),
        (place, "https://evil.example", 403),
        (place, f"http://{place}", 201),
        ("digits.example", "https://known.example", 201),
    ):
        headers = {"host": host, "origin": origin, "content_type": "application/json"}
        assert post(running, "/v1/corrections", body, **headers)[0] == status, host


@pytest.mark.slow
def test_it_serves_when_nobody_reads_what_it_prints() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tenfold", "serve", "--port", str(port), "--quiet"]
    process = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=30) as answer:
                assert answer.status == 200
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)
    process.terminate()
    assert (process.wait(30), process.communicate()[1]) == (0, "")


def test_a_quick_answer_does_not_wait_for_a_slow_one() -> None:
    async def run() -> list[float]:
        began = time.perf_counter()

        async def one(seconds: float) -> float:
            await threads.do(time.sleep, seconds)
            return time.perf_counter() - began

        with Threads(2) as threads:
            return await asyncio.gather(one(0.6), one(0.0), one(0.6))

    first, quick, last = asyncio.run(run())
    assert quick < 0.3 < min(first, last)


def test_what_is_raised_in_a_thread_is_raised_where_it_is_waited_for() -> None:
    async def run(call: Callable[[], object]) -> object:
        with Threads(1) as threads:
            return await threads.do(call)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run(lambda: 1 // 0))
    with pytest.raises(RuntimeError):
        asyncio.run(run(lambda: next(iter(()))))
    assert asyncio.run(run(lambda: 7)) == 7
