"""Tables in CSV: of pixels, or of pictures' names."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, FormatError
from tenfold.mnist import packed
from tenfold.mnist.digits import Track
from tenfold.mnist.layouts.pictures import SUFFIXES, picture
from tenfold.mnist.layouts.raw import Raw, by_part, emnist, part_of

LABEL = ("label", "labels", "class", "target", "y", "digit", "character", "category")
_FILE = ("file", "filename", "file_name", "image", "img", "path", "picture", "filepath", "image_path", "id", "name")
OTHER = (
    "",
    "__index_level_0__",
    "index",
    "id",
    "imageid",
    "image_id",
    "unnamed: 0",
    "usage",
    "split",
    "part",
    "set",
    "subset",
)
_PART = ("split", "part", "set", "subset", "usage")
_LOOKED, _CLASSES = 500, 64  # rows by which a column of labels is known, and classes in it
_ROWS = 2000  # that are read at a time
_COLUMNS = 1000  # of a table of pictures' names, which are looked for in each


def is_csv(file: Path) -> bool:
    """Whether a file is CSV by its name, plain or gzipped."""
    return file.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))


def csv_in(path: Path, track: Track) -> Raw | None:
    """The tables in a folder that hold labelled pixels, or the labels of pictures in it; None where none does.

    One without labels is read where another has some. The labels may be a file of their own, called so, for each part.
    """
    every = {file: _csv(file, track) for file in sorted(filter(is_csv, path.iterdir()))}
    found = [(file, raw) for file, raw in every.items() if raw is not None]
    columns = {part_of(file.stem): file for file, raw in every.items() if raw is None and "label" in file.name.lower()}
    for file, raw in found:
        beside = columns.get(part_of(file.stem))
        if beside and raw.unlabelled is not None:
            raw.parts[part_of(file.stem) or "train"] = (raw.unlabelled, _column(beside, len(raw.unlabelled)))
            raw.unlabelled, raw.used = None, raw.used | {beside}
    labelled = [(file, raw) for file, raw in found if raw.parts]
    if not labelled:
        return None
    whole = Raw()
    for part, (_, raw) in by_part(path, labelled, lambda pair: pair[0].name).items():
        whole.parts |= raw.parts if len(raw.parts) > 1 else {part: next(iter(raw.parts.values()))}
    for _, raw in found:
        whole.classes = raw.classes or whole.classes
        whole.notes += [note for note in raw.notes if note not in whole.notes]
        whole.used |= raw.used
        whole.unlabelled = raw.unlabelled if raw.unlabelled is not None else whole.unlabelled
    return whole


def read_csv(path: Path, track: Track) -> Raw:
    """A table of pixels, with labels or without, or of pictures' names and labels. Raises DataError, FormatError."""
    raw = _csv(path, track)
    if raw is None:
        with _text(path) as file:
            line = next(file, "")
        columns = len(line.split(_delimiter(line)))
        raise FormatError(
            f"{path} has {columns} columns and is no table of digits: a row needs a label and a square of pixels (785 "
            "columns for 28 x 28; a row's number beside them needs a header), or a picture's name and its label"
        )
    return raw


def _csv(path: Path, track: Track) -> Raw | None:
    with _text(path) as file:
        first, second, *more_lines = next(file, ""), next(file, ""), *itertools.islice(file, _LOOKED)
    if not first.strip():
        return None
    delimiter = _delimiter(first)
    cells, more = (
        [cell.strip() for row in csv.reader([line], delimiter=delimiter) for cell in row] for line in (first, second)
    )
    header = _is_header(cells, more)
    names = [cell.lower() for cell in cells] if header else [""] * len(cells)
    label = next((names.index(name) for name in LABEL if name in names), None)
    if not header or re.fullmatch(r"[\d.]+", cells[0]):  # where the label is the first of a square and one more
        label = None
        if square(len(cells) - 1):  # the first column, unless that is always the same and the last is not
            rows = [line.split(delimiter) for line in (second, *more_lines) if line.strip()]
            firsts, lasts = ({row[k].strip() for row in rows} for k in (0, -1))
            label = len(cells) - 1 if len(firsts) == 1 < len(lasts) <= _CLASSES else 0
        pixels = [k for k in range(len(cells)) if k != label]
    else:
        pixels = ordered([k for k, name in enumerate(names) if k != label and name not in OTHER], names)
    if square(len(pixels)) and len(pixels) > 1:
        return _pixels(path, delimiter, header, label, pixels, track)
    return _listed(path, delimiter, names if header else None, track) if len(cells) <= _COLUMNS else None


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count) if re.search("[,;\t]", line) else " "


def ordered(pixels: list[int], names: Sequence[str]) -> list[int]:
    """Columns of pixels by the numbers in their names, such as pixel17, where all have one."""
    numbers = {k: int(found[1]) for k in pixels if (found := re.fullmatch(r"[a-z_ -]*(\d{1,9})", names[k].lower()))}
    return sorted(pixels, key=numbers.__getitem__) if len(set(numbers.values())) == len(pixels) else pixels


@contextmanager
def _text(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a file of text, plain or gzipped. Raises DataError."""
    try:
        with packed.text(path, "utf-8-sig") as file:
            yield packed.lines(file, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: save it as CSV in UTF-8") from error
    except (OSError, EOFError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _is_header(cells: Sequence[str], below: Sequence[str]) -> bool:
    """Whether the first row names the columns: by words or, where the rest is whole numbers, by others."""
    if not all(map(_number, cells[1:])) or (not _number(cells[0]) and _number(below[0] if below else "")):
        return True
    return any("." in cell for cell in cells) and not any("." in cell for cell in below)


def _number(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return False


def square(count: int) -> bool:
    """Whether so many pixels may be an image."""
    return count > 0 and round(count**0.5) ** 2 == count


def _pixels(path: Path, delimiter: str, header: bool, label: int | None, pixels: list[int], track: Track) -> Raw:
    """The rows as images, and their labels if they have some."""
    images, labels = [], []
    options: dict[str, Any] = {"delimiter": delimiter, "comments": None, "quotechar": '"', "ndmin": 2}
    with _text(path) as file:
        rows, line = itertools.islice(file, int(header), None), 1 + int(header)
        for some in track(iter(lambda: list(itertools.islice(rows, _ROWS)), []), f"reading {path.name}"):
            filled = [row for row in some if row.strip()]
            try:
                values = np.loadtxt(filled, np.float32, usecols=pixels, **options)
                images.append(values.astype(np.uint8) if _whole(values) else values)
                if label is not None:
                    labels.append(np.loadtxt(filled, np.str_, usecols=[label], **options)[:, 0])
                    if "" in labels[-1]:
                        row = filled[labels[-1].tolist().index("")]
                        raise FormatError(f"{path} has no label in line {line + some.index(row)}")
            except ValueError as error:
                raise FormatError(_fault(path, some, line, delimiter, pixels)) from error
            line += len(some)
    if not images:
        raise DataError(f"{path} has no images")
    raw = Raw(used={path})
    numbers = _numbers(np.concatenate(labels)) if labels else None
    whole, numbers = emnist(path, np.concatenate(images), numbers, raw)
    if numbers is None:
        raw.unlabelled = whole
    else:
        raw.parts[part_of(path.stem) or "train"] = (whole, numbers)
    return raw


def _fault(path: Path, lines: list[str], first: int, delimiter: str, pixels: list[int]) -> str:
    """What is wrong with the first of some lines, of which `first` is the number, that holds no pixels."""
    for number, line in enumerate(lines, first):
        cells = line.rstrip("\r\n").split(delimiter)
        if line.strip() and len(cells) <= max(pixels):
            return f"{path} has {len(cells)} columns in line {number}, and {max(pixels) + 1} or more are wanted"
        wrong = next((k for k in pixels if line.strip() and not _number(cells[k].strip(' "'))), None)
        if wrong is not None:
            return (
                f"{path} has {cells[wrong].strip() or 'nothing'!r} in line {number}, column {wrong + 1}, and no number"
            )
    return f"{path} is no table of pixels"


def _whole(values: NDArray[np.float32]) -> bool:
    return bool((values == np.floor(values)).all() and values.min() >= 0 and values.max() <= 255)


def _numbers(labels: NDArray[np.str_]) -> NDArray[Any]:
    """Labels as numbers where they all are, otherwise as they stand."""
    with suppress(ValueError):
        return labels.astype(np.float64)
    return labels


def _column(path: Path, count: int) -> NDArray[Any]:
    """The labels in a file of one column, for so many images."""
    with _text(path) as file:
        values = [line.strip(' "\r\n') for line in itertools.islice(file, count + 3) if line.strip()]
    values = values[bool(values) and values[0].lower() in LABEL :]
    if len(values) != count or any(re.search("[,;\t]", value) for value in values):
        raise FormatError(f"{path} must have {count:,} labels, one in each line, as there are so many images")
    return _numbers(np.array(values))


def _listed(path: Path, delimiter: str, names: list[str] | None, track: Track) -> Raw | None:
    """The pictures that a table names, with their labels; None if it names none."""
    with _text(path) as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter) if any(row)][names is not None :]
    if not rows:
        return None
    columns, there = range(len(rows[0])), _pictures(path.parent)
    shown = [k for k in columns if names is None or names[k] in _FILE]
    place = next((k for k in shown if _find(path.parent, rows[0][k], there) is not None), None)
    given = [k for k in columns if k != place and (names is None or names[k] in LABEL)]
    if place is None or not given:
        return None
    parts = [k for k in columns if names and names[k] in _PART]
    raw, found = Raw(used={path}), dict[str, list[tuple[Path, str]]]()
    raw.notes = [f"the labels are those in {path.name}"]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise FormatError(f"{path} has {len(row)} columns in row {number}, and {len(rows[0])} before")
        picked = _find(path.parent, row[place], there)
        if picked is None:
            raise DataError(f"{path} names {row[place]}, and there is no such picture beside it or in a folder there")
        part = part_of(row[parts[0]]) if parts else part_of(path.stem)
        found.setdefault(part or "train", []).append((picked, row[given[0]].strip()))
    for part, some in found.items():
        images = [picture(file) for file, _ in track(some, f"reading {part}")]
        raw.parts[part] = (images, _numbers(np.array([label for _, label in some])))
        raw.used |= {file for file, _ in some}
    return raw


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures in a folder, however deep, by the end of their paths, with their suffix and without."""
    found: dict[str, Path] = {}
    every = [file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()]
    for file in sorted(every, key=lambda file: (len(file.parts), file)):
        parts = file.relative_to(folder).parts
        for k in range(len(parts)):
            end = "/".join(parts[k:])
            found.setdefault(end, file)
            found.setdefault(end.removesuffix(file.suffix), file)
    return found


def _find(folder: Path, name: str, there: dict[str, Path]) -> Path | None:
    """The picture that is called so, from a folder or somewhere in it, with its suffix or without."""
    if not name.strip() or "\0" in name or len(name) > 400:
        return None
    given = folder / name.strip()
    if given.suffix.lower() in SUFFIXES and given.is_file():
        return given
    return there.get(name.strip().replace("\\", "/").removeprefix("./"))
