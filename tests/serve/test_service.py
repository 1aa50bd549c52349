"""What the routes share."""

import asyncio
import threading
from typing import Any

import pytest
from fastapi import FastAPI, Request

from serve.conftest import run
from tenfold.errors import DataError, RunError, one_line
from tenfold.read import limits
from tenfold.read.limits import CalledOff
from tenfold.serve.gate import LITTLE
from tenfold.serve.pictures import Sent
from tenfold.serve.schemas import ReadOptions
from tenfold.serve.service import Service
from tenfold.serve.settings import Settings


@pytest.fixture(scope="module")
def state() -> Service:
    return Service(Settings())


def test_a_picture(state: Service, number: bytes) -> None:
    reading, answer = state.read(Sent(number, path="n.png"), ReadOptions(details=True))
    assert (answer["path"], answer["text"], reading.page_count) == ("n.png", "2079", 1)
    assert answer["width"] > answer["height"]
    assert "annotated" in state.read(Sent(number), ReadOptions(annotate=True))[1]


def test_a_file_that_cannot_be_read_has_its_error(state: Service, digit: bytes) -> None:
    assert state.read_file(Sent(digit, "7.png", "7.png"), ReadOptions())[0]["text"] == "7"
    row, error = state.read_file(Sent(b"none", "none.png", "none.png"), ReadOptions())
    assert isinstance(error, DataError)
    assert row == {"path": "none.png", "error": one_line(error), "text": "", "lines": [], "numbers": [], "digits": []}
    assert "none.png" in row["error"]


def test_threads_are_there_while_it_runs(state: Service) -> None:
    async def scenario() -> Any:
        async with state.lifespan(FastAPI()):
            assert state.threads is not None
            return await state.run(divmod, 7, 2)

    assert run(scenario()) == (3, 1)
    assert state.threads is None


def test_little_pictures_do_not_wait_for_large_ones(state: Service) -> None:
    async def scenario() -> list[str]:
        async def receive() -> dict[str, str]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async with state.lifespan(FastAPI()):
            names = []
            for little in (True, False):
                async with state.reading(Request({"type": "http", LITTLE: little}, receive)) as call:
                    names.append(await call(lambda: threading.current_thread().name))
                    assert await call(limits.current) is await call(limits.current)
            return names

    assert [name.partition("_")[0] for name in run(scenario())] == ["reading", "slow"]


def test_what_nobody_waits_for_is_called_off(state: Service) -> None:
    async def scenario() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async with state.lifespan(FastAPI()), state.reading(Request({"type": "http"}, receive)) as call:
            await asyncio.sleep(0.01)
            await call(limits.check)

    with pytest.raises(CalledOff):
        run(scenario())


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(RunError):
        Service(Settings(model="none.onnx"))
