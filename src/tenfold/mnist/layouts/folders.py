"""A sub-folder of pictures for each class, itself possibly inside of train/, validation/ and test/."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tenfold.errors import DataError
from tenfold.mnist import DIGITS
from tenfold.mnist.digits import Track
from tenfold.mnist.layouts.pictures import is_picture, picture
from tenfold.mnist.layouts.raw import Raw, natural, part_of


def read(path: Path, track: Track) -> Raw | None:
    """The pictures in class folders, however deep inside of these; None where no folder has any.

    Raises DataError for parts that are there twice, for a single class, and for pictures that cannot be read.
    """
    parts = _parts(path)
    names = sorted({d.name for part in parts.values() for d in folders(part)}, key=natural)
    files = {
        part: [(file, label) for label, name in enumerate(names) for file in _pictures(folder / name)]
        for part, folder in parts.items()
    }
    kept = {part: some for part, some in files.items() if some}
    if not kept:
        return None
    filled = {label for some in kept.values() for _, label in some}
    numbers = {name: number for number, name in enumerate(DIGITS)} if set(names) <= set(DIGITS) else {}
    if not numbers and len(filled) < 2:
        raise DataError(
            f"{path} has one class only, {names[filled.pop()]!r}: there must be a sub-folder for each of two or more"
        )
    order = sorted(filled)
    classes = DIGITS if numbers else tuple(names[label] for label in order)
    raw = Raw(classes=classes, used={file for some in kept.values() for file, _ in some})
    for part, some in kept.items():
        images = [picture(file) for file, _ in track(some, f"reading {parts[part].name}")]
        labels = [numbers[names[label]] if numbers else order.index(label) for _, label in some]
        raw.parts[part] = (images, np.array(labels, np.int64))
    return raw


def _parts(path: Path) -> dict[str, Path]:
    """The folders that are parts by their names, or the path itself as the training part.

    A folder around all of it, as archives have, is gone into.
    """
    inside: dict[str, Path] = {}
    within = sorted(folders(path))
    for folder in within:
        part = part_of(folder.name) if any(folders(folder)) else None
        if part in inside:
            raise DataError(f"{path} has {inside[part].name} and {folder.name}, which are the same part: keep one")
        if part is not None:
            only = list(folders(folder))
            inside[part] = only[0] if len(only) == 1 and part_of(only[0].name) == part else folder
    if not inside and len(within) == 1 and within[0].name not in DIGITS and any(folders(within[0])):
        return _parts(within[0])
    return inside or {"train": path}


def folders(path: Path) -> Iterator[Path]:
    """The folders in a folder, without hidden ones and what macOS adds to archives."""
    return (d for d in path.iterdir() if d.is_dir() and not d.name.startswith((".", "__")))


def _pictures(folder: Path) -> list[Path]:
    found = [
        file for file in folder.rglob("*") if is_picture(file) and not file.name.startswith(".") and file.is_file()
    ]
    return sorted(found, key=lambda file: natural(str(file.relative_to(folder))))
