"""`tenfold serve`."""

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

from tenfold.cli.options import option
from tenfold.errors import missing_extra
from tenfold.progress import say

EPILOG = """
Examples:
  # a page to draw on
  tenfold serve
  # your own model
  tenfold serve --model runs/half
  # save corrected digits, to learn from
  tenfold serve --corrections my-digits
  # for other machines too
  tenfold serve --host 0.0.0.0 --token SECRET
  # ask it
  curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/read
"""

_where, _what, _limits = (partial(option, panel, show_default=True) for panel in ("Where", "What", "Limits"))


def serve(  # noqa: PLR0913 - options
    host: Annotated[str, _where(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, _where(help="0 is any free one.", min=0, max=65535)] = 8000,
    workers: Annotated[int, _where(help="Processes that answer.", min=1, metavar="N")] = 1,
    threads: Annotated[
        int | None, _where(help="Pictures read at a time by each. \\[default: cores / workers]", min=1, metavar="N")
    ] = None,
    open_page: Annotated[bool, _where("--open", help="Open the page in the browser.")] = False,
    quiet: Annotated[bool, _where("--quiet", "-q", help="No line for each request.")] = False,
    model: Annotated[Path | None, _what(help="A model file or a run. \\[default: the bundled one]")] = None,
    threshold: Annotated[
        float | None, _what(help="Probability from which a digit is sure. \\[default: the model's]")
    ] = None,
    corrections: Annotated[
        Path | None, _what(help="Save digits that are put right on the page in this folder.", metavar="DIR")
    ] = None,
    token: Annotated[
        str | None,
        _what(
            help="Asked of every request; TENFOLD_TOKEN does not show it in the list of processes.",
            envvar="TENFOLD_TOKEN",
            show_envvar=False,
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        _what(
            "--allow-origin",
            "--cors",
            help="Another site whose pages may call, or a further name of this one; may be repeated.",
            metavar="ORIGIN",
        ),
    ] = None,
    max_bytes: Annotated[int, _limits(help="Of a request's body.", metavar="N")] = 20_000_000,
    max_pixels: Annotated[int, _limits(help="Of a picture.", metavar="N")] = 50_000_000,
    max_pictures: Annotated[int, _limits(help="Of a request, and pages of a file.", metavar="N")] = 100,
    max_seconds: Annotated[float, _limits(help="Of reading what is in a request.", metavar="S")] = 5.0,
    queue: Annotated[
        int, _limits(help="Requests that may wait in each process; the next is refused with 503.", metavar="N")
    ] = 64,
) -> None:
    """Serve a page to draw on, and a REST interface, until Ctrl-C.

    Pictures are read and forgotten. API documentation is at /docs, counts for Prometheus at /metrics.
    """
    from tenfold.cli.export import model_file

    try:
        from tenfold.serve.server import serve as run
        from tenfold.serve.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "tenfold":
            raise
        raise missing_extra(str(error.name), "serve") from error
    settings = Settings(
        model=model_file(model),
        threshold=threshold,
        token=token,
        corrections=corrections,
        origins=tuple(cors or ()),
        threads=threads or max(1, (os.cpu_count() or 1) // workers),
        queue=queue,
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        max_pictures=max_pictures,
        max_seconds=max_seconds,
        log=not quiet,
    )

    def started(address: str) -> None:
        with suppress(OSError):  # whoever started it may not be listening
            say(f"tenfold serves at {address} (Ctrl-C stops)", flush=True)
        if host not in ("127.0.0.1", "localhost", "::1") and token is None:
            say("tenfold: whoever reaches this machine can use it: --token asks for a secret", file=sys.stderr)
        if corrections is not None:
            say(f"tenfold: corrections go to {corrections}", file=sys.stderr)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(settings, host=host, port=port, workers=workers, started=started)
