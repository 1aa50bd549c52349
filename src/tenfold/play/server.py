"""The process: an address for one page, until Ctrl-C."""

import socket
from collections.abc import Callable
from typing import Any

from tenfold.play.application import create
from tenfold.play.session import Session
from tenfold.serve.server import PLAIN, address_of, listen, run

_GRACE = 60  # seconds for answers that are under way when it is stopped, such as an evaluation
_BUFFER = 65_536  # bytes that are sent ahead of the page: what it has not taken is not sent any more


def play(
    data: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8001,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the page until a signal says to stop.

    `data` are digits to learn from in place of MNIST. `started` is called with the address once the page is there; port
    0 is any free one. Raises AddressError, and DataError for data that cannot be had.
    """
    session = Session(data)
    options: dict[str, Any] = {**PLAIN, "timeout_graceful_shutdown": _GRACE}
    with listen(host, port) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        address = address_of(listening, host)
        run(create(session, (host,)), listening, options, lambda: started(address), session.close)
