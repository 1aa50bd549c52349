"""What the tests of the service share: pictures, one process of each kind, one browser, one site without a service."""

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from conftest import Service, on_paper, write_number
from serve.browser import absent, browser, watch
from tenfold.errors import DataError, FormatError, MissingExtra
from tenfold.serve import site

__all__ = ["browser", "watch"]

T = TypeVar("T")
TOKEN = "open-sesame"
MAX_BYTES = 60_000  # that the guarded service takes


def png(image: NDArray[np.uint8], form: str = "PNG", **options: Any) -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def number() -> bytes:
    return png(on_paper(write_number("2079")))


@pytest.fixture(scope="session")
def digit() -> bytes:
    return png(on_paper(write_number("7")))


@pytest.fixture(scope="session")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "corrections"


@pytest.fixture(scope="session")
def running(corrections: Path) -> Iterator[Service]:
    """A service that keeps corrections, as a process; it must end well, whatever was sent to it."""
    started = Service("--corrections", corrections, "--quiet")
    yield started
    status, log = started.stop()
    assert status == 0
    assert "Traceback" not in log


@pytest.fixture(scope="session")
def guarded() -> Iterator[Service]:
    """A service that asks for a token, takes small pictures only, and keeps nothing, as a process."""
    started = Service("--token", TOKEN, "--max-bytes", MAX_BYTES, "--quiet")
    yield started
    started.stop()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in a thread of its own: while a browser is open, this one has a loop of Playwright's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="package")
def exported(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site as users write it, two folders deep."""
    try:
        return site.write(tmp_path_factory.mktemp("www") / "some" / "where")
    except (MissingExtra, DataError) as error:
        if not isinstance(error, FormatError):  # a wrong checksum is no reason to look away
            absent(str(error))
        raise


class FileServer:
    """`python -m http.server` for a folder."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        port = re.search(r"port (\d+)", self.process.stdout.readline())
        assert port is not None
        self.address = f"http://127.0.0.1:{port[1]}"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="package")
def site_server(exported: Path) -> Iterator[FileServer]:
    started = FileServer(exported.parent.parent)
    started.address += "/some/where"  # not at the root, as on many a host
    yield started
    started.stop()
