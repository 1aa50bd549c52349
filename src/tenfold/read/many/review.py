"""One HTML page of what a person should look at in many readings."""

import base64
import html
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template
from urllib.parse import quote

from tenfold.read import urls
from tenfold.read.many.rows import Row
from tenfold.read.many.targets import STDIN
from tenfold.read.reading import Digit, Reading, line_texts


def review(rows: Sequence[Row], pictures: int, path: Path) -> str:
    """One HTML page, without anything from elsewhere, of what a person should look at: to be written to `path`.

    Every unsure digit with its cut-out, the least sure first; pictures without digits; pictures that could not be read.
    `rows` are those that are not sure, with the cut-outs that `read_many` gives, out of so many `pictures`.
    """
    doubts = [
        (row.path, row.reading, digit, crop)
        for row in rows
        if row.reading is not None
        for digit, crop in zip((d for d in row.reading.digits if not d.sure), row.crops, strict=True)
    ]
    doubts.sort(key=lambda doubt: doubt[2].probability)
    empty = [row for row in rows if row.reading is not None and not row.reading.digits]
    broken = [row for row in rows if row.error is not None]
    title = f"{_counted(len(doubts), 'digit')} to review"
    counts = f"{_counted(len(doubts), 'unsure digit')}, {_counted(len(empty), 'picture')} without digits"
    counts += f", {len(broken):,} that could not be read; of {_counted(pictures, 'picture')} in all"
    cards = [_card(*doubt, path) for doubt in doubts]
    nothing = [f"<li>{_link(row.path, path)}</li>" for row in empty]
    errors = [f"<li>{_link(row.path, path)}: {_escaped(row.error or '')}</li>" for row in broken]
    body = [
        f"<h1>{title}</h1><p>{counts}.</p>",
        _section("Unsure digits, the least sure first", 'ol class="cards"', cards),
        _section("No digits found", "ul", nothing),
        _section("Not read", "ul", errors),
    ]
    template = Template(Path(__file__).with_name("review.html").read_text(encoding="utf-8"))
    return template.substitute(title=title, body="\n".join(filter(None, body)))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _section(title: str, element: str, items: list[str]) -> str:
    """A section with a list; nothing where that is empty."""
    listed = "\n".join(items)
    return f"<section><h2>{title}</h2>\n<{element}>\n{listed}\n</{element[:2]}></section>" if items else ""


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

    def text(digit: Digit) -> str:
        return f"<mark>{_escaped(digit.text)}</mark>" if digit is wanted else _escaped(digit.text)

    return line_texts([digit for digit in reading.digits if digit.line == wanted.line], text)[0]


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
