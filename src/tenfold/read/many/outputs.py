"""Files of many readings. Rows gather as lines of JSON, and in the end become JSON, CSV, Parquet or text."""

import csv
import importlib.util
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, Any, Required, TypedDict

from tenfold import documents, files
from tenfold.errors import FormatError, StorageError, UsageError, missing_extra
from tenfold.read.many.rows import Row
from tenfold.read.numbers import number
from tenfold.read.reading import UNSURE

if TYPE_CHECKING:
    import pyarrow

Record = dict[str, Any]  # a row as JSON has it: all of it, or what a table has of it
COLUMNS = ("path", "text", "sure", "digits", "lowest_probability", "error")
_BREAK = " / "  # between the lines of a picture where it has one line
_LATE = 0.5  # seconds between two looks for rows that are not on the disk
_FORMULA = tuple("=+-@\t\r'")
_LINE = re.compile(r"(.*?)(:)((?: [-\d.,/:+()%? ]*)?)", re.ASCII | re.DOTALL)  # a path, and a text that may have colons
_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")


def json_line(row: Row) -> str:
    """The row as one line of JSON, in ASCII, so that it is the same in every terminal and pipe."""
    return _line(row.as_dict())


def text_line(row: Row) -> str:
    """The row as `path: text`; nothing where it could not be read."""
    return _text(summary(row))


def bare_text(row: Row) -> str:
    """The text of a row alone, a line for each line of the picture."""
    return f"{row.reading.text}\n" if row.reading is not None and row.reading.text else ""


def summary(row: Row) -> Record:
    """What a table has of a row: `COLUMNS`."""
    if row.reading is None:
        return dict.fromkeys(COLUMNS) | {"path": row.path, "text": "", "error": row.error or ""}
    digits = row.reading.digits
    lowest = round(min(digit.probability for digit in digits), 4) if digits else None
    values = row.path, _BREAK.join(row.reading.lines), row.sure, len(digits), lowest, None
    return dict(zip(COLUMNS, values, strict=True))


def table(records: Iterable[Record]) -> "pyarrow.Table":
    """Records of `COLUMNS` as a table of Arrow's.

    Bytes of a file's name that are no text, which Parquet does not hold, stand there as Python writes them: \\udcff.
    """
    import pyarrow

    kinds = (pyarrow.string(), pyarrow.string(), pyarrow.bool_(), pyarrow.int32(), pyarrow.float64(), pyarrow.string())
    plain = [
        {k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v for k, v in record.items()}
        for record in records
    ]
    return pyarrow.Table.from_pylist(plain, pyarrow.schema(list(zip(COLUMNS, kinds, strict=True))))


def unescaped(text: str) -> str:
    """What a table of Arrow's was made of, with bytes that are no text."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"


def _text(record: Record) -> str:
    path = record["path"].replace("\n", " ")
    return "" if record["error"] is not None else f"{path}: {record['text']}".rstrip() + "\n"


def _cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula; an apostrophe of its own gets another, so that it can go back."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) and number(value) is None else value
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _csv_row(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, values))  # with its own end of line, else it would not quote a \r in a path
    return f"{line.getvalue()[:-2]}\n"


def _to_csv(records: Iterable[Record]) -> bytes:
    return _utf8("".join(map(_csv_row, [COLUMNS, *(record.values() for record in records)])))


def _from_csv(raw: bytes) -> Iterator[Record]:
    rows = csv.reader(io.StringIO(_from_utf8(raw), newline=""), strict=True)
    if tuple(next(rows)) != COLUMNS:
        raise ValueError
    for row in rows:
        path, text, sure, digits, lowest, error = (cell.removeprefix("'") for cell in row)
        known = {"true": True, "false": False, "": None}[sure], int(digits) if digits else None
        values = path, text, *known, float(lowest) if lowest else None, error or None
        yield dict(zip(COLUMNS, values, strict=True))


def _to_parquet(records: Iterable[Record]) -> bytes:
    from pyarrow import parquet

    written = io.BytesIO()
    parquet.write_table(table(records), written, compression="zstd")
    return written.getvalue()


def _from_parquet(raw: bytes) -> Iterator[Record]:
    from pyarrow import parquet

    found = parquet.read_table(io.BytesIO(raw))
    if tuple(found.column_names) != COLUMNS:
        raise ValueError
    for record in found.to_pylist():
        for name in ("path", "text"):
            record[name] = unescaped(record[name])
        yield record


def _to_text(records: Iterable[Record]) -> bytes:
    return _utf8("".join(map(_text, records)))


def _from_text(raw: bytes) -> Iterator[Record]:
    for line in _from_utf8(raw).split("\n")[:-1]:
        parts = _LINE.fullmatch(line)
        path, colon, words = parts.groups("") if parts else line.rpartition(":")
        if not colon:
            raise ValueError
        text = words.removeprefix(" ")
        yield dict.fromkeys(COLUMNS) | {"path": path, "text": text, "sure": bool(text) and UNSURE not in text}


def _to_json(records: Iterable[Record]) -> bytes:
    return "".join(map(_line, records)).encode()


def _from_json(raw: bytes) -> Iterator[Record]:
    for line in raw.splitlines():
        yield documents.decoded(line, dict)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _from_utf8(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class _Form:
    """A kind of file: what it has of a row, how it is made of that, and what it was made of."""

    record: Callable[[Row], Record]
    write: Callable[[Iterable[Record]], bytes]
    read: Callable[[bytes], Iterable[Record]]


_JSON = _Form(Row.as_dict, _to_json, _from_json)
_BARE = _Form(  # the text of one picture says neither its path nor how sure it is
    lambda row: {**summary(row), "text": bare_text(row)},
    lambda records: _utf8("".join(record["text"] for record in records)),
    lambda _: (),
)
FORMS = {
    ".csv": _Form(summary, _to_csv, _from_csv),
    ".json": _JSON,
    ".jsonl": _JSON,
    ".txt": _Form(summary, _to_text, _from_text),
    ".parquet": _Form(summary, _to_parquet, _from_parquet),
}


def is_read(record: Record) -> bool:
    """Whether the picture of a record could be read."""
    return record.get("error") is None


def is_sure(record: Record) -> bool:
    """Whether a record has digits, and all are sure."""
    if "sure" in record:
        return bool(record["sure"])
    return bool(record["digits"]) and all(digit["sure"] for digit in record["digits"])


class _Kept(TypedDict, total=False):
    """What is needed of a record that was written before."""

    path: Required[str]
    text: Required[str]
    error: str | None
    sure: bool | None
    digits: int | list[dict[str, Any]] | None
    lowest_probability: float | None


class Output:
    """A file of rows, whole or not at all: they gather as lines of JSON in FILE.part, which in the end becomes FILE.

    Use it as a context manager. Whatever ends it early, FILE.part holds all rows up to then and can be resumed; on the
    disk itself they are a second later at most.
    """

    def __init__(self, path: Path, *, resume: bool = False, alone: bool = False) -> None:
        """Open FILE.part; to `resume` is to keep the rows that it holds or, if there is none, those of FILE.

        The suffix is the format: .csv, .parquet, .json or .jsonl for lines of JSON, .txt for `path: text`, or the text
        alone if `alone`. Raises UsageError for another, StorageError when it cannot be written or FILE.part is there
        and not to be resumed, FormatError when what it holds is something else.
        """
        self.path: Path = path
        self.part: Path = path.with_name(f"{path.name}.part")
        self._form = form(path)
        if alone and path.suffix.lower() == ".txt":
            self._form = _BARE
        writable(path)
        self._new = not self.part.exists()
        if not self._new and not resume:
            raise StorageError(f"{self.part} is what an earlier run left: resume it with --resume, or remove it")
        source, read = (path, self._form.read) if self._new else (self.part, partial(_from_part, form=self._form))
        raw = source.read_bytes() if resume and source.exists() else b""
        self.kept: dict[str, Record] = _records(source, raw, read, self._form)
        files.content(self.part, _to_json(self.kept.values()))
        self._growing: IO[bytes] | None = None
        self._late, self._over = Event(), Event()  # rows are not yet on the disk; none will come

    def __enter__(self) -> "Output":
        Thread(target=self._sync, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):  # a full disk has been told already
            self._close()
        if self._new:
            self.part.unlink(missing_ok=True)

    def write(self, row: Row) -> None:
        """Append a row, at once and for good. Raises StorageError."""
        self._new = False
        try:
            self._growing = self._growing or open(self.part, "ab")  # noqa: SIM115 - until the end
            self._growing.write(_line(self._form.record(row)).encode("ascii"))
            self._growing.flush()
        except OSError as error:
            why = f"{error.strerror}; free some space, then resume with --resume"
            raise StorageError(f"cannot write {self.part}: {why}") from error
        self._late.set()

    def finish(self, paths: Sequence[str]) -> None:
        """Make FILE: rows kept of other pictures as they stand, then those of `paths` in their order."""
        self._close()
        records = _records(self.part, self.part.read_bytes(), _from_json, self._form)
        last = [records.pop(path) for path in paths if path in records]
        files.content(self.path, self._form.write([*records.values(), *last]))
        self.part.unlink()

    def _sync(self) -> None:
        """Have rows on the disk a second after they came, also where no other comes for long."""
        while not self._over.wait(_LATE):
            if self._late.is_set() and self._growing is not None:
                self._late.clear()
                with suppress(OSError, ValueError):  # the next row tells; or it was closed just now
                    os.fsync(self._growing.fileno())

    def _close(self) -> None:
        if self._growing is not None:
            growing, self._growing = self._growing, None
            with growing:
                os.fsync(growing.fileno())


def _from_part(raw: bytes, form: _Form) -> list[Record]:
    """The rows that were written until a process was killed, the last of them perhaps in part.

    They are lines of JSON; version 0.1.0 wrote them as FILE has them.
    """
    if raw[:1] in (b"", b"{"):
        return list(_from_json(raw[: raw.rfind(b"\n") + 1]))  # what was cut off at the end is read again
    found: list[Record] = []
    try:
        found.extend(form.read(raw))
    except (csv.Error, ValueError, FormatError):
        if not found:
            raise
        return found  # those before what was cut off
    return found if raw.endswith(b"\n") else found[:-1]


def _records(source: Path, raw: bytes, read: Callable[[bytes], Iterable[Record]], form: _Form) -> dict[str, Record]:
    """The rows in a file's bytes by their path, the last of each."""
    try:
        found = {}
        for record in read(raw) if raw else ():
            documents.converted(record, _Kept)
            if form.write is not _to_json and set(record) != set(COLUMNS):
                raise ValueError(form)
            is_sure(record)  # as it may be JSON of others
            found[record["path"]] = record if form.write is _to_json else {name: record[name] for name in COLUMNS}
    except (ValueError, KeyError, TypeError, OSError, RuntimeError, csv.Error) as error:
        raise FormatError(f"{source} holds what `tenfold read` did not write: remove it, or name another") from error
    return found


def form(path: Path) -> _Form:
    """The format that a file's suffix means. Raises UsageError for an unknown one, MissingExtra."""
    if path.suffix.lower() not in FORMS:
        raise UsageError(f"cannot tell the format of {path}: its name must end in {', '.join(FORMS)}")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise missing_extra("pyarrow", "cluster")
    return FORMS[path.suffix.lower()]


def writable(path: Path) -> None:
    """Raise StorageError now for a file that could not be written after all the work."""
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; choose another place") from error
    if not os.access(path.parent, os.W_OK):
        raise StorageError(f"cannot write {path}: {path.parent} is not yours to write in; choose another place")
