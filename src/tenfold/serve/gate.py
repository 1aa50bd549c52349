"""The gate every request comes through: who may, how many, how much; and the log and the counts of each."""

import asyncio
import hmac
import json
import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenfold.serve.answers import problem
from tenfold.serve.metrics import Metrics
from tenfold.serve.settings import Settings

LOG = logging.getLogger("tenfold.serve")
OPEN = ("/healthz", "/v2/health/live", "/v2/health/ready")  # answered without a token, as is the page
_BODIES = ("/v1/", "/v2/", "/play/")  # below which requests with a body are
_SLASHES = ("/v1/", "/v2/", "/metrics/", "/healthz/", "/openapi.json/")  # a slash at the end makes no difference
_DRAIN = 2.0  # seconds for the body of a request that is refused
_LOCAL = ("127.0.0.1", "::1")
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


class Gate:
    """ASGI middleware: token, queue, a body that is bounded while it arrives, security headers, log and metrics.

    The application behind it gets the whole body at once. A body may be compressed with gzip or deflate, and is
    bounded unpacked too.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app: ASGIApp = app
        self.settings: Settings = settings
        self.metrics: Metrics = metrics
        self.running: int = 0  # requests with a body, being read or waiting
        self._token = settings.token.encode() if settings.token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(_SLASHES):
            scope["path"] = scope["path"].rstrip("/")
        began = time.perf_counter()
        status, sent, size = 0, 0, 0

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in _RAW_HEADERS if h[0] not in given)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        request = Request(scope, receive)
        # The bodies of other requests are not listened to.
        with_body = scope["method"] == "POST" and scope["path"].startswith(_BODIES)
        try:
            self._admit(request)
            if not with_body:
                await self.app(scope, receive, answer)
                return
            with self._place():
                body = await self._body(request)
                size = len(body)
                await self.app(scope, _arrived(body, receive), answer)
        except ClientDisconnect:
            pass
        except HTTPException as refused:
            headers = dict(refused.headers or {}) | ({"connection": "close"} if with_body else {})
            if with_body and refused.status_code in (401, 503):
                await self._drain(request)
            await problem(refused.status_code, refused.detail, headers)(scope, receive, answer)
        except asyncio.CancelledError:  # the service is stopping, and has waited long enough
            if not status:
                headers = {"retry-after": "10", "connection": "close"}
                await problem(503, "the service is stopping", headers)(scope, receive, answer)
        finally:
            self._record(scope, status or 499, time.perf_counter() - began, size, sent)  # 499: the caller went away

    def _admit(self, request: Request) -> None:
        """Raise HTTPException for a request that lacks the token."""
        path, method = request.scope["path"], request.method
        guarded = path.startswith(("/v1", "/v2", "/metrics")) or method not in ("GET", "HEAD")
        if self._token is None or not guarded or path in OPEN or method == "OPTIONS":
            return
        scheme, _, token = request.headers.get("authorization", "").encode("latin-1").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            why = "the token is not the right one" if token else "a token is wanted: Authorization: Bearer TOKEN"
            raise HTTPException(401, why, {"www-authenticate": "Bearer"})

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for requests with a body. Raises HTTPException when all are taken."""
        if self.running >= self.settings.threads + self.settings.queue:
            self.metrics.refused.inc()
            why = "all places in the queue are taken: try again in a moment"
            raise HTTPException(503, why, {"retry-after": "1"})
        self.running += 1
        self.metrics.running.inc()
        try:
            yield
        finally:
            self.running -= 1
            self.metrics.running.dec()

    async def _body(self, request: Request) -> bytes:
        """The body, unpacked. Raises HTTPException, and ClientDisconnect when the caller went away."""
        most = self.settings.max_bytes
        too_large = HTTPException(413, f"more than the limit of {most:,} bytes")
        if int(request.headers.get("content-length") or 0) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.patience):
                async for part in request.stream():
                    body += part
                    if len(body) > most:
                        raise too_large
        except TimeoutError:
            raise HTTPException(408, f"the body did not arrive within {self.settings.patience:g} seconds") from None
        packing = request.headers.get("content-encoding", "identity").strip().lower()
        return bytes(body) if packing == "identity" else _unpacked(body, packing, most)

    async def _drain(self, request: Request) -> None:
        """Take a body without keeping it, for callers that send all before they listen; no more than is allowed."""
        left = self.settings.max_bytes
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(_DRAIN):
                async for part in request.stream():
                    left -= len(part)
                    if left <= 0:
                        break

    def _record(self, scope: Scope, status: int, seconds: float, size: int, sent: int) -> None:
        """Count the request, and log it."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        path = getattr(scope.get("route"), "path", None) or ("page" if scope["path"] == "/" else "other")
        self.metrics.requests.labels(method, path, str(status)).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        if self.settings.log:
            client = scope.get("client")
            fields = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "client": client[0] if client else None,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "in": size,
                "out": sent,
            }
            LOG.info(json.dumps(fields))


def check_site(request: Request, why: str, origins: tuple[str, ...] = ()) -> None:
    """Raise HTTPException for what a page of another site sent, unless it is among the origins that may call.

    At a loopback address that is also a page whose name was made to lead here: then only local names are ours. `why`
    is what the refusal says.
    """
    origin = request.headers.get("origin")
    if origin in origins or (origin is not None and "*" in origins):
        return
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] or host
    server = request.scope.get("server") or ("",)
    led_here = server[0] in _LOCAL and name not in ("localhost", "127.0.0.1", "[::1]")
    elsewhere = origin is not None and origin.partition("://")[2] != host
    if elsewhere or led_here or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, why)


def _arrived(body: bytes, receive: Receive) -> Receive:
    """What gives a body that has arrived, and then only that the caller went away."""
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_arrived() -> Message:
        return next(messages, None) or await receive()

    return receive_arrived


def _unpacked(packed: bytearray, packing: str, most: int) -> bytes:
    if packing not in ("gzip", "x-gzip", "deflate"):
        why = "the body is packed in a way that is not known: gzip and deflate are"
        raise HTTPException(415, why, {"accept-encoding": "gzip, deflate"})
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    try:
        body = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise HTTPException(415, f"the body is not packed with {packing}, as it says") from None
    if len(body) > most:
        raise HTTPException(413, f"more than the limit of {most:,} bytes, once unpacked")
    if not unpacker.eof:
        raise HTTPException(415, "the packed body is cut off")
    if unpacker.unused_data:
        raise HTTPException(415, "the body is packed in several parts")
    return body
