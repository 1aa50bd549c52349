"""How fast does the service answer, next to an endpoint that does nothing, and does it keep its memory and its answers?

    python benchmarks/serving.py [--seconds 6] [--rounds 3] [--workers 2]

Two services on loopback in one run, each with uvicorn, FastAPI and a worker for each core: `tenfold serve`, and a bare
endpoint that receives the body and answers how long it is. The clients are connections that each send the next picture
once they have an answer, from one more process, so that all share the cores: once as lean as Python can, and once as
most programs would, with httpx in a thread each. Rounds take turns.
"""

import asyncio
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from measuring import Row, arguments, machine_name, measured, median, process, save, table
from pages import photo, png
from tenfold.mnist import embedded

SMALL, PHOTO = "28 x 28 PNG", "2-megapixel photo"
Load = Callable[[str, list[bytes], int, float, int], tuple[list[float], float, int]]
BARE = """
import socket, sys, uvicorn
from fastapi import FastAPI, Request, Response
from uvicorn.supervisors import Multiprocess
app = FastAPI()
@app.post("/v1/read")
async def read(request: Request) -> Response:
    return Response('{"bytes": %d}' % len(await request.body()), media_type="application/json")
if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print("bare at http://127.0.0.1:%d" % listening.getsockname()[1], flush=True)
    options = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config("bare:app", workers=int(sys.argv[1]), **options)
    if config.workers == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()
"""


@contextmanager
def server(*command: str) -> Iterator[tuple[str, int, float]]:
    """A server as a Python process: its address, process id and seconds to start."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        address = re.search(r"http://\S+:\d+", running.stdout.readline())
        assert address, command
        seconds = time.perf_counter() - began
        try:
            yield address[0], running.pid, seconds
        finally:
            running.terminate()
            running.wait(60)


def serve(*options: str) -> AbstractContextManager[tuple[str, int, float]]:
    """`tenfold serve` as a process: its address, process id and seconds to start."""
    return server("-m", "tenfold", "serve", "--port", "0", *options)


def lean(
    address: str, pictures: list[bytes], clients: int, seconds: float, most: int
) -> tuple[list[float], float, int]:
    """Seconds that each answer took, seconds in all, and answers other than 200."""
    place, times = urlsplit(address), list[float]()
    head = "POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"
    bodies = [head.format(len(picture)).encode() + picture for picture in pictures]
    began = time.perf_counter()

    async def client(first: int) -> int:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        number, failed = first, 0
        while time.perf_counter() < began + seconds and len(times) < most:
            before = time.perf_counter()
            writer.write(bodies[number % len(bodies)])
            answer = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            assert size
            await reader.readexactly(int(size[1]))
            times.append(time.perf_counter() - before)
            failed += not answer.startswith(b"HTTP/1.1 200")
            number += 1
        writer.close()
        return failed

    async def together() -> list[int]:
        return await asyncio.gather(*(client(k * 7) for k in range(clients)))

    failed = sum(asyncio.run(together()))
    return times, time.perf_counter() - began, failed


def usual(
    address: str, pictures: list[bytes], clients: int, seconds: float, most: int
) -> tuple[list[float], float, int]:
    """The same with httpx, a thread and a connection for each client."""
    import httpx2

    times: list[float] = []
    began = time.perf_counter()

    def client(first: int) -> int:
        number, failed = first, 0
        with httpx2.Client(timeout=60) as connection:
            while time.perf_counter() < began + seconds and len(times) < most:
                before = time.perf_counter()
                answer = connection.post(f"{address}/v1/read", content=pictures[number % len(pictures)])
                times.append(time.perf_counter() - before)
                failed += answer.status_code != 200
                number += 1
        return failed

    with ThreadPoolExecutor(clients) as pool:
        failed = sum(pool.map(client, (k * 7 for k in range(clients))))
    return times, time.perf_counter() - began, failed


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


LOADS: list[tuple[str, Load, int]] = [(kind, lean, clients) for kind in (SMALL, PHOTO) for clients in (1, 8, 64)]
LOADS.insert(2, (SMALL, usual, 8))


def make_pictures() -> dict[str, list[bytes]]:
    """The bytes of the files that are sent."""
    digits, generator = embedded.read("train"), np.random.default_rng(0)
    photos = []
    for text in ("31415926", "2718", "0577"):
        file = io.BytesIO()
        photo(digits, [text], 150, generator, (1632, 1224)).convert("RGB").save(file, "JPEG", quality=90)
        photos.append(file.getvalue())
    return {SMALL: [png(image) for image in digits.images[50_000:51_000]], PHOTO: photos}


def loads(pool: ProcessPoolExecutor, pictures: dict[str, list[bytes]], options: Namespace) -> list[Row]:
    """A row for each load of each service in each round."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare.py").write_text(BARE)
        workers = str(options.workers)
        with server(f"{folder}/bare.py", workers) as (bare, *_), serve("--workers", workers) as (ours, *_):
            for address in (bare, ours):  # until all workers are up
                pool.submit(lean, address, pictures[SMALL], 16, 3, 2000).result()
            for _, (kind, client, clients) in itertools.product(range(options.rounds), LOADS):
                for who, address in (("bare", bare), ("tenfold", ours)):
                    times, took, failed = pool.submit(
                        client, address, pictures[kind], clients, options.seconds, 50_000
                    ).result()
                    p50, p99 = np.percentile(np.array(times) * 1000, (50, 99))
                    row = {"who": who, "picture": kind, "client": client.__name__, "clients": clients}
                    row |= {"a second": len(times) / took, "p50_ms": float(p50), "p99_ms": float(p99)}
                    rows.append({**row, "n": len(times), "failed": failed})
                    print(rows[-1], flush=True)
    return rows


def same_answers(address: str, pictures: list[bytes]) -> int:
    """How many pictures the service answers as `tenfold read --json` does."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.png" for k in range(len(pictures))]
        for path, picture in zip(paths, pictures, strict=True):
            path.write_bytes(picture)
        lines = process(["-m", "tenfold", "read", *map(str, paths), "--json", "--quiet"])[1].splitlines()
    same = 0
    for picture, line in zip(pictures, lines, strict=True):
        request = urllib.request.Request(f"{address}/v1/read", picture, {"Content-Type": "image/png"})
        with urllib.request.urlopen(request) as answer:
            same += {**json.loads(line), "path": None} == json.load(answer)
    return same


def summarise(rows: list[Row]) -> list[Row]:
    """The medians of each load over the rounds."""
    summaries = []
    for kind, client, clients in LOADS:
        load = {"picture": kind, "client": client.__name__, "clients": clients}
        some = [row for row in rows if row.items() >= load.items()]
        ours, bare = ([row for row in some if row["who"] == who] for who in ("tenfold", "bare"))
        summary = load | {key: median([row[key] for row in ours]) for key in ("a second", "p50_ms", "p99_ms")}
        summary["bare, a second"] = median([row["a second"] for row in bare])
        ratios = [one["a second"] / other["a second"] for one, other in zip(ours, bare, strict=True)]
        summaries.append({**summary, "ratio": median(ratios), "failed": sum(row["failed"] for row in ours)})
    return summaries


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--requests", type=int, default=20_000, help="for the memory")
    options = parser.parse_args()
    pictures = make_pictures()
    starts: list[float] = []
    compared = [*pictures[SMALL][:200], *pictures[PHOTO]]
    with ProcessPoolExecutor(1) as pool:
        rows = loads(pool, pictures, options)
        for _ in range(5):
            with serve() as (_, _, seconds):
                starts.append(seconds)
        with serve() as (address, pid, _):
            memory = []
            for count in (1000, options.requests - 1000):
                pool.submit(lean, address, pictures[SMALL], 8, 600, count).result()
                memory.append(resident(pid))
            same = same_answers(address, compared)
    summary: Row = {
        "machine": machine_name(),
        "rounds": options.rounds,
        "workers": options.workers,
        "seconds to start": median(starts),
        "requests": options.requests,
        "memory after 1,000 requests, MB": memory[0],
        "memory after all requests, MB": memory[1],
        "memory ratio": memory[1] / memory[0],
        "answers as of tenfold read": same,
        "answers compared": len(compared),
        "load": summarise(rows),
    }
    print(json.dumps(summary, indent=1))
    save("serving", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("serving")
    shown = {"lean": "lean", "usual": "httpx"}
    rows = [
        f"{row['picture']} | {row['clients']}, {shown[row['client']]} | {row['a second']:,.0f} | "
        f"{row['p50_ms']:,.1f} ms | {row['p99_ms']:,.0f} ms | {row['bare, a second']:,.0f} | {row['ratio']:.2f}"
        for row in s["load"]
    ]
    head = "picture | clients | a second | p50 | p99 | bare, a second | ratio"
    assert not any(row["failed"] for row in s["load"])
    more = (
        f"Medians of {s['rounds']} rounds, {s['workers']} workers each. It starts in {s['seconds to start']:.2f} s. "
        f"A worker holds {s['memory after 1,000 requests, MB']:.0f} MB after 1,000 requests and "
        f"{s['memory after all requests, MB']:.0f} MB after {s['requests']:,}, {s['memory ratio'] - 1:+.1%}. "
        f"{s['answers as of tenfold read']} of {s['answers compared']} answers were those of `tenfold read --json`."
    )
    return {"serving": f"{table(head, rows)}\n\n{more}\n\n{by}"}


if __name__ == "__main__":
    main()
