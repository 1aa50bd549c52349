"""MNIST itself: the four original files, which are part of the package, checked each time they are read."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tenfold.errors import DataError
from tenfold.mnist import idx
from tenfold.mnist.digits import Digits

FOLDER = Path(__file__).parent / "files"

SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


@dataclass(frozen=True)
class FileCheck:
    """What became of checking one file: its size in bytes and whether its SHA-256 is the published one."""

    name: str
    size: int
    sha256: str
    good: bool


@lru_cache(maxsize=2)
def read(part: str) -> Digits:
    """The 60,000 digits of "train" or the 10,000 of "test"; read once, then kept.

    Raises DataError when a file is missing or its SHA-256 differs from the published one.
    """
    prefix = {"train": "train", "test": "t10k"}[part]
    images = _checked(f"{prefix}-images-idx3-ubyte.gz").astype(np.uint8, copy=False)
    labels = _checked(f"{prefix}-labels-idx1-ubyte.gz").astype(np.int64)
    return Digits(images, labels)


def _checked(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    try:
        raw = (FOLDER / name).read_bytes()
    except OSError as error:
        raise DataError(f"{name} is missing from the installation: reinstall tenfold") from error
    if hashlib.sha256(raw).hexdigest() != SHA256[name]:
        raise DataError(f"{FOLDER / name} is damaged (its SHA-256 differs): reinstall tenfold")
    return idx.parse(raw, name)


def verify(folder: Path = FOLDER) -> list[FileCheck]:
    """Check each of the four files in `folder` against its published SHA-256; a missing file has size 0."""
    checks = []
    for name, expected in SHA256.items():
        raw = (folder / name).read_bytes() if (folder / name).is_file() else b""
        digest = hashlib.sha256(raw).hexdigest()
        checks.append(FileCheck(name, len(raw), digest, digest == expected))
    return checks
