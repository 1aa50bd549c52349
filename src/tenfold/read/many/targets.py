"""Which pictures are meant by files, folders, globs and URLs."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from tenfold.errors import DataError
from tenfold.read import urls

STDIN = "-"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".heif", ".pdf")


def expand(targets: Sequence[str]) -> list[str]:
    """The pictures that are meant, each once: files as given, those below folders, those that globs match.

    Folders, also of an object store, and globs (`**` is any depth) give pictures by their suffix in natural order, 2
    before 10, without hidden ones; a glob that names a suffix gives what has it. A file that is not there stays, and is
    reported when its turn comes. Raises DataError for a folder that cannot be read, and for one, or a glob, that gives
    no picture.
    """
    pictures: dict[str, str] = {}  # by what is the same for every spelling of a path
    for target in targets:
        for path in _meant(target):
            pictures.setdefault(path if path == STDIN or urls.is_url(path) else os.path.abspath(path), path)
    return list(pictures.values())


def stream(targets: Sequence[str]) -> Iterator[str]:
    """The pictures that `expand` gives, one after the other: of one folder without holding them all.

    They come folder by folder, each in natural order. Raises as `expand` does.
    """
    only = targets[0] if len(targets) == 1 else STDIN
    if urls.is_folder(only) if urls.is_url(only) else os.path.isdir(os.path.expanduser(only)):
        some = False
        for path in walk(os.path.expanduser(only)):
            some = True
            yield path
        if some:
            return
    yield from expand(targets)


def _meant(target: str) -> list[str]:
    place = os.path.expanduser(target)
    stored = urls.is_folder(target) if urls.is_url(target) else False
    if stored is None and not _picture(target.partition("?")[0]):
        raise DataError(f"there is nothing at {target}: a URL is that of a picture or of a folder of them")
    if target == STDIN or os.path.isfile(place) or (urls.is_url(target) and not stored):
        return [target]
    if stored or os.path.isdir(place):
        inside = sorted(walk(place), key=natural)
        if not inside:
            raise DataError(f"there are no pictures in {target}: a picture is {', '.join(s[1:] for s in SUFFIXES)}")
        return inside
    if not glob.has_magic(place):
        return [target]
    suffix = PurePath(place).suffix
    named = bool(suffix) and not glob.has_magic(suffix)
    hits = [path for path in glob.glob(place, recursive=True) if os.path.isfile(path) and (named or _picture(path))]
    if not hits:
        raise DataError(f"no picture matches {target}: ** is any depth of folders, as in 'scans/**/*.png'")
    return sorted(hits, key=natural)


def walk(folder: str) -> Iterator[str]:
    """The pictures below a folder, or below one of an object store by its URL, a folder at a time.

    Raises DataError for a folder that cannot be read.
    """
    left = [(folder, True)]  # a call for each folder would be too many calls for some trees
    while left:
        place, deeper = left.pop()
        if deeper:
            left += sorted(_inside(place), key=lambda entry: natural(entry[0]), reverse=True)
        elif _picture(place if urls.local(place) is not None else place.partition("?")[0]):
            yield place


def _inside(folder: str) -> list[tuple[str, bool]]:
    """What is not hidden in a folder: the place of each, and whether it is a folder to be gone through."""
    path = urls.local(folder)
    if path is None:
        return [entry for entry in urls.inside(folder) if not PurePath(entry[0]).name.startswith(".")]
    try:
        with os.scandir(path) as entries:
            shown = [(entry.name, _folder(entry)) for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}") from error
    there = [(name, deeper) for name, deeper in shown if deeper is not None]
    if urls.is_url(folder):
        return [(f"{folder.rstrip('/')}/{name}", deeper) for name, deeper in there]
    places = [(str(Path(folder, name)), deeper) for name, deeper in there]
    return [(f"./{place}" if place.startswith("~") else place, deeper) for place, deeper in places]  # ~ is no home here


def _folder(entry: "os.DirEntry[str]") -> bool | None:
    """Whether an entry is a folder to be gone through; None for what is neither that nor a file."""
    try:
        if entry.is_dir():
            return None if entry.is_symlink() else True  # a link may lead back
        # Pipes and devices may have no end; a link to nothing is reported when its turn comes,
        return False if entry.is_file() or not os.path.exists(entry.path) else None
    except OSError:  # and so is one that leads to itself
        return False


def _picture(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def natural(path: str) -> tuple[Any, ...]:
    """A key that sorts paths as people do: folder by folder, and 2 before 10."""
    parts = PurePath(path).parts
    split = (re.split(r"([0-9]+)", part.casefold()) for part in parts)  # every second is a number
    return tuple([int(word) if k % 2 else word for k, word in enumerate(words)] for words in split), path
