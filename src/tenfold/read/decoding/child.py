"""The process in which files are decoded that may take any time and memory: what it is asked, and what it answers.

Both go through its standard input and output: a length, so many bytes of JSON, and what is said there to follow. What
comes from here is never unpickled, for a file may have taken this process over.
"""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import numpy as np

from tenfold.errors import DataError, FormatError, MissingExtra, TenfoldError, TooCostlyError, TooLargeError, one_line
from tenfold.read.decoding.page import Page

ERRORS: dict[str, type[TenfoldError]] = {
    kind.__name__: kind for kind in (DataError, FormatError, TooLargeError, TooCostlyError, MissingExtra)
}

_LATER = 5  # of the system's nineteen steps down: a service's small pictures, decoded in it, come before what is here


def tell(pipe: IO[bytes], head: dict[str, Any], *parts: Any) -> None:
    """Write what is asked or answered, and the bytes that follow it."""
    packed = json.dumps(head).encode()
    pipe.write(len(packed).to_bytes(4, "big") + packed)
    for part in parts:
        pipe.write(part)
    pipe.flush()


def told(pipe: IO[bytes]) -> dict[str, Any]:
    """Read what was told. Raises EOFError where the other end is gone, ValueError for nonsense."""
    length = int.from_bytes(exactly(pipe, 4), "big")
    head = json.loads(exactly(pipe, min(length, 1_000_000)))
    if not isinstance(head, dict):
        raise ValueError
    return head


def exactly(pipe: IO[bytes], count: int) -> bytes:
    """So many bytes. Raises EOFError where there are fewer."""
    got = pipe.read(count)
    if len(got) < count:
        raise EOFError
    return got


def main() -> None:
    """Answer until nobody asks any more."""
    warnings.simplefilter("ignore")  # Pillow's, of what a damaged file has in it
    with suppress(AttributeError, OSError):
        os.nice(_LATER)
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # for libraries that print
    with suppress(EOFError, BrokenPipeError):
        while True:
            head = told(asked)
            raw = exactly(asked, head["size"])
            _limit(head["memory"], head["seconds"])
            for answer, *parts in _answers(raw, head):
                tell(answers, answer, *parts)
                if answer["kind"] == "page" and not told(asked)["more"]:
                    break
            del raw


def _limit(memory: int, seconds: float) -> None:
    """Take no more memory than there is now and so many bytes, and no more seconds of a core, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        if seconds < 1e6:
            resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 2, hard))
        with open("/proc/self/statm", encoding="ascii") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = size + memory
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _answers(raw: bytes, head: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The pages of a file, and then that there are no more, or the error."""
    name, memory = head["name"], head["memory"]
    try:
        for page in pages(raw, name, head["max_pixels"], head["max_pages"]):
            pixels = np.ascontiguousarray(page.pixels)
            shape = {"shape": pixels.shape, "bytes": pixels.dtype == np.uint8, "notes": page.notes}
            yield {"kind": "page", "width": page.width, "height": page.height, **shape}, pixels.data
        yield ({"kind": "end"},)
    except TenfoldError as error:
        kind = next((each for each in type(error).__mro__ if each.__name__ in ERRORS), DataError)
        yield ({"kind": "error", "error": kind.__name__, "text": one_line(error)},)
    except MemoryError:
        yield ({"kind": "error", "error": "TooCostlyError", "text": needs_more(name, memory)},)
    except Exception as error:  # noqa: BLE001 - it is told to the first process
        yield ({"kind": "failed", "text": one_line(error)},)


def pages(raw: bytes, name: str, max_pixels: int, max_pages: int | None) -> Iterator[Page]:
    """The pages of a file of any kind. Raises as `images.pages` and `documents.pages` do."""
    if raw[:5] == b"%PDF-":
        from tenfold.read.decoding import documents

        return documents.pages(raw, name, max_pixels, max_pages)
    from tenfold.read.decoding import images

    return images.pages(raw, name, max_pixels)


def needs_more(name: str, memory: int) -> str:
    """What is said of a file that takes more than so many bytes of memory."""
    return f"{name} needs more than {memory / 1e6:,.0f} MB of memory to be decoded"
