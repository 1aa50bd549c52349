"""What the routes share: the reader, threads to read in, the counts and the corrections."""

import asyncio
import base64
import gc
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request

from tenfold.errors import DataError, FormatError, MissingExtra, TenfoldError, one_line
from tenfold.read import limits
from tenfold.read.limits import Deadline
from tenfold.read.reader import Reader
from tenfold.read.reading import Reading
from tenfold.serve.corrections import Corrections
from tenfold.serve.gate import LITTLE
from tenfold.serve.metrics import Metrics
from tenfold.serve.pictures import Sent
from tenfold.serve.schemas import ReadOptions
from tenfold.serve.settings import Settings

T = TypeVar("T")
_BYTES = 4.7  # of memory for each of the pixels that a picture may have, to decode it


class Service:
    """The state of a running service.

    Raises RunError for a model that cannot be used, StorageError for a corrections folder that cannot be.
    """

    def __init__(self, settings: Settings, reader: Reader | None = None) -> None:
        self.settings: Settings = settings
        self.reader: Reader = reader or Reader(
            settings.model,
            threshold=settings.threshold,
            max_pixels=settings.max_pixels,
            max_pages=settings.max_pictures,
            max_seconds=settings.max_seconds,
            max_memory=int(_BYTES * settings.max_pixels),
            threads=1,
        )
        self.reader.pages_kept = 1
        self.metrics: Metrics = Metrics()
        self.corrections: Corrections | None = None
        if settings.corrections is not None:
            classes = self.reader.classifier.classes
            self.corrections = Corrections(settings.corrections, classes, settings.max_corrections)
        self.threads: ThreadPoolExecutor | None = None  # while the service runs
        self.slow: ThreadPoolExecutor | None = None  # for pictures that are not little

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """While the application runs: its threads."""
        count = self.settings.threads
        with ThreadPoolExecutor(count, "reading") as self.threads, ThreadPoolExecutor(count, "slow") as self.slow:
            gc.freeze()  # what is there now stays, and need not be looked through again and again
            yield
        self.threads = self.slow = None

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run what takes a while where the other requests do not wait for it."""
        assert self.threads is not None
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
        """What runs the work of a request whose body is read, with a deadline for all of it.

        It is called off where whoever sent the request goes away. What may take long has threads of its own, so that
        little pictures do not wait for large ones.
        """
        threads = self.threads if request.scope.get(LITTLE) else self.slow
        deadline = Deadline(self.settings.max_seconds, "the request")

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            deadline.call_off()

        watching = asyncio.create_task(watch())

        async def run(call: Callable[..., T], *arguments: Any) -> T:
            assert threads is not None
            return await asyncio.get_running_loop().run_in_executor(threads, _until, deadline, call, *arguments)

        try:
            yield run
        finally:
            watching.cancel()

    def read(self, sent: Sent, options: ReadOptions) -> tuple[Reading, dict[str, Any]]:
        """A picture read, and that as JSON has it. Raises as Reader.read does, FormatError for what is no base64."""
        try:
            file = io.BytesIO(sent.raw())
            file.name = sent.name  # for errors
            reading = self.reader.read(file, **options.model_dump(exclude={"annotate"}))
        except DataError as error:
            self.metrics.pictures.labels("no").inc()
            if sent.spoilt():
                raise FormatError(f"{sent.name} has lost its line ends and zeros on its way, as by curl -d") from error
            raise
        self.metrics.pictures.labels("yes").inc()
        sure = sum(digit.sure for digit in reading.digits)
        self.metrics.digits.labels("yes").inc(sure)
        self.metrics.digits.labels("no").inc(len(reading.digits) - sure)
        answer = {**reading.as_dict(details=options.details), "path": sent.path}
        if options.annotate:
            png = io.BytesIO()
            reading.annotated().save(png, "PNG")
            answer["annotated"] = base64.b64encode(png.getvalue()).decode("ascii")
        return reading, answer

    def read_file(self, sent: Sent, options: ReadOptions) -> tuple[dict[str, Any], TenfoldError | None]:
        """A picture of several read, as JSON has it; or that it cannot be, and the error."""
        try:
            return self.read(sent, options)[1], None
        except (DataError, MissingExtra) as error:
            empty = {"text": "", "lines": [], "numbers": [], "digits": []}
            return {"path": sent.path, "error": one_line(error), **empty}, error


def _until(deadline: Deadline, call: Callable[..., T], *arguments: Any) -> T:
    """Call within a deadline, whose time begins with the first call; the time before was spent waiting."""
    with limits.until(deadline):
        return call(*arguments)


def of(request: Request) -> Service:
    """The service that a request was sent to."""
    service: Service = request.app.state.service
    return service
