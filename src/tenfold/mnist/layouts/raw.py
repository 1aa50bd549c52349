"""Labelled images as they were found, part by part, before they are made alike."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError

T = TypeVar("T")
PARTS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "t10k"),
}
_MERGED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
_EMNIST = {
    "letters": "abcdefghijklmnopqrstuvwxyz",
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}
# The SHA-256 of NIST's image files as they are packed (.gz), training and test of each split.
_SUMS = {
    "117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db": "balanced",
    "74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4": "balanced",
    "5ec835bd5d5b1a66378a132e727fef20fe994b3cc666899befcca5ac766f50cd": "byclass",
    "9e21987f03a6eb8b870187e785883ddad96947299587908f1a7ec2ca0f4be5f0": "byclass",
    "5e5815ec1b522089134435f7c55e75a00960b58414793593ffff23efc0821683": "bymerge",
    "39bf8c68037dad40db35348895f7e4e056e8c0a005ab78869c9fbc2c96e947be": "bymerge",
    "20ebe43509264f7639d37c835a3f0b009e90b29e00a099a03101abe1644a3f63": "digits",
    "f7c95004d14d81af89522e67d8f0c781dfb3bd544181c81bfe1eb6b41c35b726": "digits",
    "50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d": "letters",
    "6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f": "letters",
    "b25640fa9e356c618132f5df347c95ef5bae6d9c2596be1de40f7e0ae1c3eac6": "mnist",
    "5f9942f441031c0f1f2e4d162059fd6e19ea808b34c328b6d16cab0ed24c78f2": "mnist",
}
TURNED = "turned upright: EMNIST's files hold every picture transposed"
_PART = {word: part for part, words in PARTS.items() for word in words}


# Where two words meet in a name: trainImages, xtrain, trainx.
JOINED = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=^[xXyY])(?=tr|te|va|dev)|(?<=train|valid)(?=[xXyY]\b)|(?<=test)(?=[xXyY]\b)"
)


@dataclass
class Raw:
    """What a path holds: of each part its images, or a list of them where sizes differ, and their labels."""

    parts: dict[str, tuple[Any, NDArray[Any]]] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None  # the names of the labels 0, 1, …; None where the labels say them
    notes: list[str] = field(default_factory=list)  # on what had to be done, a sentence each
    unlabelled: Any = None  # images without labels
    used: set[Path] = field(default_factory=set)  # files; what else is there is not


def part_of(name: str) -> str | None:
    """The part that a file or folder is, by a word in its name, of which the last counts; None if it says none."""
    words = re.split(r"[^a-z0-9]+", JOINED.sub(" ", name).lower())
    return next((_PART[word] for word in reversed(words) if word in _PART), None)


def by_part(path: Path, files: Iterable[T], name: Any = str) -> dict[str, T]:
    """Each of the files by its part; what says none is the training part if no other is.

    Raises DataError where two are the same part.
    """
    found: dict[str, T] = {}
    for file in sorted(files, key=lambda file: part_of(name(file)) is None):
        part = part_of(name(file))
        if part is None and "train" in found:
            continue
        if (part or "train") in found:
            first, second = (str(name(one)) for one in (found[part or "train"], file))
            raise DataError(f"{path} has two sets for {part or 'train'}, {first} and {second}: give the path of one")
        found[part or "train"] = file
    return found


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key under which 2 comes before 10, and both before words."""
    pieces = [piece for piece in re.split(r"([0-9]+)", name) if piece]
    return [(False, int(piece), "") if piece[0] in "0123456789" else (True, 0, piece) for piece in pieces]


def upright(images: NDArray[Any]) -> NDArray[Any]:
    """Images (N, H, W) that were kept transposed, as EMNIST's are; those that are flat (N, S) as squares."""
    if images.ndim == 2:
        side = round(float(np.sqrt(images.shape[1])))
        images = images.reshape(len(images), side, side) if side * side == images.shape[1] else images
    return images.swapaxes(1, 2) if images.ndim == 3 else images


def emnist(file: Path, images: NDArray[Any], labels: NDArray[Any] | None, raw: Raw) -> tuple[NDArray[Any], Any]:
    """Images and labels of a file; if it is EMNIST's by its name or checksum, upright and with letters for classes.

    G. Cohen et al., "EMNIST: an extension of MNIST to handwritten letters", 2017, arXiv 1702.05373.
    """
    name = f"{file.parent.name}/{file.name}".lower()
    if "emnist" in name:
        split = next((split for split in _EMNIST if split in name), None)
    elif (split := _SUMS.get(_sha256(file)) if file.suffix == ".gz" else None) is None:
        return images, labels
    if TURNED not in raw.notes:
        raw.notes.append(TURNED)
    if split in _EMNIST and labels is not None and labels.dtype.kind in "uif":
        first = int(split == "letters")  # which counts from 1
        if len(labels) and first <= labels.min() and labels.max() < len(_EMNIST[split]) + first:
            raw.classes, labels = tuple(_EMNIST[split]), labels - labels.dtype.type(first)
    return upright(images), labels


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
