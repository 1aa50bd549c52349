"""The application: which address is answered by what."""

import base64
import binascii
import gc
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from fastapi import APIRouter, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from tenfold.errors import DataError, MissingExtra, StorageError, TenfoldError, TooLargeError
from tenfold.read.reader import Reader
from tenfold.read.reading import Reading
from tenfold.serve import gate, protocol
from tenfold.serve.corrections import SIDE, Corrections
from tenfold.serve.gate import Gate
from tenfold.serve.metrics import TYPE, Metrics
from tenfold.serve.settings import Settings
from tenfold.serve.threads import Threads

PAGE = Path(__file__).parent / "page"
LOG = logging.getLogger("tenfold.serve")
_FORM = "multipart/form-data"
_CORRECTION = 10_000  # bytes, of which the picture takes 1,048
_LOCAL = ("127.0.0.1", "::1")
_STATUSES = {
    DataError: 415,
    TooLargeError: 413,
    MissingExtra: 415,
    StorageError: 507,
}


class ReadOptions(BaseModel):
    """What can be asked of a reading."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    single: bool = Field(False, description="The picture is one digit: all its ink is taken together.")
    threshold: float | None = Field(
        None, ge=0, le=1, description="The probability from which a digit is sure; the model's own unless told."
    )
    upright: bool = Field(False, description="The picture is the right way up: it is not tried turned by quarters.")
    annotate: bool = Field(
        False,
        description="Add the picture with a box around every digit: `annotated`, a PNG in base64. With "
        "`Accept: image/png` and one picture of one page the answer is that PNG.",
    )
    details: bool = Field(
        False,
        description="Add what a page needs to show: the size, the threshold, what was left out, and of each digit all "
        "probabilities and what the network saw.",
    )


class Correction(BaseModel):
    """A digit that was put right."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    label: str = Field(description="What it is: one of the model's classes.")
    input: str = Field(
        max_length=2000, description="What the network saw, as `details` gave it: 784 bytes in base64, ink bright on 0."
    )
    answer: str | None = Field(None, max_length=100, description="What it was read as.")


class Digit(BaseModel):
    """A digit that was found."""

    value: str
    probability: float = Field(ge=0, le=1)
    box: tuple[int, int, int, int] = Field(description="x, y, width and height in pixels of the picture.")
    sure: bool
    page: int | None = Field(None, description="Of a file with several pages.")
    line: int | None = Field(None, description="With `details`, as all that follows.")
    number: int | None = None
    probabilities: dict[str, float] | None = None
    none: float | None = Field(None, description="The probability of being no digit.")
    input: str | None = Field(None, description="What the network saw: 28 x 28 bytes in base64.")


class Read(BaseModel):
    """What was read in a picture."""

    path: str | None = Field(description="The name that it was sent under, if any.")
    text: str = Field(description="The lines, one under the other; ? is a digit that is not sure.")
    lines: list[str]
    digits: list[Digit]
    error: str | None = Field(None, description="Why it could not be read, where several were sent.")
    annotated: str | None = None
    width: int | None = None
    height: int | None = None
    threshold: float | None = None
    left_out: list[tuple[int, int, int, int]] | None = Field(None, description="Ink that was taken for no digit.")


class Problem(BaseModel):
    """What went wrong, in one line."""

    error: str


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    told = {
        400: "a request that does not follow the protocol",
        401: "the token is missing or wrong",
        403: "a page of another site may not do this",
        404: "there is no such thing here",
        405: "not with this method",
        408: "the body did not arrive in time",
        413: "more bytes, pixels, pages or pictures than are allowed",
        415: "not a picture, or a kind that cannot be read here",
        422: "parameters that cannot be meant",
        503: "all places in the queue are taken: Retry-After says when to try again",
        507: "the corrections cannot be kept: the disk or the folder is full",
    }
    return {status: {"model": Problem, "description": told[status]} for status in statuses}


_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_READ_BODY = {
    "required": True,
    "content": {
        "image/png": _PICTURE,
        "image/jpeg": _PICTURE,
        "application/octet-stream": _PICTURE,
        _FORM: {
            "schema": {
                "type": "object",
                "properties": {
                    "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
                },
                "required": ["files"],
            }
        },
    },
}
_ABOUT = """
Read handwritten digits in pictures.

    curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/read
    curl -F files=@one.png -F files=@two.png 'http://127.0.0.1:8000/v1/read?single=true'
    curl -H 'Accept: image/png' --data-binary @photo.jpg 'http://127.0.0.1:8000/v1/read?annotate=true' -o boxes.png

Under `/v2` the model itself is served by the Open Inference Protocol, for tensors.
"""


def create(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """The application, with its model loaded.

    Raises RunError for a model that cannot be used, StorageError for a corrections folder that cannot be.
    """
    settings = settings or Settings()
    reader = reader or Reader(
        settings.model,
        threshold=settings.threshold,
        max_pixels=settings.max_pixels,
        max_pages=settings.max_pictures,
        threads=1,
    )
    metrics = Metrics()
    corrections = None
    if settings.corrections is not None:
        corrections = Corrections(settings.corrections, reader.classifier.classes, settings.max_corrections)
    service = _Service(settings, reader, metrics, corrections)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with Threads(settings.threads) as service.threads:
            service.ready = True
            gc.freeze()  # what is there now stays, and need not be looked through again and again
            yield
            service.ready = False

    app = FastAPI(
        title="tenfold",
        summary="Handwritten digits, read in any picture.",
        description=_ABOUT,
        version=version("tenfold"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    # The gate looks at the token; this puts it into the document, and a field for it on /docs.
    asked = [Security(HTTPBearer(auto_error=False))] if settings.token else []
    app.include_router(_reading(service), dependencies=asked)
    app.include_router(protocol.router(reader, settings, service.work, lambda: service.ready), dependencies=asked)
    _documentation(app)
    _page(app)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(TenfoldError, _on_error)
    app.add_exception_handler(protocol.Fault, _on_fault)
    app.add_exception_handler(MemoryError, _on_no_memory)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_middleware(Gate, settings=settings, metrics=metrics)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "inference-header-content-length"],
            expose_headers=["retry-after", "inference-header-content-length"],
        )
    return app


class _Service:
    """What the answers need: the reader, a pool to read in, the counts."""

    def __init__(self, settings: Settings, reader: Reader, metrics: Metrics, corrections: Corrections | None) -> None:
        self.settings, self.reader, self.metrics, self.corrections = settings, reader, metrics, corrections
        self.threads: Threads | None = None  # while the service runs
        self.ready = False

    async def work(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run what takes long where the other requests do not wait for it."""
        assert self.threads is not None
        return await self.threads.do(call, *arguments)

    def read(self, raw: bytes, path: str | None, asked: ReadOptions) -> tuple[Reading, dict[str, Any]]:
        """A picture read, and that as JSON has it. Raises as Reader.read does."""
        named = io.BytesIO(raw)
        named.name = path or "the body"  # for what goes wrong
        try:
            reading = self.reader.read(
                named, single=asked.single, threshold=asked.threshold, upright=asked.upright, details=asked.details
            )
        except DataError:
            self.metrics.pictures.labels("no").inc()
            raise
        self.metrics.pictures.labels("yes").inc()
        sure = sum(digit.sure for digit in reading.digits)
        self.metrics.digits.labels("yes").inc(sure)
        self.metrics.digits.labels("no").inc(len(reading.digits) - sure)
        found = {**reading.as_dict(details=asked.details), "path": path}
        if asked.annotate:
            found["annotated"] = base64.b64encode(_png(reading)).decode("ascii")
        return reading, found

    def row(self, raw: bytes, path: str, asked: ReadOptions) -> tuple[dict[str, Any], TenfoldError | None]:
        """A picture of several read, as JSON has it; or that it cannot be, and the error."""
        try:
            return self.read(raw, path, asked)[1], None
        except (DataError, MissingExtra) as error:
            return {"path": path, "error": _line(error), "text": "", "lines": [], "digits": []}, error


def _reading(service: _Service) -> APIRouter:
    """`/v1`: pictures, the model, corrections; and `/metrics`."""
    router = APIRouter()

    @router.post(
        "/v1/read",
        summary="Read the digits in pictures",
        description="One picture as the body, or many in a form. A picture gives a reading, a form a list of them in "
        "its order. In a form a file that cannot be read has an `error`; if that is so of all, the answer is an error.",
        tags=["pictures"],
        response_model=None,
        responses={
            200: {"model": Read | list[Read], "content": {"image/png": {}}},
            **_problems(401, 408, 413, 415, 422, 503),
        },
        openapi_extra={"requestBody": _READ_BODY},
    )
    async def read(request: Request, asked: Annotated[ReadOptions, Query()]) -> Response:
        body = await request.body()
        if request.headers.get("content-type", "").lower().startswith(_FORM):
            files = await _files(request, body, service.settings)
            rows = [await service.work(service.row, raw, name, asked) for name, raw in files]
            if all(error for _, error in rows):
                raise rows[0][1]
            return _json([row for row, _ in rows])
        if asked.annotate and "image/png" in request.headers.get("accept", ""):
            reading, found = await service.work(service.read, body, None, asked)
            if reading.page_count == 1:
                return Response(base64.b64decode(found["annotated"]), media_type="image/png")
            return _json(found)
        _, found = await service.work(service.read, body, None, asked)
        return _json(found)

    @router.get(
        "/v1/model",
        summary="The model's metadata, and the limits of this service",
        tags=["pictures"],
        response_model=dict[str, Any],
        responses=_problems(401),
    )
    async def model() -> Response:
        described, settings = service.reader.classifier.description, service.settings
        return _json(
            {
                **described.metadata,
                "name": protocol.NAME,
                "threshold": service.reader.threshold,
                "max_bytes": settings.max_bytes,
                "max_pixels": settings.max_pixels,
                "max_pictures": settings.max_pictures,
                "corrections": service.corrections is not None,
                "note": None,
            }
        )

    if service.corrections is not None:
        corrections = service.corrections

        @router.post(
            "/v1/corrections",
            summary="Keep a digit that was put right, to learn from",
            tags=["corrections"],
            status_code=201,
            response_model=dict[str, Any],
            responses=_problems(401, 403, 408, 413, 415, 422, 503, 507),
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": Correction.model_json_schema()}},
                }
            },
        )
        async def correct(request: Request) -> Response:
            _same_site(request, service.settings.origins)
            # A page of another site can send a form without asking first, but not JSON.
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise HTTPException(415, "a correction is JSON: Content-Type: application/json")
            body = await request.body()
            if len(body) > _CORRECTION:
                raise HTTPException(413, f"a correction has no more than {_CORRECTION:,} bytes")
            try:
                given = Correction.model_validate_json(body)
            except ValidationError as error:
                raise RequestValidationError(error.errors(include_input=False, include_context=False)) from None
            if given.label not in corrections.classes:
                raise HTTPException(422, f"label: it must be one of {', '.join(corrections.classes)}")
            name = await service.work(corrections.save, _image(given.input), given.label)
            service.metrics.corrections.labels(given.label).inc()
            counts = await service.work(corrections.counts)
            return _json({"saved": name, "count": sum(counts.values()), "classes": counts}, 201)

        @router.get(
            "/v1/corrections",
            summary="How many digits were put right",
            tags=["corrections"],
            response_model=dict[str, Any],
            responses=_problems(401),
        )
        async def corrected() -> Response:
            counts = await service.work(corrections.counts)
            return _json({"count": sum(counts.values()), "classes": counts})

    @router.get(
        "/metrics",
        summary="Counts for Prometheus",
        tags=["operation"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **_problems(401)},
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=TYPE)

    return router


async def _files(request: Request, body: bytes, settings: Settings) -> list[tuple[str, bytes]]:
    """The files of a form, with their names."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    most = settings.max_pictures
    parser = MultiPartParser(request.headers, stream(), max_files=most, max_fields=10)  # type: ignore[arg-type]
    parser.spool_max_size = settings.max_bytes  # the body is in memory already: no file is made of it
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise HTTPException(413, f"more than the limit of {most} pictures") from None
        raise HTTPException(422, f"the form cannot be read: {error.message}") from None
    except (LookupError, ValueError) as error:
        raise HTTPException(422, f"the form cannot be read: {type(error).__name__}") from None
    try:
        found = []
        for name, part in form.multi_items():
            if isinstance(part, str):
                raise HTTPException(422, f"the field {name!r} is no file: parameters go into the address: ?single=true")
            found.append((part.filename or name, await part.read()))
        if not found:
            raise HTTPException(422, "the form has no files")
        return found
    finally:
        await form.close()


def _same_site(request: Request, origins: tuple[str, ...]) -> None:
    """Refuse what a page of another site sent, unless it is among the origins that may call.

    At a loopback address that is also a page whose name was made to lead here: then only local names are ours.
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
        raise HTTPException(
            403, "corrections are taken from this service's own page, not from another site's: --cors lets one in"
        )


def _image(text: str) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise HTTPException(422, "input: it must be base64") from None
    if len(raw) != SIDE * SIDE:
        raise HTTPException(422, f"input: {SIDE * SIDE} bytes are wanted, {SIDE} x {SIDE}, and there are {len(raw)}")
    image = np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE)
    if not image.any():
        raise HTTPException(422, "input: there is no ink in it")
    return image


def _png(reading: Reading) -> bytes:
    packed = io.BytesIO()
    reading.annotated().save(packed, "PNG")
    return packed.getvalue()


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _problem(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps({"error": why}), status, headers, media_type="application/json")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    why = {404: f"there is no {request.url.path}", 405: f"{request.method} is not possible here"}.get(error.status_code)
    default = error.detail in ("Not Found", "Method Not Allowed")
    return _problem(error.status_code, why if why and default else str(error.detail), dict(error.headers or {}))


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A few of them, as there may be as many as the request has parameters.
    told = [f"{'.'.join(str(part) for part in e['loc'][-1:])[:100] or 'body'}: {e['msg']}" for e in error.errors()[:3]]
    return _problem(422, "; ".join(told))


async def _on_error(_: Request, error: Exception) -> Response:
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 422)
    if status == 507:  # where it is kept here is nothing to tell
        LOG.error(_line(error))
        return _problem(status, "the correction cannot be kept: the disk is full, or the folder is gone")
    return _problem(status, _line(error))


async def _on_fault(_: Request, error: Exception) -> Response:
    assert isinstance(error, protocol.Fault)
    return _problem(error.status, str(error))


async def _on_no_memory(_: Request, __: Exception) -> Response:
    return _problem(413, "there is not enough memory for this here")


async def _on_unexpected(_: Request, error: Exception) -> Response:
    LOG.error("unexpected: %s", type(error).__name__, exc_info=error)
    return _problem(500, "something unexpected went wrong here; it is in the log of the service")


def _page(app: FastAPI) -> None:
    """The page, an address for each of its files: a mount over all would hide which methods the others have."""
    files = StaticFiles(directory=PAGE)
    for file in sorted(PAGE.rglob("*")):
        path = file.relative_to(PAGE).as_posix()
        if file.is_file():

            async def get(request: Request, path: str = path) -> Response:
                return await files.get_response(path, request.scope)

            for address in (f"/{path}", *(["/"] if path == "index.html" else [])):
                app.router.add_route(address, get, ["GET", "HEAD"], include_in_schema=False)


def _documentation(app: FastAPI) -> None:
    """`/docs`: Swagger UI, from files of the package fastapi-offline instead of from another site."""
    place = find_spec("fastapi_offline")
    if place is None or not place.submodule_search_locations:
        return
    app.mount("/docs-files", StaticFiles(directory=Path(place.submodule_search_locations[0]) / "static"))
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="tenfold: the service",
        swagger_js_url="docs-files/swagger-ui-bundle.js",
        swagger_css_url="docs-files/swagger-ui.css",
        swagger_favicon_url="docs-files/favicon.png",
    )
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(sha256(s).digest()).decode()}'" for s in scripts)
    policy = gate.POLICY.replace("script-src 'self'", f"script-src 'self' {hashes}")
    policy = policy.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(page.body, media_type="text/html", headers={"content-security-policy": policy})
