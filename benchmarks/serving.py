"""How fast does the service answer, next to an endpoint that does nothing, and does it keep its memory and its answers?

    python benchmarks/serving.py [--seconds 6] [--rounds 3] [--workers 2]

Two services on loopback in one run, each with uvicorn, FastAPI and a worker for each core: `tenfold serve`, and a bare
endpoint that receives the body and answers how long it is. The clients are connections that each send the next picture
once they have an answer, from one more process, so that all share the cores: once as lean as Python can, and once as
most programs would, with httpx in a thread each. Rounds take turns.
"""

import argparse
import asyncio
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from measuring import machine_name, median, save
from pages import on_paper, sheet, written
from tenfold.mnist import embedded

SMALL, PHOTO = "28 x 28 PNG", "2-megapixel photo"
Load = Callable[[str, list[bytes], int, float, int], tuple[list[float], float, int]]
BARE = """
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.post("/v1/read")
async def read(request: Request) -> Response:
    return Response('{"bytes": %d}' % len(await request.body()), media_type="application/json")
"""
SERVE = """
import socket, sys, uvicorn
from uvicorn.supervisors import Multiprocess
sys.path.insert(0, sys.argv[1])
if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print("bare at http://127.0.0.1:%d" % listening.getsockname()[1], flush=True)
    options = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config("bare:app", workers=int(sys.argv[2]), **options)
    if config.workers == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()
"""


@contextmanager
def process(*command: str) -> Iterator[tuple[str, int, float]]:
    """A server's address, process and seconds to start."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        found = re.search(r"http://\S+:\d+", running.stdout.readline())
        assert found, command
        address = found[0]
        seconds = time.perf_counter() - began
        try:
            yield address, running.pid, seconds
        finally:
            running.terminate()
            running.wait(60)


class Client(asyncio.Protocol):
    """A connection that sends the next body as soon as it has an answer, and notes how long each took."""

    def __init__(self, bodies: list[bytes], until: float, most: int, times: list[float]) -> None:
        self.bodies, self.until, self.most, self.times = bodies, until, most, times
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer, self.number, self.failed = b"", 0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the next body, or end."""
        if time.perf_counter() > self.until or len(self.times) >= self.most:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(self.bodies[self.number % len(self.bodies)])
        self.number += 1

    def data_received(self, data: bytes) -> None:
        """Note a whole answer."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert size
        if len(rest) < int(size[1]):
            return
        self.failed += not head.startswith(b"HTTP/1.1 200")
        self.times.append(time.perf_counter() - self.began)
        self.buffer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End."""
        if not self.done.done():
            self.done.set_result(None)


def lean(
    address: str, pictures: list[bytes], clients: int, seconds: float, most: int
) -> tuple[list[float], float, int]:
    """Seconds that each answer took, seconds in all, and answers other than 200."""
    place = urlsplit(address)
    head = "POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"
    bodies = [head.format(len(picture)).encode() + picture for picture in pictures]

    async def run() -> tuple[list[float], float, int]:
        times: list[float] = []
        loop, began = asyncio.get_running_loop(), time.perf_counter()
        made = []
        for k in range(clients):
            turned = bodies[k * 7 % len(bodies) :] + bodies[: k * 7 % len(bodies)]
            client = Client(turned, began + seconds, most, times)
            await loop.create_connection(lambda c=client: c, "127.0.0.1", int(place.port or 0))  # type: ignore[misc]
            made.append(client)
        await asyncio.gather(*(client.done for client in made))
        return times, time.perf_counter() - began, sum(client.failed for client in made)

    return asyncio.run(run())


def usual(
    address: str, pictures: list[bytes], clients: int, seconds: float, most: int
) -> tuple[list[float], float, int]:
    """The same with httpx, a thread and a connection for each client."""
    import httpx2

    times: list[float] = []
    failed: list[int] = []
    began = time.perf_counter()

    def call(first: int) -> None:
        with httpx2.Client(timeout=60) as client:
            number = first
            while time.perf_counter() < began + seconds and len(times) < most:
                before = time.perf_counter()
                answer = client.post(f"{address}/v1/read", content=pictures[number % len(pictures)])
                times.append(time.perf_counter() - before)
                failed.append(answer.status_code != 200)
                number += 1

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(call, (k * 7 for k in range(clients))))
    return times, time.perf_counter() - began, sum(failed)


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


LOADS: list[tuple[str, Load, int]] = [(kind, lean, clients) for kind in (SMALL, PHOTO) for clients in (1, 8, 64)]
LOADS.insert(2, (SMALL, usual, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--requests", type=int, default=20_000, help="for the memory")
    options = parser.parse_args()
    digits = embedded.read("train")
    small = [png(image) for image in digits.images[50_000:51_000]]
    generator = np.random.default_rng(0)
    photos = []
    for text in ("31415926", "2718", "0577"):
        ink = sheet([written(digits, text, 150, generator, (0.1, 0.4))], 150, generator)
        picture = Image.fromarray((on_paper(ink, generator) * 255).astype(np.uint8)).resize((1632, 1224)).convert("RGB")
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=90)
        photos.append(packed.getvalue())
    pictures = {SMALL: small, PHOTO: photos}
    rows: list[dict[str, Any]] = []
    starts: list[float] = []
    with ProcessPoolExecutor(1) as pool:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            (Path(folder) / "bare.py").write_text(BARE)
            (Path(folder) / "serve.py").write_text(SERVE)
            workers = str(options.workers)
            bare = stack.enter_context(process(f"{folder}/serve.py", folder, workers))[0]
            ours = stack.enter_context(process("-m", "tenfold", "serve", "--port", "0", "--workers", workers))[0]
            for address in (bare, ours):  # until all workers are up
                pool.submit(lean, address, small, 16, 3, 2000).result()
            for _ in range(options.rounds):
                for kind, client, clients in LOADS:
                    for who, address in (("bare", bare), ("tenfold", ours)):
                        rows.append(
                            {
                                "who": who,
                                "picture": kind,
                                "client": client.__name__,
                                "clients": clients,
                                **measured(pool, client, address, pictures[kind], clients, options.seconds),
                            }
                        )
                        print(rows[-1], flush=True)
        for _ in range(5):
            with process("-m", "tenfold", "serve", "--port", "0") as (ours, pid, seconds):
                starts.append(seconds)
        with process("-m", "tenfold", "serve", "--port", "0") as (ours, pid, _):
            memory = []
            for count in (1000, options.requests - 1000):
                pool.submit(lean, ours, small, 8, 600, count).result()
                memory.append(resident(pid))
            alike, compared = answers(ours, [*small[:200], *photos])
    summary: dict[str, Any] = {
        "machine": machine_name(),
        "rounds": options.rounds,
        "workers": options.workers,
        "seconds to start": median(starts),
        "requests": options.requests,
        "memory after 1,000 requests, MB": memory[0],
        "memory after all requests, MB": memory[1],
        "memory ratio": memory[1] / memory[0],
        "answers as of tenfold read": alike,
        "answers compared": compared,
        "load": [],
    }
    for kind, client, clients in LOADS:
        told = {"picture": kind, "client": client.__name__, "clients": clients}
        mine, theirs = (
            [r for r in rows if r["who"] == who and {k: r[k] for k in told} == told] for who in ("tenfold", "bare")
        )
        summary["load"].append(
            {
                **told,
                **{key: median([r[key] for r in mine]) for key in ("a second", "p50_ms", "p99_ms")},
                "bare, a second": median([r["a second"] for r in theirs]),
                "ratio": median([m["a second"] / t["a second"] for m, t in zip(mine, theirs, strict=True)]),
                "failed": sum(r["failed"] for r in mine),
            }
        )
    print(json.dumps(summary, indent=1))
    save("serving", summary, rows)


def measured(
    pool: ProcessPoolExecutor, client: Load, address: str, pictures: list[bytes], clients: int, seconds: float
) -> dict[str, Any]:
    """The rate and the times of one load."""
    times, took, failed = pool.submit(client, address, pictures, clients, seconds, 50_000).result()
    p50, p99 = np.percentile(np.array(times) * 1000, (50, 99))
    return {
        "a second": len(times) / took,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "n": len(times),
        "failed": failed,
    }


def png(image: "np.ndarray[Any, Any]") -> bytes:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


def answers(address: str, pictures: list[bytes]) -> tuple[int, int]:
    """How many pictures the service answers as `tenfold read --json` does, of how many."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for k, picture in enumerate(pictures):
            paths.append(Path(folder) / f"{k}.png")
            paths[-1].write_bytes(picture)
        command = [sys.executable, "-m", "tenfold", "read", *map(str, paths), "--json", "--quiet"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    alike = 0
    for picture, line in zip(pictures, lines, strict=True):
        request = urllib.request.Request(f"{address}/v1/read", picture, {"Content-Type": "image/png"})
        with urllib.request.urlopen(request) as answer:
            alike += {**json.loads(line), "path": None} == json.load(answer)
    return alike, len(pictures)


if __name__ == "__main__":
    main()
