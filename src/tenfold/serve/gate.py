"""The gate every request comes through: who may, how many, how much; and what is written down of each."""

import asyncio
import hmac
import json
import logging
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tenfold.serve.metrics import Metrics
from tenfold.serve.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("tenfold.serve")
OPEN = ("/v2/health/live", "/v2/health/ready")  # answered without a token, as is the page
_PASS = 2.0  # seconds for the body of a request that is refused
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Refused(Exception):
    """A request that is not let through: its status, why, and more headers."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status: int = status
        self.headers: dict[str, str] = headers


class Gate:
    """ASGI middleware: token, queue, a body that is bounded while it arrives, security headers, log and metrics.

    The application behind it gets the whole body at once. A body may be compressed with gzip or deflate, and is
    bounded unpacked too.
    """

    def __init__(self, app: "ASGIApp", settings: Settings, metrics: Metrics) -> None:
        self.app: ASGIApp = app
        self.settings: Settings = settings
        self.metrics: Metrics = metrics
        self.running: int = 0  # requests with a body, being read or waiting
        self.most: int = settings.threads + settings.queue
        self._token = settings.token.encode() if settings.token else None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or let it through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent, size = 0, 0, 0

        async def answer(message: "Message") -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in _RAW_HEADERS if h[0] not in given)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        headers = dict(scope["headers"])
        with_body = scope["method"] == "POST" and scope["path"].startswith(
            ("/v1/", "/v2/")
        )  # others are not listened to
        try:
            self._admit(scope["path"], scope["method"], headers)
            if not with_body:
                await self.app(scope, receive, answer)
                return
            if self.running >= self.most:
                self.metrics.refused.inc()
                raise Refused(503, "all places in the queue are taken: try again in a moment", retry_after="1")
            self.running += 1
            self.metrics.running.inc()
            try:
                body = await self._body(headers, receive)
                if body is None:  # the caller has gone
                    return
                size = len(body)
                await self.app(_as_it_came(scope), _whole(body, receive), answer)
            finally:
                self.running -= 1
                self.metrics.running.dec()
        except Refused as refused:
            more = {name.replace("_", "-"): value for name, value in refused.headers.items()}
            if with_body:
                more["connection"] = "close"
                if refused.status in (401, 503):
                    await self._let_pass(receive)
            await respond(answer, refused.status, str(refused), more)
        except asyncio.CancelledError:  # the service is stopping, and has waited long enough
            if not status:
                await respond(answer, 503, "the service is stopping", {"retry-after": "10", "connection": "close"})
        finally:
            self._note(scope, status, began, size, sent)

    def _admit(self, path: str, method: str, headers: dict[bytes, bytes]) -> None:
        asked = path.startswith(("/v1/", "/v2", "/metrics")) or method not in ("GET", "HEAD")
        if self._token is None or not asked or path in OPEN or method == "OPTIONS":
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
            why = "the token is not the right one" if given else "a token is wanted: Authorization: Bearer TOKEN"
            raise Refused(401, why, www_authenticate="Bearer")

    async def _body(self, headers: dict[bytes, bytes], receive: "Receive") -> bytes | None:
        """The whole body, unpacked; None when the caller went away. Raises Refused."""
        most = self.settings.max_bytes
        too_large = f"more than the limit of {most:,} bytes"
        if int(headers.get(b"content-length", b"0") or 0) > most:
            raise Refused(413, too_large)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.settings.patience):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise Refused(413, too_large)
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {self.settings.patience:g} seconds") from None
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        packing = headers.get(b"content-encoding", b"identity").strip().lower()
        return body if packing == b"identity" else _unpacked(body, packing, most)

    async def _let_pass(self, receive: "Receive") -> None:
        """Take a body without keeping it, for callers that send all before they listen; no more than is allowed."""
        left = self.settings.max_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(_PASS):
                while left > 0 and (message := await receive())["type"] == "http.request":
                    left -= len(message.get("body", b""))
                    if not message.get("more_body"):
                        break

    def _note(self, scope: "Scope", status: int, began: float, size: int, sent: int) -> None:
        """Count the request and write it down."""
        seconds = time.perf_counter() - began
        status = status or 499  # the caller went away before an answer
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = scope.get("route")
        path = getattr(route, "path", None) or ("page" if scope["path"] == "/" else "other")
        self.metrics.requests.labels(method, path, str(status)).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        if self.settings.log:
            client = scope.get("client")
            words: dict[str, Any] = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "client": client[0] if client else None,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "in": size,
                "out": sent,
            }
            LOG.info(json.dumps(words))


async def respond(send: "Callable[[Message], Any]", status: int, why: str, headers: dict[str, str]) -> None:
    """Send an error as {"error": why}."""
    body = json.dumps({"error": why}).encode()
    raw = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _as_it_came(scope: "Scope") -> "Scope":
    """The request without what has been taken off: how its body was packed and how long that was."""
    if not any(name == b"content-encoding" for name, _ in scope["headers"]):
        return scope
    off = (b"content-encoding", b"content-length")
    scope["headers"] = [header for header in scope["headers"] if header[0] not in off]
    return scope


def _whole(body: bytes, receive: "Receive") -> "Receive":
    """What gives a body that has arrived, and then only that the caller went away."""
    given = False

    async def whole() -> "Message":
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return whole


def _unpacked(body: bytes, packing: bytes, most: int) -> bytes:
    if packing not in (b"gzip", b"x-gzip", b"deflate"):
        raise Refused(
            415, "the body is packed in a way that is not known: gzip and deflate are", accept_encoding="gzip, deflate"
        )
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    try:
        whole = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise Refused(415, f"the body is not packed with {packing.decode()}, as it says") from None
    if len(whole) > most:
        raise Refused(413, f"more than the limit of {most:,} bytes, once unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(415, "the packed body is cut off" if not unpacker.eof else "the body is packed in several parts")
    return whole
