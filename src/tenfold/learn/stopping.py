"""Ctrl-C between two steps instead of in the middle of one."""

import signal
import threading
from types import FrameType, TracebackType


class Stop:
    """A context in which Ctrl-C only sets `asked`, so that training can stop between two steps; twice is at once."""

    asked: bool = False

    def __enter__(self) -> "Stop":
        # Only the main thread may handle signals; elsewhere there is nobody to press Ctrl-C.
        self._main = threading.current_thread() is threading.main_thread()
        self._before = signal.signal(signal.SIGINT, self._handle) if self._main else None
        return self

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)
