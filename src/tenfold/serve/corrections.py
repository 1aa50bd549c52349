"""Digits that were put right: a folder of class folders that `tenfold train --data` learns from."""

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from PIL import Image

from tenfold import files
from tenfold.errors import StorageError, TooLargeError, UsageError

SIDE = 28  # pixels


class Corrections:
    """A folder with a sub-folder of PNG files for each class. Its names are all the service's own.

    A file is named for the moment and for what is in it, so the same digit is kept once, under the last label given.
    """

    def __init__(self, folder: str | Path, classes: Sequence[str], most: int) -> None:
        self.folder: Path = Path(folder)
        self.classes: tuple[str, ...] = tuple(classes)
        self.most: int = most
        unfit = [name for name in self.classes if name in ("", ".", "..") or "/" in name or "\\" in name]
        if unfit:
            raise UsageError(f"corrections cannot be saved for the class {unfit[0]!r}: it is not fit for a folder")
        self._lock = Lock()
        try:
            files.directory(self.folder)
            for name in self.classes:
                files.remove_dead(self.folder / name)
        except OSError as error:
            raise StorageError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        if not os.access(self.folder, os.W_OK):
            raise StorageError(f"cannot write into {folder}: there is no permission to")

    def counts(self) -> dict[str, int]:
        """How many there are of each class."""
        return {name: len(list((self.folder / name).glob("*.png"))) for name in self.classes}

    def save(self, image: bytes, label: str) -> str:
        """Keep a digit, its 28 x 28 grey values, ink bright on 0, and return its name under the folder.

        Raises TooLargeError when the folder is full, StorageError when it cannot be written.
        """
        assert label in self.classes
        mark = hashlib.sha256(image).hexdigest()[:16]
        with self._lock:
            earlier = [path for name in self.classes for path in (self.folder / name).glob(f"*-{mark}.png")]
            if not earlier and sum(self.counts().values()) >= self.most:
                raise TooLargeError(f"{self.most:,} corrections are kept already: learn from them and move them away")
            name = f"{label}/{time.strftime('%Y%m%d-%H%M%S')}-{mark}.png"
            with files.file(self.folder / name) as temporary:
                Image.frombytes("L", (SIDE, SIDE), image).save(temporary, "PNG")
            for path in earlier:
                if path != self.folder / name:
                    with suppress(OSError):
                        path.unlink()
        return name
