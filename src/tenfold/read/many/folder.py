"""Readings in a folder of Parquet files, on a disk or in an object store: for more pictures than one file holds."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tenfold import documents
from tenfold.errors import FormatError, StorageError, UsageError
from tenfold.read import urls
from tenfold.read.many.outputs import unescaped
from tenfold.read.many.rows import Work

_SETTINGS = "_settings.json"  # what begins with _ is no data to those who read folders of Parquet


def is_folder(output: str) -> bool:
    """Whether an output is a folder: a URL, a folder that is there, or what ends in a slash."""
    path = urls.local(output)
    return urls.is_url(output) or output.endswith(("/", "\\")) or (path is not None and path.is_dir())


def kept(folder: str, terms: Mapping[str, Any]) -> set[str]:
    """The pictures whose rows a folder holds already. Files that were not written whole are removed.

    Raises UsageError where they were read on other terms, StorageError where the folder holds something else or cannot
    be written, DataError, FormatError.
    """
    from pyarrow import ArrowInvalid, parquet
    from pyarrow.fs import FileSelector

    settings = f"{folder.rstrip('/')}/{_SETTINGS}"
    store, key = urls.store(folder)
    files = store.get_file_info(FileSelector(key, allow_not_found=True))
    if _SETTINGS not in {file.base_name for file in files}:
        if files:
            raise StorageError(f"{folder} holds other files: name a folder that is empty or not there yet")
        urls.put(settings, json.dumps(dict(terms), indent=2).encode())
        return set()
    try:
        before = documents.decoded(bytes(urls.content(settings)), dict[str, Any])
    except FormatError as error:
        raise FormatError(f"{settings} is damaged: remove its folder with all that is in it, and start anew") from error
    other = [name for name in terms if before.get(name) != terms[name]]
    if other:
        raise UsageError(f"{folder} was started with another {', '.join(other)}: name another folder for this")
    found: set[str] = set()
    for file in files:
        if file.base_name.endswith(".parquet"):
            try:
                with store.open_input_file(file.path) as opened:
                    table = parquet.read_table(opened, columns=["path"])
                    found.update(map(unescaped, table["path"].to_pylist()))
            except ArrowInvalid:  # who wrote it was killed
                store.delete_file(file.path)
    return found


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
