"""What is made of many readings: lines of JSON, CSV or text, a file that can be gone on with, a page for review."""

import base64
import csv
import html
import importlib.util
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tenfold import files
from tenfold.errors import FormatError, StorageError, UsageError, missing_extra
from tenfold.read import urls
from tenfold.read.many.bulk import STDIN, Row
from tenfold.read.reader import UNSURE, Digit, Reading

COLUMNS = ("path", "text", "sure", "digits", "lowest_probability", "error")
_BREAK = " / "  # between the lines of a picture where it has one line
_FORMULA = tuple("=+-@\t\r'")


def json_line(row: Row) -> str:
    """The row as one line of JSON, in ASCII, so that it is the same in every terminal and pipe."""
    return json.dumps(row.as_dict()) + "\n"


def csv_line(row: Row) -> str:
    """The row as a line of CSV with `COLUMNS`."""
    if row.reading is None:
        return _csv([_text(row.path), "", "", "", "", _text(row.error or "")])
    lowest = min((digit.probability for digit in row.reading.digits), default=None)
    return _csv(
        [
            _text(row.path),
            _text(_BREAK.join(row.reading.lines)),
            "true" if row.sure else "false",
            str(len(row.reading.digits)),
            "" if lowest is None else f"{lowest:.4f}",
            "",
        ]
    )


def text_line(row: Row) -> str:
    """The row as `path: text`; nothing where it could not be read."""
    if row.reading is None:
        return ""
    path = row.path.replace("\n", " ")
    return f"{path}: {_BREAK.join(row.reading.lines)}".rstrip() + "\n"


def bare_text(row: Row) -> str:
    """The text of a row alone, a line for each line of the picture."""
    return f"{row.reading.text}\n" if row.reading is not None and row.reading.text else ""


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # with its own end of line, for else it would not quote a \\r in a path
    return f"{line.getvalue()[:-2]}\n"


def _text(words: str) -> str:
    """A cell that no spreadsheet takes for a formula; an apostrophe of its own gets another, so that it can go back."""
    return f"'{words}" if words.startswith(_FORMULA) else words


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
        yield path.removeprefix("'"), Record(_csv(row), not error, sure == "true")


def _from_text(text: str) -> Iterator[tuple[str, Record]]:
    for line in text.split("\n")[:-1]:
        path, colon, words = line.rpartition(":")
        if not colon:
            raise ValueError
        yield path, Record(f"{line}\n", read=True, sure=bool(words) and UNSURE not in words)


def _bare(text: str) -> Iterator[tuple[str, Record]]:
    """The text of one picture tells neither its path nor how sure it is."""
    if text:
        yield "", Record(text, read=False, sure=False)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _from_utf8(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _parquet(text: str) -> bytes:
    """Lines of CSV as a Parquet file of the same columns, with their types.

    Bytes of a file's name that are no text, which Parquet does not hold, stand there as Python writes them: \\udcff.
    """
    import pyarrow
    from pyarrow import parquet

    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    path, words, sure, digits, lowest, error = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    told = [[_plain(cell) for cell in column] for column in (path, words, error)]
    table = {
        "path": pyarrow.array(told[0], pyarrow.string()),
        "text": pyarrow.array(told[1], pyarrow.string()),
        "sure": pyarrow.array([cell == "true" if cell else None for cell in sure], pyarrow.bool_()),
        "digits": pyarrow.array([int(cell) if cell else None for cell in digits], pyarrow.int32()),
        "lowest_probability": pyarrow.array([float(cell) if cell else None for cell in lowest], pyarrow.float64()),
        "error": pyarrow.array([cell or None for cell in told[2]], pyarrow.string()),
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
        path, words = (_text(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), row[k])) for k in ("path", "text"))
        if row["error"] is not None:
            lines.append(_csv([path, "", "", "", "", _text(row["error"])]))
            continue
        lowest = "" if row["lowest_probability"] is None else f"{row['lowest_probability']:.4f}"
        lines.append(_csv([path, words, "true" if row["sure"] else "false", str(row["digits"]), lowest, ""]))
    return "".join(lines)


def _plain(cell: str) -> str:
    """A cell of CSV as it was before `_text`, and as text that is no more than text."""
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

    Use it as a context manager. Whatever ends it early, FILE.part holds all rows up to then and can be gone on with.
    """

    def __init__(self, path: Path, *, resume: bool = False, alone: bool = False) -> None:
        """Open FILE.part; to `resume` is to keep the rows that it holds or, if there is none, those of FILE.

        The suffix is the format: .csv, .parquet, .json or .jsonl for lines of JSON, .txt for `path: text`, or the text
        alone if `alone`. Raises UsageError for another, StorageError when it cannot be written or FILE.part is there
        and not to be gone on with, FormatError when what it holds is something else.
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
            raise StorageError(f"{self.part} is what an earlier run left: --resume goes on with it, or remove it")
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
            why = f"{error.strerror}; free some space, then --resume goes on"
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


def review(rows: Sequence[Row], pictures: int, path: Path) -> str:
    """One HTML page, without anything from elsewhere, of what a person should look at: to be written to `path`.

    Every unsure digit with its cut-out, the least sure first; pictures without digits; pictures that could not be read.
    `rows` are those that are not sure, with the cut-outs that `read_many` gives, out of so many `pictures`.
    """
    doubts = [
        (row, digit, crop)
        for row in rows
        if row.reading is not None
        for digit, crop in zip((d for d in row.reading.digits if not d.sure), row.crops, strict=True)
    ]
    doubts.sort(key=lambda doubt: doubt[1].probability)
    empty = [row for row in rows if row.reading is not None and not row.reading.digits]
    broken = [row for row in rows if row.error is not None]
    counts = [
        f"{len(doubts):,} unsure digit{'s' * (len(doubts) != 1)}",
        f"{len(empty):,} picture{'s' * (len(empty) != 1)} without digits",
        f"{len(broken):,} that could not be read",
    ]
    title = f"{len(doubts):,} digit{'s' * (len(doubts) != 1)} to review"
    parts = [
        f"<h1>{title}</h1><p>{', '.join(counts)}; of {pictures:,} picture{'s' * (pictures != 1)} in all.</p>",
    ]
    if doubts:
        cards = "\n".join(_card(row.path, row.reading, digit, crop, path) for row, digit, crop in doubts if row.reading)
        parts.append(
            f'<section><h2>Unsure digits, the least sure first</h2>\n<ol class="cards">\n{cards}\n</ol></section>'
        )
    if empty:
        items = "\n".join(f"<li>{_link(row.path, path)}</li>" for row in empty)
        parts.append(f"<section><h2>No digits found</h2>\n<ul>\n{items}\n</ul></section>")
    if broken:
        items = "\n".join(f"<li>{_link(row.path, path)}: {_escaped(row.error or '')}</li>" for row in broken)
        parts.append(f"<section><h2>Not read</h2>\n<ul>\n{items}\n</ul></section>")
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(parts))


def _card(path: str, reading: Reading, digit: Digit, crop: bytes, page: Path) -> str:
    likely = sorted(digit.probabilities.items(), key=lambda pair: -pair[1])[:3]
    rows = "".join(f"<tr><th scope=row>{_escaped(name)}</th><td>{p:.1%}</td></tr>" for name, p in likely)
    image = base64.b64encode(crop).decode()
    sheet = f", page {digit.page}" if digit.page > 1 else ""
    return (
        f'<li><article><img src="data:image/png;base64,{image}" alt="cut-out of the digit">'
        f"<table><caption>likeliest</caption>{rows}</table>"
        f'<p class="line">{_marked(reading, digit)}</p><p>{_link(path, page)}{sheet}</p></article></li>'
    )


def _marked(reading: Reading, wanted: Digit) -> str:
    """The line that a digit stands in, with it marked."""
    words = ""
    number = 0
    for digit in reading.digits:
        if digit.line == wanted.line:
            words += " " * (digit.number - number)
            number = digit.number
            text = _escaped(digit.text)
            words += f"<mark>{text}</mark>" if digit is wanted else text
    return words


def _link(path: str, page: Path) -> str:
    """A picture's name, as a link from where the page is."""
    if path == STDIN:
        return "standard input"
    if urls.is_url(path):
        return _escaped(path)  # a browser cannot go there
    full = os.path.abspath(os.path.expanduser(path))
    try:
        address = quote(Path(os.path.relpath(full, os.path.abspath(page.parent))).as_posix(), errors="surrogateescape")
    except ValueError:  # on another drive
        address = Path(full).as_uri()
    return f'<a href="{html.escape(address)}">{_escaped(path)}</a>'


def _escaped(words: str) -> str:
    """Words for HTML; bytes of a file's name that are no text as a question mark."""
    return html.escape(words.encode("utf-8", "replace").decode())


_STYLE = """
:root { color-scheme: light dark; --ground: #f6f5f1; --card: #fff; --ink: #1d1d1b; --pale: #6b6a64; --edge: #dcdad2;
  --mark: #ffd9d2; --marked: #8f1d10; --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --ground: #181816; --card: #232321; --ink: #ecebe6; --pale: #a3a199;
  --edge: #3b3a36; --mark: #6b2218; --marked: #ffd9d2; --link: #8cbcf0; } }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; font: 1rem/1.45 system-ui, sans-serif;
  background: var(--ground); color: var(--ink); }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
a { color: var(--link); overflow-wrap: anywhere; } p { margin: .25rem 0; }
.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
article { display: grid; grid-template-columns: 5.5rem 1fr; gap: .25rem .75rem; padding: .75rem; height: 100%;
  box-sizing: border-box; background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; }
article p { grid-column: 1 / -1; font-size: .85rem; }
article p.line { font: 1.1rem ui-monospace, monospace; overflow-wrap: anywhere; }
img { width: 5.5rem; height: 5.5rem; object-fit: contain; background: #fff; border-radius: .25rem; }
table { border-collapse: collapse; align-self: start; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .8rem; color: var(--pale); }
th { text-align: left; padding-right: .75rem; } td { text-align: right; }
mark { background: var(--mark); color: var(--marked); border-radius: .2rem; padding: 0 .15em; font-weight: bold; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
