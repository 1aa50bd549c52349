"""Readings in a folder of parts, on a disk or in an object store: for more pictures than one file should hold.

    numbers/00000000.parquet     the rows of some hundred pictures, or thousands; whole or not there
    numbers/00000001.parquet
    numbers/_plan/00000000.gz    which pictures those are, in JSON
    numbers/_plan/plan.json      how they are read, and how many there are in each part; written last

Which picture is in which part is settled before the first is read, and not changed. So a part may be read twice, by one
that was taken for dead and by the one in its place: the second writes what the first did. There is one row a picture,
whatever dies and when, and nobody has to know what the others have read.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Any

from tenfold.errors import DataError, FormatError, StorageError, UsageError
from tenfold.read import urls
from tenfold.read.many import outputs
from tenfold.read.many.rows import Row, Work

LEAST, MOST = 250, 10_000  # pictures of a part
_SHARE = 64  # a part has this part of what is before it: few pictures make parts enough for all workers
_PLAN = "_plan"  # what begins with _ is no data to those who read folders of Parquet
KINDS = (".csv", ".jsonl", ".parquet")


def terms(work: Work, targets: Sequence[str]) -> dict[str, Any]:
    """What the rows of a reading depend on; `make` of the work is a partial of Reader, with the bytes of both models.

    Raises RunError or UsageError for a model or threshold that cannot be used.
    """
    reader, make = work.make(), work.make
    assert isinstance(make, partial)
    return {
        "pictures": list(targets),
        "model": hashlib.sha256(make.args[0]).hexdigest(),
        "lines": hashlib.sha256(make.keywords["lines"]).hexdigest(),
        "threshold": [reader.threshold, reader.lines.threshold],
        **{name: getattr(reader, name) for name in ("upright", "digits_only", "decimal", "max_pixels")},
        "single": work.single,
        "box": None if work.box is None else list(work.box),
    }


@dataclass(frozen=True)
class Plan:
    """A folder of parts, its format, and how many pictures are in each part."""

    folder: str
    suffix: str
    sizes: Sequence[int]

    def left(self) -> list[int]:
        """The parts that are not there yet. Raises DataError."""
        there = _names(self.folder)
        return [number for number in range(len(self.sizes)) if f"{number:08}{self.suffix}" not in there]

    def pictures(self, number: int) -> list[str]:
        """The pictures of a part. Raises DataError."""
        place = f"{self.folder}/{_PLAN}/{number:08}.gz"
        try:
            return [str(path) for path in json.loads(gzip.decompress(urls.content(place, "plan")))]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise _damaged(place) from error

    def write(self, number: int, rows: Sequence[Row]) -> None:
        """Write a part. Raises StorageError."""
        urls.put(f"{self.folder}/{number:08}{self.suffix}", outputs.packed(rows, self.suffix))


def is_folder(output: str) -> bool:
    """Whether an output is a folder of parts: a URL, a folder that is there, or what ends in a slash."""
    path = urls.local(output)
    return urls.is_url(output) or output.endswith(("/", "\\")) or (path is not None and path.is_dir())


def settle(output: str, pictures: Iterable[str], terms: Mapping[str, Any]) -> tuple[Plan, bool]:
    """The plan of a folder, and whether it was there already: else one is made for `pictures`, one after the other.

    Args:
        output: The folder or its URL. A suffix of .csv or .jsonl is the format of its parts; else they are Parquet.
        pictures: Not touched where a plan is there.
        terms: What the rows depend on, as JSON has it.

    Raises UsageError where a plan is there that was made on other terms, StorageError where the folder holds something
    else or cannot be written, DataError, and what `pictures` raises.
    """
    folder = output.rstrip("/\\") or output
    suffix = PurePath(folder).suffix.lower()
    suffix = suffix if suffix in KINDS else ".parquet"
    names = _names(folder)
    if _PLAN in names and "plan.json" in _names(f"{folder}/{_PLAN}"):
        place = f"{folder}/{_PLAN}/plan.json"
        try:
            plan = json.loads(urls.content(place))
            before, sizes = dict(plan["terms"]), [int(size) for size in plan["sizes"]]
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(place) from error
        other = [name for name in terms if before.get(name) != terms[name]]
        if other:
            raise UsageError(f"{output} was started with another {', '.join(other)}: name another folder for this")
        return Plan(folder, suffix, sizes), True
    if names - {_PLAN}:
        raise StorageError(f"{output} holds other files: name a folder that is empty or not there yet")
    sizes = []
    for paths in _cut(pictures):
        raw = gzip.compress(json.dumps(paths).encode(), mtime=0)
        urls.put(f"{folder}/{_PLAN}/{len(sizes):08}.gz", raw)
        sizes.append(len(paths))
    urls.put(f"{folder}/{_PLAN}/plan.json", json.dumps({"terms": terms, "sizes": sizes}).encode())
    return Plan(folder, suffix, sizes), False


def _cut(pictures: Iterable[str]) -> Iterator[list[str]]:
    left, before = iter(pictures), 0
    while paths := list(islice(left, min(MOST, max(LEAST, before // _SHARE)))):
        yield paths
        before += len(paths)


def _names(folder: str) -> set[str]:
    """What is in a folder, without the hidden; nothing where there is none."""
    path = urls.local(folder)
    try:
        places = [place for place, _ in urls.inside(folder)] if path is None else os.listdir(path)
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
    return {name for name in (PurePath(place).name for place in places) if not name.startswith(".")}


def _damaged(place: str) -> FormatError:
    return FormatError(f"{place} is damaged: remove its folder with all that is in it, and start anew")
