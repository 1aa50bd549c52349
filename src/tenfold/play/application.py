"""The application: the page, the routes below /play that its buttons ask, and /read, with what was trained here."""

import base64
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from tenfold.errors import TenfoldError, UsageError, one_line
from tenfold.play.knobs import Knobs
from tenfold.play.session import DRAWN, Session
from tenfold.play.stream import Stream
from tenfold.serve import application as serving
from tenfold.serve.answers import Json, explained, problem
from tenfold.serve.gate import Gate
from tenfold.serve.metrics import Metrics
from tenfold.serve.settings import Settings

PAGE = Path(__file__).parent / "page"
SHARED = ("page.css", "pen.js", "sheet.js", "strokes.js", "icon.svg")  # of the page that reads
TOKEN = "x-tenfold-page"  # noqa: S105 - a header: which page asks
_MAX_BYTES = 4_000_000  # of a request

router: APIRouter = APIRouter(prefix="/play")


class _Body(BaseModel, extra="forbid"):
    """What a request holds."""


class Training(_Body):
    """A training, and another beside it."""

    knobs: Knobs
    other: Knobs | None = None
    onward: bool = False  # from the weights that the one before has, or had at a moment, as in Asked
    seen: int | None = None


class Going(_Body):
    """How to go on."""

    how: Literal["run", "wait", "step", "epoch", "slow", "usual", "stop"]


class Rate(_Body):
    """Another learning rate of a track."""

    track: Annotated[int, Field(ge=0, le=1)]
    lr: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Picture(BaseModel):
    """A drawn digit: a byte of ink for each pixel, in base64."""

    width: int
    height: int
    ink: str


class Drawing(_Body):
    """The drawn digits, from left to right."""

    digits: Annotated[list[Picture], Field(max_length=DRAWN)]


class Asked(_Body):
    """A moment, by the digits that were seen until then; None is now."""

    seen: int | None = None


class Look(_Body):
    """At which network, and of which drawn digit, a look inside is: a moment as above, and units switched off."""

    training: int | None = None  # counted from 1: of one that is no more nothing is told
    track: Annotated[int, Field(ge=0, le=1)] = 0
    digit: Annotated[int, Field(ge=0, lt=DRAWN)] = 0
    seen: int | None = None
    covered: Annotated[str | None, Field(max_length=2000)] = None  # the ink that is left, in base64
    off: dict[str, Annotated[list[int], Field(max_length=4096)]] = Field({}, max_length=64)


class LookAtUnit(Look):
    """Which unit."""

    layer: str
    unit: int


class LookForChange(Look):
    """What the digit is to become."""

    wanted: int


class Which(_Body):
    """One of the trainings side by side."""

    track: Annotated[int, Field(ge=0, le=1)] = 0


def create(session: Session, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The application of a session, that is also known by the names `hosts`."""
    app = FastAPI(
        title="tenfold play",
        version=version("tenfold"),
        openapi_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.session, app.state.reading = session, Reading(hosts)
    app.include_router(router)
    app.router.mount("/read", app.state.reading)
    serving.add_files(app, PAGE)
    serving.add_files(app, serving.PAGE, SHARED)
    for kind in (HTTPException, RequestValidationError, TenfoldError):
        app.add_exception_handler(kind, _on_error)
    app.add_middleware(Gate, settings=Settings(max_bytes=_MAX_BYTES, log=False, hosts=hosts), metrics=Metrics())
    return app


class Reading:
    """The page that reads, below /read, with a model that was trained here; until there is one, it is not there."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._app: FastAPI | None = None
        self._hosts = hosts
        self._stack = AsyncExitStack()

    async def open(self, model: Path) -> None:
        """Read with a model from now on."""
        app = await run_in_threadpool(serving.create, Settings(model=model, log=False, hosts=self._hosts))
        await self.close()
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        self._app = app

    async def close(self) -> None:
        """Read no more."""
        self._app = None
        await self._stack.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as that page's own service."""
        if self._app is None:
            answer: ASGIApp = problem(404, "nothing was trained here that could read: train a network first")
        else:
            answer = self._app
            path = scope["path"].removeprefix("/read") or "/"
            scope = {**scope, "path": path, "raw_path": path.encode(), "root_path": "", "app": self._app}
        await answer(scope, receive, send)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    session: Session = app.state.session
    threading.Thread(target=session.load, daemon=True).start()
    yield
    await app.state.reading.close()
    await run_in_threadpool(session.clear)


def of(request: Request) -> Session:
    """The session of a request."""
    session: Session = request.app.state.session
    return session


def mine(request: Request) -> Session:
    """The same, for what only the page may ask that is open. Raises HTTPException for another."""
    session = of(request)
    if session.page is None or request.headers.get(TOKEN) != session.page:
        raise HTTPException(409, "this page is not the one that plays: load it again")
    return session


Mine = Annotated[Session, Depends(mine)]


@router.get("/stream")
async def stream(session: Annotated[Session, Depends(of)]) -> Response:
    """What is going on, as server-sent events."""
    return Stream(session)


@router.post("/train")
def train(training: Training, session: Mine) -> Response:
    """Begin a training."""
    both = [training.knobs] if training.other is None else [training.knobs, training.other]
    return Json(session.train(*both, onward=training.onward, seen=training.seen))


@router.post("/go")
def go(going: Going, session: Mine) -> Response:
    """Pause, go on, or stop."""
    session.go(going.how)
    return Json({})


@router.post("/rate")
def rate(wanted: Rate, session: Mine) -> Response:
    """Change the learning rate."""
    session.rate(wanted.track, wanted.lr)
    return Json({})


@router.post("/digits")
def draw(drawing: Drawing, session: Mine) -> Response:
    """Take the drawn digits."""
    try:
        pictures = [(one.width, one.height, base64.b64decode(one.ink, validate=True)) for one in drawing.digits]
    except ValueError:
        raise UsageError("the ink of a drawn digit must be base64") from None
    return Json(session.draw(pictures))


@router.post("/moment")
def moment(asked: Asked, session: Mine) -> Response:
    """Look at a moment."""
    return Json({"tracks": session.moment(asked.seen)})


@router.post("/evaluate")
def evaluate(which: Which, session: Mine) -> Response:
    """Score on the test set."""
    from tenfold.play import finished

    return Json(session.once_finished(which.track, lambda track: finished.evaluate(track, session.data)))


@router.post("/keep")
def keep(which: Which, session: Mine) -> Response:
    """Keep the run."""
    from tenfold.play import finished

    return Json(session.once_finished(which.track, finished.keep))


@router.post("/read")
async def read(which: Which, session: Mine, request: Request) -> Response:
    """Open the page that reads with this network."""
    from tenfold.play import finished

    def exported(track: Any) -> dict[str, Any]:
        return {"model": finished.model_file(track)}

    found = await run_in_threadpool(session.once_finished, which.track, exported)
    await request.app.state.reading.open(found["model"])
    return Json({"address": "read/"})


@router.post("/inside/maps")
def maps(look: Look, session: Mine) -> Response:
    """Look at what each layer makes of a digit."""
    from tenfold.play import inside

    return _looked(session, look, lambda: inside.maps(session, look))


@router.post("/inside/unit")
def unit(look: LookAtUnit, session: Mine) -> Response:
    """Look at one unit."""
    from tenfold.play import inside

    return _looked(session, look, lambda: inside.unit(session, look, look.layer, look.unit))


def _looked(session: Session, look: Look, found: Callable[[], dict[str, Any]]) -> Response:
    """What is found, or null where the next training began before the look was answered."""
    try:
        return Json(found())
    except UsageError:
        if look.training is None or session.is_at(look.training):
            raise
        return Json(None)


@router.post("/inside/accuracy")
def accuracy(look: Look, session: Mine) -> Response:
    """Count validation digits that are right without the units switched off."""
    from tenfold.play import inside

    return Json(inside.accuracy(session, look))


@router.post("/inside/change")
def change(look: LookForChange, session: Mine) -> Response:
    """Look for the least change that makes a digit another."""
    from tenfold.play import inside

    return Json(inside.change(session, look, look.wanted))


@router.get("/matrix.css")
def matrix_style() -> Response:
    """How the numbers of mistakes look, as in a report."""
    from tenfold.learn.scoring import matrix, thumbnails

    return PlainTextResponse(thumbnails.STYLE + matrix.STYLE, media_type="text/css")


async def _on_error(request: Request, error: Exception) -> Response:
    """The answer to anything that was raised."""
    match error:
        case HTTPException(status_code=404, detail="Not Found"):
            return problem(404, f"there is no {request.url.path}")
        case HTTPException(status_code=405):
            return problem(405, f"{request.method} is not possible here", error.headers)
        case HTTPException():
            return problem(error.status_code, str(error.detail), error.headers)
        case RequestValidationError():
            return problem(422, explained({**one, "loc": one["loc"][1:]} for one in error.errors()))
    return problem(422, one_line(error))
