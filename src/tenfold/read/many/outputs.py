"""Files of many readings: lines of JSON, CSV or text, Parquet; a file that grows and can be resumed."""

import csv
import importlib.util
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold import files
from tenfold.errors import FormatError, StorageError, UsageError, missing_extra
from tenfold.read.many.rows import Row
from tenfold.read.numbers import number
from tenfold.read.reading import UNSURE

COLUMNS = ("path", "text", "sure", "digits", "lowest_probability", "error")
_BREAK = " / "  # between the lines of a picture where it has one line
_FORMULA = tuple("=+-@\t\r'")


def json_line(row: Row) -> str:
    """The row as one line of JSON, in ASCII, so that it is the same in every terminal and pipe."""
    return json.dumps(row.as_dict()) + "\n"


def csv_line(row: Row) -> str:
    """The row as a line of CSV with `COLUMNS`."""
    if row.reading is None:
        return _csv(row.path, error=row.error or "")
    lowest = min((digit.probability for digit in row.reading.digits), default=None)
    return _csv(row.path, _BREAK.join(row.reading.lines), row.sure, len(row.reading.digits), lowest)


def text_line(row: Row) -> str:
    """The row as `path: text`; nothing where it could not be read."""
    if row.reading is None:
        return ""
    path = row.path.replace("\n", " ")
    return f"{path}: {_BREAK.join(row.reading.lines)}".rstrip() + "\n"


def bare_text(row: Row) -> str:
    """The text of a row alone, a line for each line of the picture."""
    return f"{row.reading.text}\n" if row.reading is not None and row.reading.text else ""


def _csv(
    path: str,
    text: str = "",
    sure: bool | None = None,
    digits: int | None = None,
    lowest: float | None = None,
    error: str = "",
) -> str:
    numbers = ["" if digits is None else str(digits), "" if lowest is None else f"{lowest:.4f}"]
    return _csv_cells([_cell(path), _cell(text), "" if sure is None else str(sure).lower(), *numbers, _cell(error)])


def _csv_cells(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # with its own end of line, for else it would not quote a \\r in a path
    return f"{line.getvalue()[:-2]}\n"


def _cell(words: str) -> str:
    """A cell that no spreadsheet takes for a formula; an apostrophe of its own gets another, so that it can go back."""
    return f"'{words}" if words.startswith(_FORMULA) and number(words) is None else words


@dataclass(frozen=True)
class Record:
    """A row as it stands in a file."""

    line: str
    read: bool  # rather than an error
    sure: bool


def _from_json(text: str) -> Iterator[tuple[str, Record]]:
    for line in text.splitlines(keepends=True):
        row: dict[str, Any] = json.loads(line)
        sure = bool(row["digits"]) and all(digit["sure"] for digit in row["digits"])
        yield str(row["path"]), Record(line, "error" not in row, sure)


def _from_csv(text: str) -> Iterator[tuple[str, Record]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    if text and tuple(next(rows)) != COLUMNS:
        raise ValueError
    for row in rows:
        path, _, sure, _, _, error = row
        yield path.removeprefix("'"), Record(_csv_cells(row), not error, sure == "true")


def _from_text(text: str) -> Iterator[tuple[str, Record]]:
    for line in text.split("\n")[:-1]:
        path, colon, words = line.rpartition(":")
        if not colon:
            raise ValueError
        yield path, Record(f"{line}\n", read=True, sure=bool(words) and UNSURE not in words)


def _bare(text: str) -> Iterator[tuple[str, Record]]:
    """The text of one picture says neither its path nor how sure it is."""
    if text:
        yield "", Record(text, read=False, sure=False)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _from_utf8(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _parquet(lines: str) -> bytes:
    """Lines of CSV as a Parquet file of the same columns, with their types.

    Bytes of a file's name that are no text, which Parquet does not hold, stand there as Python writes them: \\udcff.
    """
    import pyarrow
    from pyarrow import parquet

    rows = list(csv.reader(io.StringIO(lines, newline=""), strict=True))[1:]
    path, text, sure, digits, lowest, error = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    paths, texts, errors = ([_plain(cell) for cell in column] for column in (path, text, error))
    table = {
        "path": pyarrow.array(paths, pyarrow.string()),
        "text": pyarrow.array(texts, pyarrow.string()),
        "sure": pyarrow.array([cell == "true" if cell else None for cell in sure], pyarrow.bool_()),
        "digits": pyarrow.array([int(cell) if cell else None for cell in digits], pyarrow.int32()),
        "lowest_probability": pyarrow.array([float(cell) if cell else None for cell in lowest], pyarrow.float64()),
        "error": pyarrow.array([cell or None for cell in errors], pyarrow.string()),
    }
    written = io.BytesIO()
    parquet.write_table(pyarrow.table(table), written, compression="zstd")
    return written.getvalue()


def _from_parquet(raw: bytes) -> str:
    """What `_parquet` was made of."""
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(raw))
    if tuple(table.column_names) != COLUMNS:
        raise ValueError
    lines = [_CSV_HEAD]
    for row in table.to_pylist():
        path, text = (_ESCAPED.sub(lambda match: chr(int(match[1], 16)), row[name]) for name in ("path", "text"))
        lines.append(_csv(path, text, row["sure"], row["digits"], row["lowest_probability"], row["error"] or ""))
    return "".join(lines)


def _plain(cell: str) -> str:
    """A cell of CSV as it was before `_cell`, as text that UTF-8 can hold."""
    return cell.removeprefix("'").encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class _Form:
    """A kind of file."""

    line: Callable[[Row], str]
    records: Callable[[str], Iterator[tuple[str, Record]]]
    head: str = ""
    pack: Callable[[str], bytes] = _utf8  # of head and lines, as they gather, what is in the file
    unpack: Callable[[bytes], str] = _from_utf8


_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")
_CSV_HEAD = ",".join(COLUMNS) + "\n"
_JSON = _Form(json_line, _from_json)
FORMS = {
    ".csv": _Form(csv_line, _from_csv, _CSV_HEAD),
    ".json": _JSON,
    ".jsonl": _JSON,
    ".txt": _Form(text_line, _from_text),
    ".parquet": _Form(csv_line, _from_csv, _CSV_HEAD, _parquet, _from_parquet),
}


def packed(rows: Iterable[Row], suffix: str) -> bytes:
    """Rows as a file of the format that a suffix means."""
    kind = FORMS[suffix]
    return kind.pack(kind.head + "".join(map(kind.line, rows)))


class Output:
    """A file of rows, whole or not at all: they gather in FILE.part, which in the end becomes FILE.

    Use it as a context manager. Whatever ends it early, FILE.part holds all rows up to then and can be resumed.
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
        bare = alone and self._form.line is text_line
        if bare:
            self._form = _Form(bare_text, _bare)
        writable(path)
        self._new = not self.part.exists()
        if not self._new and not resume:
            raise StorageError(f"{self.part} is what an earlier run left: resume it with --resume, or remove it")
        source = self.part if not self._new else path
        raw = source.read_bytes() if resume and source.exists() and not bare else b""
        if raw and self._new:
            raw = self._packed(raw)
        whole = raw[: raw.rfind(b"\n") + 1]  # a line that was cut off at the end is read again
        self.kept: dict[str, Record] = self._records(whole, source)
        files.content(self.part, whole or self._form.head.encode())

    def _packed(self, raw: bytes) -> bytes:
        """The head and lines that FILE was made of."""
        try:
            return _utf8(self._form.unpack(raw))
        except (ValueError, KeyError, OSError) as error:
            raise _strange(self.path) from error

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        if self._new:
            self.part.unlink(missing_ok=True)

    def write(self, row: Row) -> None:
        """Append a row, at once and for good. Raises StorageError."""
        self._new = False
        try:
            with open(self.part, "a", encoding="utf-8", errors="surrogateescape", newline="") as growing:
                growing.write(self._form.line(row))
        except OSError as error:
            why = f"{error.strerror}; free some space, then resume with --resume"
            raise StorageError(f"cannot write {self.part}: {why}") from error

    def finish(self, paths: Sequence[str]) -> None:
        """Make FILE: rows kept of other pictures as they stand, then those of `paths` in their order."""
        records = self._records(self.part.read_bytes(), self.part)
        last = [records.pop(path).line for path in paths if path in records]
        lines = [self._form.head, *(record.line for record in records.values()), *last]
        files.content(self.path, self._form.pack("".join(lines)))
        self.part.unlink()

    def _records(self, raw: bytes, source: Path) -> dict[str, Record]:
        """The rows in a file's bytes by their path, the last of each."""
        try:
            return dict(self._form.records(_from_utf8(raw)))
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise _strange(source) from error


def _strange(source: Path) -> FormatError:
    return FormatError(f"{source} holds what `tenfold read` did not write: remove it, or name another")


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
