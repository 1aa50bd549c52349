"""The application: which address is answered by what."""

import base64
import logging
import re
from collections.abc import Collection
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from tenfold.errors import (
    DataError,
    FormatError,
    MissingExtra,
    StorageError,
    TenfoldError,
    TooCostlyError,
    TooLargeError,
    one_line,
)
from tenfold.read.limits import CalledOff
from tenfold.read.reader import Reader
from tenfold.serve import gate, pictures, protocol, schemas, service
from tenfold.serve.answers import POLICY, Json, body, explained, problem, problems
from tenfold.serve.metrics import TYPE
from tenfold.serve.pictures import Sent
from tenfold.serve.service import Service
from tenfold.serve.settings import Settings

PAGE = Path(__file__).parent / "page"
EXAMPLES = Path(__file__).parent / "examples.md"
LOG = logging.getLogger("tenfold.serve")
_HERE = "http://127.0.0.1:8000"  # in the examples
_ASKED = "\nEvery request needs the header `Authorization: Bearer TOKEN`.\n"
_MAX_CORRECTION = 10_000  # bytes, of which the picture takes 1,048

router: APIRouter = APIRouter()
corrections: APIRouter = APIRouter(prefix="/v1/corrections", tags=["corrections"])


def create(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """The application, with its model loaded.

    Raises RunError for a model that cannot be used, StorageError for a corrections folder that cannot be.
    """
    settings = settings or Settings()
    state = Service(settings, reader)
    app = FastAPI(
        title="tenfold",
        summary="Handwritten digits, read in any picture.",
        description=EXAMPLES.read_text(encoding="utf-8") + (_ASKED if settings.token else ""),
        version=version("tenfold"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=state.lifespan,
        redirect_slashes=False,
    )
    app.state.service = state
    # The gate looks at the token; this puts it into the document, and a field for it on /docs.
    guards = [Security(HTTPBearer(auto_error=False))] if settings.token else []
    for routes in (router, protocol.router, *([corrections] if state.corrections else [])):
        app.include_router(routes, dependencies=guards)
    _serve_documentation(app)
    add_files(app, PAGE)
    for kind in (HTTPException, RequestValidationError, ValidationError, TenfoldError, MemoryError, Exception):
        app.add_exception_handler(kind, _on_error)
    app.add_middleware(gate.Gate, settings=settings, metrics=state.metrics)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", protocol.LENGTH],
            expose_headers=["retry-after", protocol.LENGTH],
        )
    return app


@router.post(
    "/v1/read",
    summary="Read the digits in pictures",
    tags=["pictures"],
    response_model=None,
    responses={
        200: {"model": schemas.Reading | list[schemas.Reading], "content": {"image/png": {}}},
        **problems(400, 401, 403, 408, 413, 415, 422, 431, 503),
    },
    openapi_extra={"requestBody": pictures.BODY},
)
async def read(request: Request, options: Annotated[schemas.ReadOptions, Query()]) -> Response:
    """One picture as the body, or many in a form; or base64: as the body, or in JSON as `{"image": "…"}` or a list.

    A picture gives a reading, a form or a list gives a list of them in its order, in which a picture that cannot be
    read has an `error`; if that is so of all, the answer is an error.
    """
    state = service.of(request)
    sent = await _sent(request, state)
    async with state.reading(request) as run:
        if isinstance(sent, list):
            rows = [await run(state.read_file, picture, options) for picture in sent]
            if all(error for _, error in rows):
                assert rows[0][1] is not None
                raise rows[0][1]
            return Json([row for row, _ in rows])
        reading, answer = await run(state.read, sent, options)
    if options.annotate and reading.page_count == 1 and "image/png" in request.headers.get("accept", ""):
        return Response(base64.b64decode(answer["annotated"]), media_type="image/png")
    return Json(answer)


@router.get("/v1", summary="What there is", tags=["operation"], response_model=schemas.Index, responses=problems(401))
async def index(request: Request) -> Response:
    """The routes of this service."""
    document = request.app.openapi()
    routes = [
        {"method": method.upper(), "path": path, "summary": route["summary"]}
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    ]
    return Json({"name": "tenfold", "version": document["info"]["version"], "routes": routes, "documentation": "/docs"})


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    summary="Whether the service is up and can read",
    tags=["operation"],
    response_model=schemas.Health,
    responses=problems(503),
)
async def health(request: Request) -> Response:
    """For liveness and readiness: 200 from the first moment at which pictures can be read, also while some are."""
    return Json({"status": "ok"}) if service.of(request).threads else problem(503, "not ready")


@router.get(
    "/v1/model",
    summary="The model's metadata, and the limits of this service",
    tags=["pictures"],
    response_model=schemas.Model,
    responses=problems(401),
)
async def model(request: Request) -> Response:
    """What `tenfold export` wrote into the model file, and what the service was started with."""
    state = service.of(request)
    limits = {
        name: getattr(state.settings, name) for name in ("max_bytes", "max_pixels", "max_pictures", "max_seconds")
    }
    own = {"name": schemas.MODEL, "threshold": state.reader.threshold, **limits}
    kept = state.corrections is not None
    return Json({**state.reader.classifier.description.metadata, **own, "corrections": kept, "note": None})


@router.get(
    "/metrics",
    summary="Counts for Prometheus",
    tags=["operation"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **problems(401)},
)
async def metrics(request: Request) -> Response:
    """The counts of all workers in Prometheus's text format."""
    return Response(service.of(request).metrics.text(), media_type=TYPE)


async def _correction(request: Request) -> schemas.Correction:
    """The correction in a request. Raises HTTPException, ValidationError."""
    # A page of another site can send a form without asking first, but not JSON.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "a correction is JSON: Content-Type: application/json")
    raw = await request.body()
    if len(raw) > _MAX_CORRECTION:
        raise HTTPException(413, f"a correction has no more than {_MAX_CORRECTION:,} bytes")
    return schemas.Correction.model_validate_json(raw)


@corrections.post(
    "",
    summary="Keep a digit that was put right, to learn from",
    status_code=201,
    response_model=schemas.Kept,
    responses=problems(401, 403, 408, 413, 415, 422, 503, 507),
    openapi_extra=body(schemas.Correction),
)
async def correct(request: Request, correction: Annotated[schemas.Correction, Depends(_correction)]) -> Response:
    """The same digit is kept once, under the label that was given last."""
    state = service.of(request)
    assert state.corrections is not None
    if correction.label not in state.corrections.classes:
        raise HTTPException(422, f"label: it must be one of {', '.join(state.corrections.classes)}")
    name = await state.run(state.corrections.save, correction.input, correction.label)
    state.metrics.corrections.labels(correction.label).inc()
    counts = await state.run(state.corrections.counts)
    return Json({"saved": name, "count": sum(counts.values()), "classes": counts}, 201)


@corrections.get("", summary="How many digits were put right", response_model=schemas.Kept, responses=problems(401))
async def corrected(request: Request) -> Response:
    """How many corrections are kept, of each class."""
    state = service.of(request)
    assert state.corrections is not None
    counts = await state.run(state.corrections.counts)
    return Json({"count": sum(counts.values()), "classes": counts})


async def _sent(request: Request, state: Service) -> Sent | list[Sent]:
    """The picture of a request, or the list of those in a form or in JSON. Raises as `pictures` does."""
    if request.headers.get("content-type", "").lower().startswith(pictures.FORM):
        return await pictures.of_form(request, state.settings)
    raw = await request.body()
    if not pictures.is_text(raw):
        return Sent(raw)
    return await state.run(pictures.of_text, raw, state.settings.max_pictures)  # which takes a while where it is long


async def _on_error(request: Request, error: Exception) -> Response:
    """The answer to anything that was raised."""
    match error:
        case HTTPException(status_code=404, detail="Not Found"):
            return problem(404, f"there is no {request.url.path}")
        case HTTPException(status_code=405, detail="Method Not Allowed"):
            allowed = (error.headers or {}).get("Allow", "another method")
            return problem(405, f"{request.method} is not possible here: {allowed} is", error.headers)
        case HTTPException():
            return problem(error.status_code, error.detail, error.headers)
        case RequestValidationError() | ValidationError():
            return problem(400 if request.url.path.startswith("/v2") else 422, explained(error.errors()))
        case StorageError():  # where corrections are kept is not for the caller
            LOG.error(one_line(error))
            return problem(507, "the correction cannot be kept: the disk is full, or the folder is gone")
        case CalledOff():
            return problem(499, one_line(error))
        case TooCostlyError():
            return problem(422, one_line(error))
        case TooLargeError():
            return problem(413, one_line(error))
        case FormatError():
            return problem(415, f"{one_line(error)}; {pictures.HOW}")
        case DataError() | MissingExtra():
            return problem(415, one_line(error))
        case TenfoldError():
            return problem(422, one_line(error))
        case MemoryError():
            return problem(413, "there is not enough memory for this here")
    LOG.error("unexpected: %s", type(error).__name__, exc_info=error)
    return problem(500, "something unexpected went wrong here; it is in the log of the service")


def add_files(app: FastAPI, folder: Path, names: Collection[str] | None = None) -> None:
    """Serve the files of a page, or those with some names; index.html is also the application's root.

    Each has an address of its own: a mount over all would hide which methods the others have.
    """
    files = StaticFiles(directory=folder)
    there = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    for path in there if names is None else names:

        async def get(request: Request, path: str = path) -> Response:
            return await files.get_response(path, request.scope)

        for address in (f"/{path}", *(["/"] if path == "index.html" else [])):
            app.router.add_route(address, get, ["GET", "HEAD"], include_in_schema=False)


def _serve_documentation(app: FastAPI) -> None:
    """`/openapi.json`, with examples for the address that was asked; and `/docs`, Swagger UI.

    Its files are those of the package fastapi-offline instead of another site's.
    """

    async def document(request: Request) -> Response:
        described = app.openapi()
        about = described["info"]["description"].replace(_HERE, str(request.base_url).rstrip("/"))
        return Json({**described, "info": {**described["info"], "description": about}})

    app.router.add_route("/openapi.json", document, ["GET", "HEAD"], include_in_schema=False)
    package = find_spec("fastapi_offline")
    if package is None or not package.submodule_search_locations:
        return
    app.mount("/docs-files", StaticFiles(directory=Path(package.submodule_search_locations[0]) / "static"))
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="tenfold: the service",
        swagger_js_url="docs-files/swagger-ui-bundle.js",
        swagger_css_url="docs-files/swagger-ui.css",
        swagger_favicon_url="docs-files/favicon.png",
    )
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(sha256(s).digest()).decode()}'" for s in scripts)
    policy = POLICY.replace("script-src 'self'", f"script-src 'self' {hashes}")
    headers = {"content-security-policy": policy.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")}

    @app.get("/docs/", include_in_schema=False)
    async def slash() -> Response:
        return RedirectResponse("../docs")  # below which the files are looked for

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(page.body, media_type="text/html", headers=headers)
