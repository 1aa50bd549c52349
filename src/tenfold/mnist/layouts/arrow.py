"""Tables in Parquet and Arrow, as Hugging Face and others have them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, FormatError, TooLargeError, missing_extra
from tenfold.mnist.digits import Track
from tenfold.mnist.layouts.pictures import picture
from tenfold.mnist.layouts.raw import Raw, part_of
from tenfold.mnist.layouts.tables import LABEL, OTHER, ordered, square

if TYPE_CHECKING:
    import pyarrow

_IMAGE = ("image", "img", "picture", "pixels", "png", "bytes", "features", "data", "x")


def is_arrow(file: Path) -> bool:
    """Whether a file is Parquet or Arrow by its name, and no cache of what was computed from it."""
    return file.suffix in (".parquet", ".arrow") and not file.name.startswith(("cache-", "."))


def arrow_in(path: Path, track: Track) -> Raw | None:
    """The Parquet or Arrow files in a folder or up to two folders deeper, their shards joined."""
    for depth in ("*", "*/*", "*/*/*"):
        files = sorted(filter(is_arrow, path.glob(depth)))
        if files:
            return read_arrow(path, files, track)
    return None


def read_arrow(path: Path, files: Sequence[Path], track: Track) -> Raw:
    """Rows of a picture, or of its pixels, and a label. Raises DataError, FormatError, MissingExtra."""
    raw, tables = Raw(used=set(files)), dict[str, list["pyarrow.Table"]]()
    for file in files:
        whole = path if path.is_dir() else path.parent
        tables.setdefault(part_of(str(file.relative_to(whole))) or "train", []).append(_table(file))
    for part, some in tables.items():
        rows = [_rows(path, table, track, part) for table in some]
        images = [image for images, _, _ in rows for image in images]
        raw.parts[part] = (images, np.concatenate([labels for _, labels, _ in rows]))
        raw.classes = rows[0][2]
    return raw


def _table(file: Path) -> "pyarrow.Table":
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise missing_extra("pyarrow", "parquet") from error
    try:
        if file.suffix == ".parquet":
            if pyarrow.parquet.read_metadata(file).num_rows > file.stat().st_size:
                raise TooLargeError(f"{file} has more rows than bytes: it holds no pictures")
            return pyarrow.parquet.read_table(file)
        with pyarrow.memory_map(str(file)) as mapped:
            try:
                return pyarrow.ipc.open_stream(mapped).read_all()
            except pyarrow.ArrowInvalid:
                return pyarrow.ipc.open_file(mapped).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"cannot read {file}: {' '.join(str(error).split())[:200]}") from error


def _rows(
    path: Path, table: "pyarrow.Table", track: Track, part: str
) -> tuple[list[NDArray[Any]], NDArray[Any], tuple[str, ...] | None]:
    """The images, the labels and, if they are said, the classes of a table."""
    names = {name.lower(): name for name in table.column_names}
    label = next((names[name] for name in LABEL if name in names), None)
    if label is None:
        raise FormatError(f"{path} has the columns {', '.join(table.column_names[:12])}: one must be called label")
    if missing := table[label].null_count:
        raise FormatError(f"{path} has no label in {missing:,} of {len(table):,} rows: remove those")
    labels = np.array(table[label].to_pylist())
    image = next((names[name] for name in _IMAGE if name in names), None)
    rest = [name for name in table.column_names if name != label and name.lower() not in OTHER]
    rest = [rest[k] for k in ordered(list(range(len(rest))), rest)]
    if image is None and len(rest) > 1 and square(len(rest)):
        return list(np.stack([table[name].to_numpy() for name in rest], 1)), labels, None
    if image is None:
        raise FormatError(f"{path} has the columns {', '.join(table.column_names[:12])}: one must be called image")
    rows = list(track(table[image].to_pylist(), f"reading {part}"))
    return [_image(row, f"in row {k} of {path}") for k, row in enumerate(rows)], labels, _classes(table, label)


def _image(value: Any, name: str) -> NDArray[Any]:
    """A picture's bytes, as such or beside its path, or its pixels."""
    content = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(content, bytes):
        return picture(content, name)
    pixels = np.array(content) if isinstance(content, list) else np.empty(0)
    if pixels.ndim == 1 and square(len(pixels)):
        pixels = pixels.reshape(round(len(pixels) ** 0.5), -1)
    if pixels.ndim != 2 or pixels.dtype.kind not in "uif":
        raise FormatError(f"the image {name} is neither the bytes of a picture nor its pixels")
    return pixels


def _classes(table: "pyarrow.Table", label: str) -> tuple[str, ...] | None:
    """The names of the labels 0, 1, … that Hugging Face's description says."""
    with suppress(LookupError, TypeError, ValueError, AttributeError, RecursionError):
        said = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
        return tuple(map(str, said))
    return None
