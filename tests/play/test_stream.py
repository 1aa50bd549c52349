"""What is sent: the newest, and no more than is taken."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from conftest import until
from serve.conftest import run
from tenfold.play import stream
from tenfold.play.knobs import Knobs
from tenfold.play.session import Session


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RATE", 1000)
    monkeypatch.setattr(stream, "BEAT", 0.05)


def parsed(text: str) -> tuple[str, dict[str, Any]]:
    name, data, end = text.split("\n", 2)
    assert (name[:7], data[:6], end) == ("event: ", "data: ", "\n")
    return name[7:], json.loads(data[6:])


def told(work: Coroutine[Any, Any, list[str]]) -> list[str]:
    return run(work)


def test_one_that_takes_slowly_gets_the_newest(session: Session, small: Knobs) -> None:
    async def slow() -> list[str]:
        listener = asyncio.Event()
        page = session.enter(listener)
        assert page is not None
        frames = stream.frames(session, page, listener)
        session.changed()
        first = await anext(frames)
        await asyncio.to_thread(session.train, small)
        await asyncio.to_thread(until, lambda: session.state == "ended")
        second = await anext(frames)  # of dozens of changes
        await asyncio.sleep(0.1)
        third = await anext(frames)
        session.close()
        return [first, second, third, *[one async for one in frames]]

    first, second, third, *rest = told(slow())
    assert parsed(first)[1]["state"] == "idle"
    name, frame = parsed(second)
    assert (name, frame["state"], frame["tracks"][0]["step"]) == ("frame", "ended", 30)
    assert third == ": still there?\n\n"
    assert len(rest) <= 1  # it ends with the session


def test_the_first_page_is_described_to_and_the_second_is_told(session: Session) -> None:
    async def both() -> list[str]:
        first, second = stream.Stream(session), stream.Stream(session)
        taken = [str(one) async for one in second.body_iterator]
        hello = [str(await anext(aiter(first.body_iterator)))]
        return taken + hello

    taken, hello = told(both())
    assert parsed(taken) == ("taken", {"says": stream.TAKEN})
    name, about = parsed(hello)
    assert (name, about["page"], about["classes"]) == ("page", session.page, list("0123456789"))
    assert about["recipes"][0]["name"] == "fast"
    assert "/" not in about["data"] or about["data"] == session.data


def test_what_json_has_no_word_for_is_no_frame() -> None:
    with pytest.raises(ValueError, match="JSON"):
        stream.event("frame", {"loss": float("nan")})
