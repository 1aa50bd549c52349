"""The process for files that may take any time and memory: what it costs, and that it is kept."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from read import hostile
from tenfold.errors import DataError, FormatError, TooCostlyError, TooLargeError
from tenfold.read import decode, limits
from tenfold.read.decoding import apart, child
from tenfold.read.decoding.apart import Limits
from tenfold.read.limits import CalledOff, Deadline

GREY = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
USUAL = Limits(10_000_000, 100, 200_000_000)


def encoded(image: np.ndarray, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


def pid() -> int:
    """Of the process that is idle."""
    with apart._Here.pool.one() as process:
        return process._process.pid


def test_pages_are_as_they_are_here() -> None:
    for raw in (encoded(GREY, "BMP"), encoded(GREY.astype(np.int32), "TIFF"), hostile.many_pages(2)):
        here = list(child.pages(raw, "a", 10_000_000, None))
        there = list(apart.pages(raw, "a", USUAL))
        assert len(here) == len(there)
        for one, other in zip(here, there, strict=True):
            assert one.pixels.dtype == other.pixels.dtype
            assert (one.pixels == other.pixels).all()
            assert (one.width, one.height, one.notes) == (other.width, other.height, other.notes)


def test_the_process_is_kept_after_errors_and_after_a_file_that_is_left_half_read() -> None:
    list(apart.pages(encoded(GREY, "BMP"), "a", USUAL))
    first = pid()
    for raw, kind in ((b"hello", FormatError), (hostile.many_pages(200), TooLargeError)):
        with pytest.raises(kind):
            list(apart.pages(raw, "a", USUAL))
    with pytest.raises(DataError, match="cannot read the picture: it is"):
        list(decode.pages(encoded(GREY, "BMP")[:90]))
    some = apart.pages(hostile.many_pages(9), "a", USUAL)
    assert next(some).width == 1250
    some.close()  # type: ignore[attr-defined]
    assert next(apart.pages(encoded(GREY, "BMP"), "a", USUAL)).width == 30
    assert pid() == first


def test_memory_is_bounded() -> None:
    with pytest.raises(TooCostlyError, match=r"a.pdf needs more than 60 MB of memory to be decoded"):
        list(apart.pages(hostile.nested_forms(), "a.pdf", Limits(10_000_000, 100, 60_000_000)))
    with pytest.raises(TooCostlyError, match=r"a.tif needs more than 30 MB"):
        list(apart.pages(hostile.deep(), "a.tif", Limits(100_000_000, 100, 30_000_000)))
    (page,) = apart.pages(hostile.deep(), "a.png", Limits(100_000_000, 100, 120_000_000))
    assert page.width == 5000


def test_what_was_read_from_a_file_is_not_kept_while_it_is_decoded() -> None:
    raw = bytearray(encoded(GREY, "BMP"))
    assert next(apart.pages(raw, "a", USUAL)).width == 30
    assert not raw


def test_time_is_bounded_and_the_next_file_is_read() -> None:
    began = time.monotonic()
    with pytest.raises(TooCostlyError, match=r"a.pdf takes more than 1 s"), limits.until(Deadline(1.0, "a.pdf")):
        list(apart.pages(hostile.many_strokes(), "a.pdf", USUAL))
    assert time.monotonic() - began < 10
    assert next(apart.pages(encoded(GREY, "BMP"), "a", USUAL)).width == 30


def test_what_nobody_waits_for_is_ended() -> None:
    deadline = Deadline(None)
    timer = threading.Timer(0.5, deadline.call_off)
    timer.start()
    began = time.monotonic()
    with pytest.raises(CalledOff), limits.until(deadline):
        list(apart.pages(hostile.many_strokes(100_000), "a.pdf", USUAL))
    assert time.monotonic() - began < 15
    timer.join()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_process_that_was_killed_while_idle_is_replaced() -> None:
    list(apart.pages(encoded(GREY, "BMP"), "a", USUAL))
    os.kill(first := pid(), signal.SIGKILL)
    apart_until = time.monotonic() + 20
    while apart._Here.pool._idle[-1].runs and time.monotonic() < apart_until:
        time.sleep(0.01)
    assert next(apart.pages(encoded(GREY, "BMP"), "a", USUAL)).width == 30
    assert pid() != first


def test_several_threads() -> None:
    raws = [encoded(np.full((20, 20 + k), k, np.uint8), "BMP") for k in range(12)]
    with ThreadPoolExecutor(4) as pool:
        widths = list(pool.map(lambda raw: next(apart.pages(raw, "a", USUAL)).width, raws))
    assert widths == [20 + k for k in range(12)]


def test_what_it_says_is_not_believed() -> None:
    for shape in ((10, 10, 4), (10**9, 10, 3), (0, 5, 3), (3,)):
        with pytest.raises(ValueError):
            apart._page(io.BytesIO(b""), {"shape": shape, "bytes": True})


def test_it_ends_with_the_process_that_started_it() -> None:
    code = (
        "import sys; from tenfold.read.decoding import apart\n"
        "with apart._Here.pool.one() as process: print(process._process.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    started = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with started:
        assert started.stdout is not None
        other = int(started.stdout.readline())
        started.kill()
    until = time.monotonic() + 20
    while time.monotonic() < until and _runs(other):
        time.sleep(0.02)
    assert not _runs(other)


def _runs(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
