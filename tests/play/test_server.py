"""The page as a process: how soon it is there, one page at a time, and how it ends."""

import http.client
import json
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import Service
from tenfold.errors import AddressError, DataError
from tenfold.play.server import play

Start = Callable[..., Service]


class Events:
    """The stream of a page."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self.connection.request("GET", "/play/stream")
        self.answer = self.connection.getresponse()
        assert self.answer.headers["content-type"].startswith("text/event-stream")

    def next(self) -> tuple[str, dict[str, object]]:
        while (line := self.answer.readline().decode()).startswith(":") or line == "\n":
            pass
        return line.strip().removeprefix("event: "), json.loads(self.answer.readline()[len("data: ") :])

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def test_it_starts_soon_and_ends_with_a_page_open(service: Start, data: Path) -> None:
    began = time.monotonic()
    running = service("--no-browser", "--data", data, verb="play")
    with urllib.request.urlopen(running.address, timeout=60) as answer:
        assert b"<title>" in answer.read()
    assert time.monotonic() - began < 20  # benchmarks/playing.py has the seconds
    first = Events(running.address)
    name, about = first.next()
    assert (name, about["data"]) == ("page", str(data))
    second = Events(running.address)
    assert second.next()[0] == "taken"
    second.close()
    first.close()
    until = time.monotonic() + 30
    while True:  # that one is gone is noticed at once, or soon
        third = Events(running.address)
        if third.next()[0] == "page":
            break
        third.close()
        assert time.monotonic() < until
    assert third.next()[1]["tracks"] == []
    assert running.stop(signal.SIGINT) == (0, "")
    third.close()


def test_what_cannot_be_is_said_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no data at"):
        play(str(tmp_path / "none"), port=0)
    with pytest.raises(AddressError):
        play(host="256.256.256.256", port=0)
