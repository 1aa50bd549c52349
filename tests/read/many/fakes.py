"""Stand-ins for the tests of reading many: rows, and a reader that reads the names of files and fails at some."""

import base64
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np

from tenfold.errors import DataError
from tenfold.read.decode import Page
from tenfold.read.many.rows import Row
from tenfold.read.reader import Reader
from tenfold.read.reading import Digit, Reading


class FakeReader(Reader):
    """Reads what a file's name says, in `wait` seconds; a 5 is not sure. Its process leaves a file in `started`."""

    def __init__(self, wait: float = 0.0, started: Path | None = None) -> None:
        self.wait = wait
        if started is not None:
            (started / str(os.getpid())).touch()

    def read(self, picture: object, **_: object) -> Reading:
        name = Path(str(picture)).stem
        if name == "memory":
            raise MemoryError
        if name == "fault":
            raise ZeroDivisionError("such as a decoder's")
        if name == "bad":
            raise DataError(f"cannot read {picture}:\n it is damaged")
        if name == "death":
            os._exit(7)
        if name == "late":  # the process dies when it is read
            threading.Timer(0.1, os._exit, [7]).start()
        if name == "killer":  # of the process that started this one, as Ray does where memory runs out
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if name == "stuck":
            re.match("(a+)+$", "a" * 60 + "b")  # for ever, and no other thread has its turn
        time.sleep(self.wait)
        digits = [Digit(sign, 0.9, {sign: 0.9, "x": 0.06}, (1, 1, 4, 4), sign != "5") for sign in name]
        page = Page(np.ones((8, 8, 3), np.float32), 8, 8)
        return Reading(tuple(digits), str(picture), 0.5, (page,))


CROP = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def row(path: str, *lines: str, probability: float = 0.5) -> Row:
    """A row with digits as in `lines`, those after a ? unsure."""
    digits, crops = [], 0
    for k, line in enumerate(lines):
        for n, word in enumerate(line.split()):
            for doubt, value in re.findall(r"(\??)(\d)", word):
                crops += bool(doubt)
                p = probability if doubt else 0.999
                values = {value: p, "<": (1 - p) / 2, ">": (1 - p) / 4, "=": 0.0}
                digits.append(Digit(value, p, values, (k, n, 9, 9), not doubt, line=k, number=n))
    return Row(path, Reading(tuple(digits), path, 0.9), crops=(CROP,) * crops)
