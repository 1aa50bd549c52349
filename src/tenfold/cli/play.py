"""`tenfold play`."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tenfold.errors import missing_extra

EPILOG = """
Examples:
  # draw a digit, press Train, and watch
  tenfold play
  # at another port, without opening the browser
  tenfold play --port 9000 --no-browser
  # learn from your own digits
  tenfold play --data my-digits
  # for other machines too
  tenfold play --host 0.0.0.0
"""


def play(
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 is any free one.", min=0, max=65535)] = 8001,
    open_page: Annotated[bool, typer.Option("--open/--no-browser", help="Open the page in the browser.")] = True,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own digits, or a set such as fashion-mnist. \\[default: MNIST]", metavar="DATA"),
    ] = None,
) -> None:
    """Watch a network learn to read your own hand: a page to draw on and to train by, until Ctrl-C.

    One page plays at a time; closing it stops the training. Nothing is kept unless you press Keep.
    """
    try:
        from tenfold.play import server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "tenfold":
            raise
        raise missing_extra(str(error.name), "train") from error

    def started(address: str) -> None:
        with suppress(OSError):  # whoever started it may not be listening
            print(f"tenfold plays at {address} (Ctrl-C stops)", flush=True)
        if host not in ("127.0.0.1", "localhost", "::1"):
            print("tenfold: whoever reaches this machine can train on it", file=sys.stderr)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    server.play(None if data is None else str(data), host=host, port=port, started=started)
