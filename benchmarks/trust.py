"""What do hostile pictures cost, and what does it cost all others that these are bounded?

    python benchmarks/trust.py [cost] [hostile] [traffic] [--before FOLDER] [--rounds 21] [--minutes 3]

Parts that are not named keep their rows. Writes results/trust.json.

    cost        time of a small picture, of `tenfold read one.png` from a cold start and of a request to the service,
                as a ratio to the code of an earlier checkout; the two take turns, and ratios are those of pairs
    hostile     pictures and documents that were made to hurt, each read by the command line and by the service:
                seconds, and the most memory of all its processes together
    traffic     the service with its queue full of such files, beside callers with small pictures: how many of their
                answers are right, how long they wait, and whether the service keeps its memory
"""

import asyncio
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from measuring import ROOT, Row, arguments, earlier_rows, machine_name, measured, median, save, table
from tenfold.mnist import embedded

sys.path.append(str(ROOT / "tests"))

from read.hostile import dots, hatched, nested_forms, pdf, stream

COMMAND_LINE, SERVICE = 1000, 400  # MB: what no picture within the limits takes more of
COLD, REQUEST = 1.05, 1.1  # the ratios that a small picture must not be above
LEAN = "POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"


def png(image: np.ndarray | Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, form, **options)
    return file.getvalue()


def strokes() -> bytes:
    """A PDF of one page with lines of very short dashes, packed."""
    lines = b" ".join(b"%d 0 m %d 800 l %d 0 l S" % (k % 600, (7 * k) % 600, (13 * k) % 600) for k in range(30_000))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>"
    return pdf([page, stream(b"/Filter/FlateDecode", zlib.compress(b"[0.5 0.5] 0 d 9 w 1 J 1 j " + lines))], [3])


def bomb() -> bytes:
    """A PDF of one page whose content is a few kB packed, and 2 GB unpacked."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * 1_000_000) for _ in range(2000)) + packer.flush()
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>"
    return pdf([page, stream(b"/Filter/FlateDecode", packed)], [3])


def empty_pages(count: int, side: int = 800) -> bytes:
    return pdf([b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]>>" % (side, side)], [3] * count)


def scans() -> bytes:
    """A progressive JPEG of 12 megapixels with thousands of scans."""
    raw = png(Image.new("L", (4000, 3000), 128), "JPEG", progressive=True)
    return raw[:-2] + b"\xff\xda\0\x08\x01\x01\0\x01\x05\0" * 20_000 + raw[-2:]


def claiming() -> bytes:
    """A JPEG whose EXIF has 5,000 entries, each with all of its bytes."""
    entry = struct.pack("<HHII", 0x9000, 7, 60_000, 8)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5000) + entry * 5000
    raw = png(Image.new("L", (100, 100), 128), "JPEG")
    return raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:]


def hostile_pictures() -> Iterator[tuple[str, bytes]]:
    """Files by name, one made at a time."""
    yield "nested.pdf", nested_forms()
    yield "strokes.pdf", strokes()
    yield "bomb.pdf", bomb()
    yield "pages-2000.pdf", empty_pages(2000)
    yield "pages-100.pdf", empty_pages(100)
    yield "poster.pdf", empty_pages(1, 4700)
    yield "dots.png", png(dots(4, 8))
    yield "dots-small.png", png(dots(3, 6))
    yield "dots-few.png", png(dots(14, 26))
    yield "hatched.png", png(hatched())
    yield "noise.png", png(np.random.default_rng(0).integers(0, 256, (1600, 1600), np.uint8))
    yield "deep-50.png", png(np.full((6250, 8000), 60_000, np.uint16))
    yield "colours-50.png", png(np.full((6250, 8000, 3), 200, np.uint8))
    yield "clear-50.png", png(np.full((6250, 8000, 4), 200, np.uint8))
    yield "deep-100.png", png(np.full((10_000, 10_000), 60_000, np.uint16))
    yield "colours-100.png", png(np.full((10_000, 10_000, 3), 200, np.uint8))
    yield "progressive-50.jpg", png(Image.new("RGB", (8000, 6250), (9, 90, 200)), "JPEG", progressive=True)
    yield "scans.jpg", scans()
    yield "exif.jpg", claiming()
    yield "floats-50.tif", png(Image.new("F", (8000, 6250), 0.5), "TIFF", compression="tiff_deflate")
    yield "black-50.gif", png(Image.new("P", (8000, 6250)), "GIF")


def tree(pid: int) -> list[int]:
    """A process and those that it started, and so on."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def resident(pid: int) -> float:
    """Megabytes that a process and all below it hold, what they share counted for each."""
    pages = 0
    for each in tree(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text(encoding="utf-8").split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watching:
    """The most memory of a process and all below it, looked at a hundred times a second."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._pid, self._done = pid, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, resident(self._pid))

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def environment(code: Path | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str((code or ROOT).absolute() / "src")}


@contextmanager
def serving(code: Path | None = None, *options: str) -> Iterator[tuple[str, int]]:
    """`tenfold serve` as a process: its address and its process id."""
    command = [sys.executable, "-m", "tenfold", "serve", "--port", "0", "--quiet", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(code)
    ) as running:
        assert running.stdout is not None
        address = re.search(r"http://\S+:\d+", running.stdout.readline())
        assert address
        try:
            yield address[0], running.pid
        finally:
            running.terminate()
            running.wait(60)


async def ask(address: str, picture: bytes) -> tuple[int, str]:
    """The status and the body of an answer."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(LEAN.format(len(picture)).encode() + picture)
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert size
        return int(head.split()[1]), (await reader.readexactly(int(size[1]))).decode()
    finally:
        writer.close()


def small_pictures(count: int) -> list[bytes]:
    digits = embedded.read("train")
    return [png(255 - image) for image in digits.images[50_000 : 50_000 + count]]


def cost(rounds: int, before: Path) -> list[Row]:
    """Rows of seconds, of this code and of the one before, in turn."""
    rows: list[Row] = []
    codes = {"now": None, "before": before}
    pictures = small_pictures(200)
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "one.png"
        one.write_bytes(pictures[0])
        for number in range(-2, rounds):
            for code in list(codes)[:: 1 if number % 2 else -1]:
                began = time.perf_counter()
                command = [sys.executable, "-m", "tenfold", "read", str(one)]
                subprocess.run(command, env=environment(codes[code]), capture_output=True, check=False)
                row = {"what": "tenfold read one.png", "code": code, "round": number}
                if number >= 0:  # the first two are for the caches
                    rows.append({**row, "seconds": time.perf_counter() - began})

    async def request(address: str) -> float:
        began = time.perf_counter()
        for picture in pictures:
            status, _ = await ask(address, picture)
            assert status == 200
        return (time.perf_counter() - began) / len(pictures)

    with serving(None) as (now, _), serving(before) as (earlier, _):
        addresses = {"now": now, "before": earlier}
        for number in range(-2, rounds):
            for code in list(codes)[:: 1 if number % 2 else -1]:
                took = asyncio.run(request(addresses[code]))
                if number >= 0:
                    rows.append({"what": "a request", "code": code, "round": number, "seconds": took})
    return rows


def hostile() -> list[Row]:
    """Rows of what each file costs, and what is said of it."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, raw in hostile_pictures():
            path = Path(folder) / name
            path.write_bytes(raw)
            began = time.perf_counter()
            command = [sys.executable, "-m", "tenfold", "read", name]
            with (
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment(None),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                ) as running,
                Watching(running.pid) as watching,
            ):
                _, said = running.communicate()
            row = {"file": name, "bytes": len(raw), "by": "command line", "status": running.returncode}
            rows.append({**row, "seconds": time.perf_counter() - began, "mb": watching.peak, "said": said.strip()})
            print(rows[-1], flush=True)
            with serving() as (address, pid):
                for picture in small_pictures(20):
                    asyncio.run(ask(address, picture))
                began = time.perf_counter()
                with Watching(pid) as watching:
                    status, said = asyncio.run(ask(address, raw))
                    took = time.perf_counter() - began
                    after, _ = asyncio.run(ask(address, small_pictures(1)[0]))
            row = {"file": name, "bytes": len(raw), "by": "service", "status": status, "after": after}
            error = json.loads(said).get("error", "")
            rows.append({**row, "seconds": took, "mb": watching.peak, "said": error})
            print(rows[-1], flush=True)
            path.unlink()
    return rows


def traffic(minutes: float) -> list[Row]:
    """Rows of small pictures that are asked for while the queue is full of hostile files; and of memory."""
    bad = [
        nested_forms(),
        strokes(),
        empty_pages(100),
        png(dots(14, 26)),
        png(dots(4, 8)),
        claiming(),
        scans(),
    ]
    good, asked, rows = small_pictures(50), list[Row](), list[Row]()
    with serving() as (address, pid):
        right = [json.loads(asyncio.run(ask(address, picture))[1])["text"] for picture in good]
        end = time.perf_counter() + 60 * minutes
        others: Counter[int] = Counter()

        async def hurt(number: int) -> None:
            while time.perf_counter() < end:
                status, _ = await ask(address, bad[number % len(bad)])
                others[status] += 1
                number += 1
                if status == 503:
                    await asyncio.sleep(0.5)

        async def use(number: int) -> None:
            while time.perf_counter() < end:
                began = time.perf_counter()
                status, said = await ask(address, good[number % len(good)])
                row = {"status": status, "ms": round((time.perf_counter() - began) * 1000)}
                asked.append({**row, "right": status == 200 and json.loads(said)["text"] == right[number % len(good)]})
                number += 1
                await asyncio.sleep(0.05)

        async def look() -> None:
            began = time.perf_counter()
            while time.perf_counter() < end:
                await asyncio.sleep(1)
                taken = await asyncio.to_thread(resident, pid)
                rows.append({"second": round(time.perf_counter() - began), "mb": taken, **together(asked)})
                asked.clear()

        async def all_at_once() -> None:
            await asyncio.gather(*(hurt(k) for k in range(80)), *(use(7 * k) for k in range(4)), look())

        asyncio.run(all_at_once())
    rows.append({"others": {str(status): count for status, count in sorted(others.items())}})
    print(rows[-1], flush=True)
    return rows


def together(asked: list[Row]) -> Row:
    """What became of small pictures, and the milliseconds of their answers, in a line."""
    answers = [row["ms"] for row in asked if row["status"] == 200]
    counts = {"asked": len(asked), "right": sum(row["right"] for row in asked)}
    return {**counts, "busy": sum(row["status"] == 503 for row in asked), "ms": " ".join(map(str, answers))}


def summary(rows: dict[str, list[Row]]) -> Row:
    """Ratios of pairs, the most of time and memory, and how the small pictures fared."""
    found: Row = {"machine": machine_name()}
    for what in ("tenfold read one.png", "a request"):
        some = [row for row in rows.get("cost", []) if row["what"] == what]
        now, before = ([row["seconds"] for row in some if row["code"] == code] for code in ("now", "before"))
        if now:
            ratios = [a / b for a, b in zip(now, before, strict=True)]
            found[what] = {"n": len(now), "seconds": median(now), "before": median(before), "ratio": median(ratios)}
    for by in ("command line", "service"):
        some = [row for row in rows.get("hostile", []) if row["by"] == by]
        if some:
            most = {key: max(row[key] for row in some) for key in ("seconds", "mb")}
            found[by] = most | {"files": len(some), "alive": all(row.get("after", 200) == 200 for row in some)}
    seconds = [row for row in rows.get("traffic", []) if "ms" in row]
    if seconds:
        ms = [int(each) for row in seconds for each in row["ms"].split()]
        memory = [row["mb"] for row in seconds]
        third = max(1, len(memory) // 3)
        found["traffic"] = {
            "small pictures": sum(row["asked"] for row in seconds),
            "answered": len(ms),
            "right": sum(row["right"] for row in seconds),
            "refused with 503": sum(row["busy"] for row in seconds),
            "p50_ms": float(np.percentile(ms, 50)),
            "p99_ms": float(np.percentile(ms, 99)),
            "hostile": next(row["others"] for row in rows["traffic"] if "others" in row),
            "mb": max(memory),
            "mb, the last third to the first": median(memory[-third:]) / median(memory[:third]),
        }
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("parts", nargs="*", choices=["cost", "hostile", "traffic", []], default=[])
    parser.add_argument("--before", type=Path, help="an earlier checkout; without one there is no cost")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--minutes", type=float, default=3)
    given = parser.parse_args()
    parts = given.parts or ["cost", "hostile", "traffic"]
    rows: dict[str, list[Row]] = earlier_rows("trust") or {}
    if "cost" in parts and given.before:
        rows["cost"] = cost(given.rounds, given.before)
    if "hostile" in parts:
        rows["hostile"] = hostile()
    if "traffic" in parts:
        rows["traffic"] = traffic(given.minutes)
    print(json.dumps(summary(rows), indent=1))
    save("trust", summary(rows), rows)


def tables() -> dict[str, str]:
    s, rows, by = measured("trust")
    lines = []
    for name in dict.fromkeys(row["file"] for row in rows["hostile"]):
        line, service = (
            next(row for row in rows["hostile"] if (row["file"], row["by"]) == (name, how))
            for how in ("command line", "service")
        )
        cells = f"{line['seconds']:.1f} s | {line['mb']:,.0f} MB | {service['seconds']:.1f} s | {service['mb']:,.0f} MB"
        lines.append(f"`{name}` | {line['bytes']:,} | {cells} | {service['status']}")
    head = "file | bytes | command line | memory | service | memory | status"
    t, parts = s["traffic"], []
    for what, bar in (("tenfold read one.png", COLD), ("a request", REQUEST)):
        if what in s:
            parts.append(f"{what}: {s[what]['ratio']:.3f} of the time before (at most {bar} is wanted)")
    cost_line = f"What this costs a small picture: {'; '.join(parts)}. " if parts else ""
    more = (
        f"Memory is that of all processes together; at most {COMMAND_LINE:,} MB and {SERVICE} MB are wanted. "
        f"{cost_line}"
        f"With the queue full of such files, {t['right']:,} of {t['answered']:,} answers to small pictures were right, "
        f"half of them within {t['p50_ms']:.0f} ms and 99 % within {t['p99_ms']:,.0f} ms; "
        f"{t['refused with 503']:,} were told to come again. The service took {t['mb']:.0f} MB at most, in the last "
        f"third of the time {t['mb, the last third to the first']:.2f} times as much as in the first."
    )
    return {"trust": f"{table(head, lines)}\n\n{more}\n\n{by}"}


if __name__ == "__main__":
    main()
