"""The confusion matrix as HTML: each of its numbers opens the digits that it counts, without a script.

A number is a link to a part of the page that is hidden unless it is where the address points (CSS's `:target`).
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from tenfold.learn.scoring import thumbnails
from tenfold.mnist.digits import Digits

MOST = 24  # digits that a number opens
BYTES = 800_000  # of all of them

# Paper and ink of the right answers, then of mistakes from few to many.
LIGHT = (
    ("#dbeafe", "#1f2937"),
    ("#fee2e2", "#1f2937"),
    ("#fca5a5", "#1f2937"),
    ("#f87171", "#1f2937"),
    ("#b91c1c", "#ffffff"),
    ("#7f1d1d", "#ffffff"),
)
DARK = (
    ("#1e3a5f", "#e5e7eb"),
    ("#3b1a1d", "#e5e7eb"),
    ("#5f1d20", "#e5e7eb"),
    ("#8f2424", "#ffffff"),
    ("#f87171", "#14181f"),
    ("#fecaca", "#14181f"),
)


def _shades(shades: Sequence[tuple[str, str]]) -> str:
    return " ".join(f".matrix .s{k} {{ background: {paper}; color: {ink}; }}" for k, (paper, ink) in enumerate(shades))


STYLE = f"""
.matrix th, .matrix td {{ padding: 0; min-width: 1.25em; height: 2em; text-align: center; color: var(--quiet);
                          border: 1px solid var(--paper); }}
.matrix th {{ padding: 0 .3em; }} .long {{ display: inline-block; writing-mode: vertical-rl; }}
.matrix a {{ display: block; padding: 0 .3em; line-height: 2em; color: inherit; text-decoration: none;
             scroll-margin-top: 40vh; }}
.matrix a:hover {{ text-decoration: underline; }}
.matrix a:focus-visible {{ outline: 3px solid var(--ink); outline-offset: -1px; }}
.matrix th:first-child {{ position: sticky; left: 0; background: var(--paper); }}
.m1 {{ font-size: .875rem; }} .m2 {{ font-size: .8rem; }} .m3 {{ font-size: .7rem; }} .m3 a {{ padding: 0 .1em; }}
.wide:has(.m3) {{ width: max-content; max-width: calc(100vw - 2rem); margin-left: 50%; transform: translateX(-50%); }}
@media (max-width: 34rem) {{ .m1 {{ font-size: .75rem; }} .m1 a {{ padding: 0 .1em; line-height: 2.4em; }} }}
.cell {{ display: none; scroll-margin-top: 55vh; padding: .2rem 1rem; border: 1px solid var(--line); }}
.cell:target {{ display: block; }} .cell h3 {{ margin: .5rem 0; font-size: 1rem; }}
{_shades(LIGHT)}
@media (prefers-color-scheme: dark) {{ {_shades(DARK)} }}
"""


def html(
    digits: Digits,
    answers: NDArray[np.int64],
    sureness: NDArray[np.float32],
    numbers: NDArray[np.int64],
    names: Sequence[str],
) -> str:
    """The matrix, rows are labels and columns answers (N,), and the digits behind each of its numbers.

    `sureness` (N,) is the probability of each answer, `numbers` (N,) the place of each digit in its data. The most
    remarkable digits of a cell are shown: the surest mistakes, and the right answers that were least sure.
    """
    cells: dict[tuple[int, int], NDArray[np.int64]] = {}
    surest = np.argsort(-sureness, kind="stable")
    for row in range(len(names)):
        for column in range(len(names)):
            held = surest[(digits.labels[surest] == row) & (answers[surest] == column)]
            if len(held):
                cells[row, column] = held[::-1] if row == column else held
    shown: dict[tuple[int, int], list[str]] = {at: [] for at in cells}
    left = BYTES
    for rank in range(MOST):  # a digit of each cell by turns, so that all have as many when there is no more room
        for at in sorted(cells, key=lambda at: -len(cells[at])):
            if rank < len(cells[at]) and left > 0:
                k = cells[at][rank]
                shown[at].append(thumbnails.figure(digits.images[k], f"no. {numbers[k]}\n{sureness[k]:.0%}"))
                left -= len(shown[at][-1])
    counts = {at: len(index) for at, index in cells.items()}
    return _table(counts, names) + "".join(_opened(at, counts[at], shown[at], names) for at in cells)


def _opened(at: tuple[int, int], count: int, shown: Sequence[str], names: Sequence[str]) -> str:
    """The part of the page with the digits of a cell."""
    row, column = at
    title = f"{names[row]} answered rightly" if row == column else f"{names[row]} taken for {names[column]}"
    title += f": {count:,} digit{'s' * (count > 1)}"
    if count > len(shown):
        which = "least sure" if row == column else "surest"
        title += f", here {f'the {len(shown)} {which}' if len(shown) > 1 else f'the {which}' if shown else 'none'}"
    inside = f"<h3>{escape(title)}</h3>{thumbnails.together(shown) if shown else ''}"
    back = f'<p><a href="#n{row}-{column}">back to the matrix</a></p>'
    return f'<section class="cell" id="c{row}-{column}" tabindex="-1">{inside}{back}</section>'


def _table(counts: dict[tuple[int, int], int], names: Sequence[str]) -> str:
    """The numbers, those that are not 0 as links."""
    worst = max((count for (row, column), count in counts.items() if row != column), default=1)
    turned = ' class="long"' if max(map(len, names)) > 3 and len(names) > 4 else ""
    head = "".join(f'<th scope="col"><span{turned}>{escape(name)}</span></th>' for name in names)
    rows = []
    for row, name in enumerate(names):
        cells = [f'<tr><th scope="row">{escape(name)}</th>']
        for column in range(len(names)):
            count = counts.get((row, column), 0)
            shade = 0 if row == column else math.ceil(5 * math.sqrt(count / worst))
            link = f'<a id="n{row}-{column}" href="#c{row}-{column}">{count}</a>' if count else "0"
            cells.append(f'<td class="s{shade}">{link}</td>' if count else f"<td>{link}</td>")
        rows.append("".join(cells) + "</tr>")
    size = 1 if len(names) <= 12 else 2 if len(names) <= 30 else 3
    return (
        f'<div class="wide"><table class="matrix m{size}"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
