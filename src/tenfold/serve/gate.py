"""The gate every request comes through: who may, how many, how much; and the log and the counts of each."""

import asyncio
import hmac
import ipaddress
import json
import logging
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenfold.read.decoding.plain import plain
from tenfold.serve.answers import FIELDS, HEAD, HEADERS, TOO_LARGE, problem
from tenfold.serve.metrics import Metrics
from tenfold.serve.settings import Settings

LOG = logging.getLogger("tenfold.serve")
OPEN = ("/healthz", "/v2/health/live", "/v2/health/ready")  # answered without a token, as is the page
_ASKED = ("/v1", "/v2", "/metrics", "/play")  # below which this service is asked; elsewhere are its pages
_SLASHES = ("/v1/", "/v2/", "/metrics/", "/healthz/", "/openapi.json/")  # a slash at the end makes no difference
_DRAIN = 2.0  # seconds for the body of a request that is refused
_BODIES, _LITTLE = 3, 100_000  # times the limit of a body may all of them have; a body of so many bytes finds room
_FEW = 300_000  # pixels of a picture that is little
_REMEMBERED = 100  # names
_KEPT_FREE = 4  # a part of the queue is for them
LITTLE = "tenfold.little"  # in a request's scope: whether it takes no long time
_PAUSE = 1 / 3  # of the time for a body may pass without any of it
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def check_head(scope: Scope) -> None:
    """Raise HTTPException for a head that is too large."""
    fields = scope["headers"]
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if len(fields) > FIELDS or size + sum(len(name) + len(value) + 4 for name, value in fields) > HEAD:
        raise HTTPException(431, TOO_LARGE, {"connection": "close"})


class Sites:
    """Which names this service has, and which pages may call it: its own, and those of the origins that may."""

    def __init__(self, settings: Settings) -> None:
        self._origins = settings.origins
        self._names = {"localhost", *(name.lower() for name in settings.hosts)}
        self._names |= {origin.partition("://")[2].lower() for origin in settings.origins}
        self._served_before: set[str] = set()  # as they were written
        self._own: set[str] = set()  # as the system knows it, which is asked when it is needed

    async def check(self, request: Request) -> None:
        """Raise HTTPException for a request under a name that is none of this service's, or from a page of another.

        A page whose name was made to lead here (DNS rebinding) is of the same origin: it is told by the name.
        """
        if request.scope["path"] in OPEN:
            return
        fields = request.scope["headers"]
        hosts, origins = ([v.decode("latin-1") for n, v in fields if n == name] for name in (b"host", b"origin"))
        if len(hosts) > 1 or len(origins) > 1:
            raise HTTPException(400, f"the request has two {'Host' if len(hosts) > 1 else 'Origin'} fields")
        host, origin = (found[0] if found else None for found in (hosts, origins))
        if "*" in self._origins or (origin is not None and origin in self._origins):
            return
        if host is None or host in self._served_before:
            pass
        elif await self._served(host, request.scope):
            if len(self._served_before) < _REMEMBERED:
                self._served_before.add(host)
        else:
            why = f"this service is not known as {host[:100]}: --allow-origin http://{host[:100]} makes it so"
            raise HTTPException(403, why)
        if request.method in ("GET", "HEAD") and not request.scope["path"].startswith(_ASKED):
            return
        other = origin is not None and origin.partition("://")[2] != host
        site = request.headers.get("sec-fetch-site", "same-origin")
        if other or (request.method not in ("GET", "HEAD") and site not in ("same-origin", "none")):
            who = origin[:100] if origin is not None else "another site"
            raise HTTPException(403, f"a page of {who} may not call this service: --allow-origin lets one in")

    async def _served(self, host: str, scope: Scope) -> bool:
        """Whether a Host field names this service: by an address, which no page can make lead here, or by a name."""
        host = host.lower()
        name = host.rpartition(":")[0] if re.search(r":\d*$", host) else host
        name = name.removesuffix(".")
        if name in self._names or host in self._names or name == (scope.get("server") or (None,))[0]:
            return True
        with suppress(ValueError):
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
            return True
        if not self._own:
            full = await asyncio.to_thread(socket.getfqdn)
            self._own = {each.lower() for each in (full, socket.gethostname(), f"{socket.gethostname()}.local")}
        return name in self._own


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
        self.large: int = 0  # those of them that are not little
        self.held: int = 0  # bytes of bodies, arriving, waiting or being read
        self._token = settings.token.encode() if settings.token else None
        self._sites = Sites(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(_SLASHES):
            scope["path"] = scope["path"].rstrip("/")
        began = time.perf_counter()
        status, sent, size, drained = 0, 0, 0, False

        async def answer(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in _RAW_HEADERS if h[0] not in given)]
            else:
                sent += len(message.get("body", b""))
            try:
                await send(message)
            except RuntimeError as error:
                if "is closed" not in str(error):  # uvloop's words, of a connection that uvicorn takes to be open
                    raise

        request = Request(scope, receive)
        # The bodies of other requests are not listened to.
        with_body = scope["method"] == "POST" and scope["path"].startswith(_ASKED)
        try:
            check_head(scope)
            # Files are small enough to be sent whole, and a wrong range would be refused in other words than ours.
            scope["headers"] = [field for field in scope["headers"] if field[0] not in (b"range", b"if-range")]
            await self._sites.check(request)
            self._admit(request)
            if not with_body:
                await self.app(scope, receive, answer)
                return
            with self._bodies() as held:
                body = await self._body(request, held)  # before there is a place for it: it may be long in coming
                size, drained = len(body), True
                little = scope[LITTLE] = _is_little(scope["path"], body)
                with self._place(little=little):
                    await self.app(scope, _arrived(body, receive), answer)
        except ClientDisconnect:
            pass
        except HTTPException as refused:
            headers = dict(refused.headers or {}) | ({"connection": "close"} if with_body else {})
            if with_body and not drained and refused.status_code in (400, 401, 403, 503):
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
        guarded = path.startswith(_ASKED) or method not in ("GET", "HEAD")
        if self._token is None or not guarded or path in OPEN or method == "OPTIONS":
            return
        scheme, _, token = request.headers.get("authorization", "").encode("latin-1").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            why = "the token is not the right one" if token else "a token is wanted: Authorization: Bearer TOKEN"
            raise HTTPException(401, why, {"www-authenticate": "Bearer"})

    @contextmanager
    def _place(self, *, little: bool) -> Iterator[None]:
        """One of the places for requests with a body, of which some are for little ones alone.

        Raises HTTPException when all are taken.
        """
        most = self.settings.threads + self.settings.queue
        if self.running >= most or (not little and self.large >= most - self.settings.queue // _KEPT_FREE):
            self.metrics.refused.inc()
            why = "all places in the queue are taken: try again in a moment"
            raise HTTPException(503, why, {"retry-after": "1"})
        self.running += 1
        self.large += not little
        self.metrics.running.inc()
        try:
            yield
        finally:
            self.running -= 1
            self.large -= not little
            self.metrics.running.dec()

    @contextmanager
    def _bodies(self) -> Iterator[Callable[[int], None]]:
        """What is told how many bytes a body has by now. It raises HTTPException where those of all are too many."""
        mine, most = 0, _BODIES * self.settings.max_bytes

        def hold(size: int) -> None:
            nonlocal mine
            self.held += size - mine
            mine = size
            if self.held > most and size > _LITTLE:
                self.metrics.refused.inc()
                why = "more is being sent at the moment than can be kept: try again in a moment"
                raise HTTPException(503, why, {"retry-after": "1"})

        try:
            yield hold
        finally:
            self.held -= mine

    async def _body(self, request: Request, hold: Callable[[int], None]) -> bytes:
        """The body, unpacked. Raises HTTPException, and ClientDisconnect when the caller went away."""
        most = self.settings.max_bytes
        too_large = HTTPException(413, f"more than the limit of {most:,} bytes")
        if int(request.headers.get("content-length", "").lstrip("0")[:20] or 0) > most:  # Python refuses long numbers
            raise too_large
        body = bytearray()
        patience = self.settings.patience
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        try:
            async with asyncio.timeout(_PAUSE * patience) as pause:
                async for part in request.stream():
                    body += part
                    if len(body) > most:
                        raise too_large
                    hold(len(body))
                    pause.reschedule(min(end, loop.time() + _PAUSE * patience))
        except TimeoutError:
            raise HTTPException(
                408, f"the body did not arrive within {patience:g} seconds, or paused for {_PAUSE * patience:g}"
            ) from None
        packing = request.headers.get("content-encoding", "identity").strip().lower()
        if packing == "identity":
            return bytes(body)
        unpacked = _unpacked(body, packing, most)
        hold(len(unpacked))
        return unpacked

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


def _is_little(path: str, body: bytes) -> bool:
    """Whether a body is sure to take no long time: a small picture that is decoded here, or a few numbers."""
    if len(body) > _LITTLE:
        return False
    if not path.startswith("/v1/read"):
        return True
    picture = plain(body)
    return picture is not None and picture.pixels <= _FEW


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
