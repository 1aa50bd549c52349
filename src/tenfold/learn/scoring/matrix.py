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

MOST = (24, 12, 6, 3, 1)  # digits that a number opens: as many as fit into
BYTES = 1_000_000

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
.matrix th {{ padding: 0 .3em; }} .matrix .long {{ writing-mode: vertical-rl; padding: .3em 0; }}
.matrix a {{ display: block; padding: 0 .3em; line-height: 2em; color: inherit; text-decoration: none;
             scroll-margin-top: 40vh; }}
.matrix a:hover {{ text-decoration: underline; }}
.matrix a:focus-visible {{ outline: 3px solid var(--ink); outline-offset: -1px; }}
.m1 {{ font-size: .875rem; }} .m2 {{ font-size: .8rem; }} .m3 {{ font-size: .7rem; }}
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
    for most in MOST:
        opened = "".join(_opened(at, index, most, names, digits, sureness, numbers) for at, index in cells.items())
        if len(opened) <= BYTES:
            break
    return _table({at: len(index) for at, index in cells.items()}, names) + opened


def _opened(
    at: tuple[int, int],
    index: NDArray[np.int64],
    most: int,
    names: Sequence[str],
    digits: Digits,
    sureness: NDArray[np.float32],
    numbers: NDArray[np.int64],
) -> str:
    """The part of the page with the digits of a cell."""
    row, column = at
    some = index[:most]
    count = f"{len(index):,} digit{'s' * (len(index) > 1)}"
    if len(index) > len(some):
        count += f", here the {len(some)} {'least sure' if row == column else 'surest'}" if most > 1 else ", here one"
    title = f"{names[row]} answered rightly" if row == column else f"{names[row]} taken for {names[column]}"
    captions = [f"no. {numbers[k]}\n{sureness[k]:.0%}" for k in some]
    shown = thumbnails.html(digits.images[some], captions, [True] * len(some))
    return (
        f'<section class="cell" id="c{row}-{column}" tabindex="-1"><h3>{escape(title)}: {count}</h3>{shown}'
        f'<p><a href="#n{row}-{column}">back to the matrix</a></p></section>'
    )


def _table(counts: dict[tuple[int, int], int], names: Sequence[str]) -> str:
    """The numbers, those that are not 0 as links."""
    worst = max((count for (row, column), count in counts.items() if row != column), default=1)
    turned = ' class="long"' if max(map(len, names)) > 3 else ""
    head = "".join(f'<th scope="col"{turned}>{escape(name)}</th>' for name in names)
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
