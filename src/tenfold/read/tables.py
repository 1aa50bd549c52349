"""The cells of a table: words of digits in rows and columns."""

import csv
import io

from tenfold.read.reading import Digit, Reading, line_texts


def cells(reading: Reading) -> list[list[str]]:
    """The text of each cell, row by row, empty where there is none; all rows are as long.

    A row is a row of writing. Cells that stand one above the other are a column; walls part them where the picture was
    read with `table=True`, else gaps. Pages follow each other, each with its own columns.
    """
    rows: list[list[str]] = []
    for page in range(1, reading.page_count + 1):
        words: dict[tuple[int, int], list[Digit]] = {}
        for digit in reading.digits:
            if digit.page == page:
                words.setdefault((digit.line, digit.number), []).append(digit)
        spans = {key: _span(word) for key, word in words.items()}
        columns = _columns(list(spans.values()))
        for line in sorted({line for line, _ in words}):
            row = [""] * len(columns)
            for (at, number), word in words.items():
                if at == line:
                    k = next(k for k, (_, end) in enumerate(columns) if spans[at, number][0] < end)
                    row[k] = " ".join(filter(None, [row[k], line_texts(word)[0]]))
            rows.append(row)
    longest = max(map(len, rows), default=0)
    return [row + [""] * (longest - len(row)) for row in rows]


def as_csv(reading: Reading) -> str:
    """The cells as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells(reading))
    return text.getvalue()


def _span(word: list[Digit]) -> tuple[float, float]:
    """Where a word begins and ends across the picture."""
    return min(digit.box[0] for digit in word), max(digit.box[0] + digit.box[2] for digit in word)


def _columns(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where columns begin and end: what overlaps is in one, but for words that reach over several."""
    columns: list[tuple[float, float]] = []
    usual = sorted(end - start for start, end in spans)[len(spans) // 2] if spans else 0.0
    for start, end in sorted(spans):
        if columns and start < columns[-1][1]:
            if end - start <= 2 * usual:
                columns[-1] = columns[-1][0], max(columns[-1][1], end)
        else:
            columns.append((start, end))
    return columns
