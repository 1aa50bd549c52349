"""The gate: who may, how many, how much."""

import asyncio
import gzip
import json
import logging
import socket
import zlib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from conftest import Client
from serve.conftest import run
from tenfold.serve.gate import Gate
from tenfold.serve.metrics import Metrics
from tenfold.serve.settings import Settings

Call = Callable[..., Coroutine[Any, Any, list[Message]]]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers with the body, after a moment."""
    message = await receive()
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def gate(**settings: Any) -> Call:
    """A function that sends a request with a body, in messages, through one gate, and returns the answer's messages."""
    made = Gate(echo, Settings(**settings), Metrics())

    async def call(*messages: Message, pause: float = 0, fields: Sequence[tuple[bytes, bytes]] = ()) -> list[Message]:
        scope = {"type": "http", "method": "POST", "path": "/v1/read", "headers": list(fields), "query_string": b""}
        arriving = iter(messages)
        answer: list[Message] = []

        async def receive() -> Message:
            message = next(arriving, None)
            await asyncio.sleep(pause)
            if message is None:
                await asyncio.sleep(60)
            assert message is not None
            return message

        async def send(message: Message) -> None:
            answer.append(message)

        await made(scope, receive, send)
        return answer

    return call


def part(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_the_application_gets_the_whole_body_at_once() -> None:
    answer = run(gate()(part(b"a", more=True), part(b"b", more=True), part(b"c")))
    assert (answer[0]["status"], answer[1]["body"]) == (200, b"abc")


def test_over_the_queue_the_caller_is_to_come_again() -> None:
    async def scenario() -> list[list[Message]]:
        call = gate(threads=1, queue=1)
        first = await asyncio.gather(*(call(part(b"x")) for _ in range(6)))
        return [*first, await call(part(b"x"))]

    *answers, last = run(scenario())
    assert sorted(answer[0]["status"] for answer in answers) == [200] * 2 + [503] * 4
    refused = next(answer for answer in answers if answer[0]["status"] == 503)
    assert dict(refused[0]["headers"])[b"retry-after"] == b"1"
    assert dict(refused[0]["headers"])[b"connection"] == b"close"
    assert list(json.loads(refused[1]["body"])) == ["error"]
    assert last[0]["status"] == 200


def test_some_places_are_for_little_pictures(digit: bytes) -> None:
    async def scenario() -> list[int]:
        call = gate(threads=1, queue=4)
        bodies = [*[b"what may take any time"] * 5, digit, digit]  # which take their places in this order
        return [answer[0]["status"] for answer in await asyncio.gather(*(call(part(body)) for body in bodies))]

    assert run(scenario()) == [*[200] * 4, 503, 200, 503]


def test_a_slow_body_does_not_hold_a_place_for_ever() -> None:
    async def scenario() -> list[int]:
        call = gate(queue=0, patience=0.2)
        slow = asyncio.ensure_future(call(part(b"slow", more=True)))
        await asyncio.sleep(0.05)
        other = await call(part(b"x"))  # the only place is not taken by it
        return [other[0]["status"], (await slow)[0]["status"], (await call(part(b"x")))[0]["status"]]

    assert run(scenario()) == [200, 408, 200]


def test_a_body_that_comes_in_drops_is_ended() -> None:
    async def scenario() -> list[Message]:
        made = gate(patience=0.5)
        drops = (part(b"x", more=True) for _ in range(1000))
        return await made(*drops, pause=0.01)

    assert run(scenario())[0]["status"] == 408


def test_bodies_that_arrive_are_bounded_together_but_small_ones_find_room() -> None:
    async def scenario() -> list[int]:
        call = gate(max_bytes=1_000_000, patience=1.0)
        large = [asyncio.ensure_future(call(part(b"x" * 999_999, more=True))) for _ in range(7)]
        await asyncio.sleep(0.05)
        small = await call(part(b"x"))
        return sorted([small[0]["status"], *[(await one)[0]["status"] for one in large]])

    assert run(scenario()) == [200, *[408] * 3, *[503] * 4]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ([(b"host", b"127.0.0.1:8000")], 200),
        ([(b"host", b"[::1]:8000")], 200),
        ([(b"host", b"192.168.1.7")], 200),
        ([(b"host", b"localhost:8000")], 200),
        ([(b"host", b"LOCALHOST.")], 200),
        ([(b"host", socket.gethostname().encode())], 200),
        ([(b"host", b"digits.example")], 200),
        ([(b"host", b"named.example")], 200),
        ([], 200),
        ([(b"host", b"evil.example")], 403),
        ([(b"host", b"localhost.evil.example")], 403),
        ([(b"host", b"127.0.0.1.evil.example:80")], 403),
        ([(b"host", b"")], 403),
        ([(b"host", b"localhost"), (b"host", b"localhost")], 400),
        ([(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://localhost")], 400),
        ([(b"host", b"localhost"), (b"origin", b"http://localhost")], 200),
        ([(b"host", b"localhost:1"), (b"origin", b"http://localhost:2")], 403),
        ([(b"host", b"localhost"), (b"origin", b"null")], 403),
        ([(b"host", b"localhost"), (b"origin", b"https://evil.example")], 403),
        ([(b"host", b"localhost"), (b"origin", b"https://named.example")], 200),
        ([(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")], 403),
        ([(b"host", b"localhost"), (b"sec-fetch-site", b"none")], 200),
        ([(b"x-%d" % k, b"") for k in range(101)], 431),
        ([(b"x", b"y" * 17_000)], 431),
    ],
)
def test_who_may_call_and_by_what_name(raw: list[tuple[bytes, bytes]], status: int) -> None:
    call = gate(origins=("https://named.example",), hosts=("digits.example",))
    answer = run(call(part(b"x"), fields=raw))
    assert answer[0]["status"] == status
    if status != 200:
        assert list(json.loads(answer[1]["body"])) == ["error"]


def test_every_site_may_call_where_all_may() -> None:
    raw = [(b"host", b"any.example"), (b"origin", b"https://evil.example")]
    assert run(gate(origins=("*",))(part(b"x"), fields=raw))[0]["status"] == 200


def test_a_caller_who_goes_away_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tenfold.serve"):
        assert run(gate()(part(b"a", more=True), {"type": "http.disconnect"})) == []
    assert json.loads(caplog.messages[-1])["status"] == 499


@pytest.mark.parametrize(("said", "raised"), [("the handler is closed", False), ("another", True)])
def test_an_answer_into_a_closed_connection_is_no_error(said: str, raised: bool) -> None:
    async def send(_: Message) -> None:
        raise RuntimeError(said)

    async def receive() -> Message:
        return part(b"7")

    made = Gate(echo, Settings(), Metrics())
    scope = {"type": "http", "method": "POST", "path": "/v1/read", "headers": [], "query_string": b""}
    with pytest.raises(RuntimeError, match=said) if raised else nullcontext():
        asyncio.run(made(scope, receive, send))


def test_what_is_cut_off_by_the_end_is_answered() -> None:
    async def scenario() -> list[Message]:
        waiting = asyncio.ensure_future(gate()(part(b"x")))
        await asyncio.sleep(0.02)
        waiting.cancel()
        return await waiting

    answer = run(scenario())
    assert answer[0]["status"] == 503
    assert dict(answer[0]["headers"])[b"retry-after"] == b"10"


def test_bodies_that_are_too_large(client: Client, number: bytes) -> None:
    assert client(max_bytes=100).post("/v1/read", content=number).status_code == 413
    # Without a length it is noticed while the body arrives.
    answer = client(max_bytes=100).post("/v1/read", content=iter([number[:90], number[90:]]))
    assert answer.status_code == 413
    # Small as sent, large unpacked.
    bomb = gzip.compress(b"\x00" * 5_000_000)
    answer = client(max_bytes=1_000_000).post("/v1/read", content=bomb, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["0" * 5000 + "5", "9" * 30, "9" * 5000, "5"])
def test_lengths_of_many_digits(client: Client, length: str) -> None:
    answer = client().post("/v1/read", content=b"hello", headers={"content-length": length})
    assert answer.status_code == (413 if length[0] == "9" else 415)
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("given", ["bytes=a-b,", "bytes=9999999-", "bytes=" + "9" * 5000 + "-", "bytes=0-1,3-4", "x"])
def test_files_of_the_page_are_sent_whole(client: Client, given: str) -> None:
    start = client()
    for path in ("/page.js", "/docs-files/swagger-ui.css"):
        answer = start.get(path, headers={"range": given})
        assert (answer.status_code, answer.content) == (200, start.get(path).content)


def test_packed_bodies(client: Client, digit: bytes) -> None:
    start = client()
    for packing, packed in (("gzip", gzip.compress(digit)), ("deflate", zlib.compress(digit)), ("identity", digit)):
        answer = start.post("/v1/read", content=packed, headers={"content-encoding": packing})
        assert answer.json()["text"] == "7", packing
    twice = gzip.compress(digit[:100]) + gzip.compress(digit[100:])
    for packing, packed in (("gzip", digit), ("br", digit), ("gzip", gzip.compress(digit)[:-20]), ("gzip", twice)):
        assert start.post("/v1/read", content=packed, headers={"content-encoding": packing}).status_code == 415


def test_a_token(client: Client, digit: bytes) -> None:
    start = client(token="secret")
    assert start.get("/").status_code == 200
    assert start.get("/v2/health/ready").status_code == 200
    for path in ("/v1/model", "/v2", "/v2/models/digits", "/metrics"):
        assert start.get(path).status_code == 401, path
        assert start.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert start.get(path, headers={"authorization": "Bearer secret"}).status_code == 200
    for method in ("POST", "PUT", "DELETE"):
        assert start.request(method, "/anything", content=digit).status_code == 401
    assert start.get("/v1/model", headers={"authorization": "bearer secret"}).status_code == 200
    refused = start.post("/v1/read", content=digit)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    allowed = start.post("/v1/read", content=digit, headers={"authorization": "Bearer secret"})
    assert allowed.json()["text"] == "7"
    assert "HTTPBearer" in start.get("/openapi.json").json()["components"]["securitySchemes"]


def test_security_headers_are_on_every_answer(client: Client, digit: bytes) -> None:
    start = client(max_bytes=10_000)
    answers = [start.get("/"), start.get("/docs"), start.get("/none"), start.post("/v1/read", content=digit)]
    answers += [start.post("/v1/read", content=b"x" * 20_000), start.get("/v2/health/live")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
    assert "unsafe-inline" not in start.get("/").headers["content-security-policy"]


def test_the_log_is_a_line_of_json_for_a_request(
    client: Client, digit: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tenfold.serve"):
        client(log=True).post("/v1/read?single=true", content=digit)
    line = json.loads(caplog.messages[-1])
    assert (line["method"], line["path"], line["status"], line["in"]) == ("POST", "/v1/read", 200, len(digit))
    assert line["ms"] > 0
