"""Where labelled digits come from: MNIST in the package, a set of a known name, or a user's own files."""

import csv
import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import files
from tenfold.errors import DataError, TenfoldError, TooLargeError, one_line
from tenfold.mnist import DIGITS, embedded, fitting, named, packed
from tenfold.mnist.digits import Digits, Track, split_last, split_stratified, untracked
from tenfold.mnist.layouts import reading
from tenfold.mnist.layouts.tables import is_csv

IN_MEMORY = "digits in memory"  # instead of a path, where a run learnt what no file holds


@dataclass(frozen=True)
class Source:
    """Labelled digits in up to three parts, before any split is cut.

    `classes` are the names of the labels; `notes` tell what had to be done to fit the data, a sentence each.
    """

    name: str
    train: Digits | None
    validation: Digits | None = None
    test: Digits | None = None
    classes: tuple[str, ...] = DIGITS
    notes: tuple[str, ...] = ()
    embedded: bool = field(default=False, repr=False)
    unlabelled: NDArray[np.uint8] | None = None  # images (N, 28, 28) without labels

    def split(self, size: float | None = None, *, final: bool = False) -> tuple[Digits, Digits | None]:
        """(training, validation) digits. A validation part that came with the data is kept; else one is cut.

        MNIST gives its last 10,000, other data a stratified share; `size` is a number of digits, or a share below 1.
        `final` keeps everything for training and returns no validation. The test part takes no part in this.

        Raises DataError when there is nothing to train on, UsageError when the size leaves nothing.
        """
        if self.train is None:
            has = "no labels" if self.test is None else "a test part only"
            raise DataError(f"{self.name} has {has}: there is nothing to train on")
        if self.validation is not None:
            return (join(self.train, self.validation), None) if final else (self.train, self.validation)
        if final or size == 0:
            return self.train, None
        train, validation = (split_last if self.embedded else split_stratified)(self.train, size)
        return train, validation if len(validation) else None

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over the images and labels of the training and validation parts, from which a model can learn."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            if part is not None:
                digest.update(np.ascontiguousarray(part.images).data)
                digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()

    @property
    def parts(self) -> dict[str, Digits]:
        """The parts that are there, by name."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: digits for name, digits in parts.items() if digits is not None}


def load(path: str | Path | None = None, *, track: Track = untracked) -> Source:
    """Labelled digits from `path`, or MNIST itself when there is none.

    A set of a known name, such as "fashion-mnist", is found where torchvision, Keras, Hugging Face and others put it.

    Raises DataError (or FormatError) when the path is missing, damaged, or of no layout that can be read.
    """
    if path is None or (is_name(path) and str(path).lower() == "mnist"):
        return Source("MNIST", embedded.read("train"), None, embedded.read("test"), embedded=True)
    if str(path) == IN_MEMORY:
        raise DataError("the digits were in memory: give them to train again as source=…, or other digits as data=…")
    if is_name(path):
        return _named(str(path).lower(), track)
    path = files.home(path)
    if not (path.is_file() or path.is_dir()):  # a pipe or device may have no end
        raise DataError(
            f"there is no data at {path}: give {reading.KNOWN}; or a set by its name: {', '.join(named.SETS)}"
        )
    return _loaded(path, track)


def is_name(path: str | Path) -> bool:
    """Whether this is the name of a known set, and nothing here is called so."""
    return str(path).lower() in ("mnist", *named.SETS) and not Path(path).exists()


_kept: dict[bytes, Source] = {}  # what was read last, by its state: trainings one after the other read the same


def _named(name: str, track: Track) -> Source:
    """A set of a known name, from where its owner's package puts it. Raises DataError with the way to get it."""
    found = named.find(name)
    source = _loaded(found.place, track, only=found.only, ink=found.ink)
    classes = found.classes or source.classes
    if max(int(digits.labels.max()) for digits in source.parts.values()) >= len(classes):
        raise DataError(f"{found.place} is not {name}, which has {len(classes)} classes")
    return replace(source, name=name, classes=classes)


def _loaded(path: Path, track: Track, **options: Any) -> Source:
    """What a path holds, decoded unless it was what was decoded last."""
    state = _state(path) + repr(options).encode()
    if state not in _kept:
        source = _decoded(path, track, **options)
        _kept.clear()
        _kept[state] = source
    return _kept[state]


def _state(path: Path) -> bytes:
    """A digest of the names, sizes and times of all files at a path, and of what a file may name or need beside it."""
    digest = hashlib.sha256(f"{path}\0{path.absolute()}\0".encode("utf-8", "surrogateescape"))
    beside = path.parent.rglob("*") if is_csv(path) else path.parent.glob("*labels*")
    for place in sorted([path, *(path.rglob("*") if path.is_dir() else beside)]):
        about = place.stat() if place.exists() else place.lstat()
        digest.update(f"{place}\0{about.st_size}\0{about.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _decoded(path: Path, track: Track, *, only: str = "", ink: bool = True) -> Source:
    """What a path holds. Whatever a damaged or hostile file makes libraries raise ends here as DataError."""
    try:
        every = (
            (path.rglob("*") if path.is_dir() else path.parent.glob("*"))
            if not path.is_file() or is_csv(path)
            else [path]
        )
        with packed.memory(sum(file.stat().st_size for file in every if file.is_file())):
            raw = reading.read(path, track, only)
            parts, classes, unlabelled = fitting.fitted(raw, str(path), ink=ink)
    except TenfoldError:
        raise
    except MemoryError as error:
        raise TooLargeError(f"{path} needs more memory than data of its size may, or than there is") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, csv.Error) as error:
        raise DataError(
            f"cannot read {path}, it is damaged: {type(error).__name__}: {one_line(error)[:200]}"
        ) from error
    return Source(
        str(path),
        parts.get("train"),
        parts.get("validation"),
        parts.get("test"),
        classes=classes,
        notes=tuple(raw.notes),
        unlabelled=unlabelled,
    )


def join(first: Digits, second: Digits) -> Digits:
    """The digits of both, in this order."""
    return Digits(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))
