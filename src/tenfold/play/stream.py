"""What the page is sent while it is open, as server-sent events: never more than it takes, and then the newest."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tenfold.play.session import Session, Told

RATE = 20  # frames a second, at most
BEAT = 15.0  # seconds without one, after which a word is sent to learn whether the page is still there
TAKEN = "another page of tenfold play is open: close that one first"
HEADERS = {"cache-control": "no-store"}


class Stream(StreamingResponse):
    """The events of a page, which leaves when they can no longer be sent."""

    def __init__(self, session: Session) -> None:
        self.session: Session = session
        self.listener: asyncio.Event = asyncio.Event()
        self.page: str | None = session.enter(self.listener)
        super().__init__(self._events(), media_type="text/event-stream", headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the page is gone, or the service ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.page is not None and self.session.page == self.page:
                self.session.leave()

    async def _events(self) -> AsyncIterator[str]:
        if self.page is None:
            yield event("taken", {"says": TAKEN})
            return
        yield event("page", {"page": self.page, **self.session.described()})
        self.listener.set()
        async for frame in frames(self.session, self.page, self.listener):
            yield frame


async def frames(session: Session, page: str, listener: asyncio.Event) -> AsyncIterator[str]:
    """A frame each time that something is new and the one before was taken; each tells all since that one."""
    told = Told()
    while session.page == page:
        try:
            await asyncio.wait_for(listener.wait(), BEAT)
        except TimeoutError:
            yield ": still there?\n\n"
            continue
        listener.clear()
        yield event("frame", session.frame(told))
        await asyncio.sleep(1 / RATE)


def event(name: str, content: dict[str, Any]) -> str:
    """An event, as the page's browser takes it apart."""
    return f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'), allow_nan=False)}\n\n"
