"""What is each part of the finder worth? One part changed at a time, on synthetic pages.

    python benchmarks/finder.py [--pages 20] [--without-styles MODEL]

The pages are those of pages.py. `--without-styles` is a model file trained by `tenfold train pictures --styles 0`.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import pages
import tenfold
from measuring import arguments, machine_name, measured, save, table
from tenfold.read.finding import page as finding
from tenfold.read.finding import rulings, segments

Change = Callable[[ExitStack], None]


def setting(where: Any, name: str, value: Any) -> Change:
    """A change of one constant or function."""
    return lambda stack: stack.enter_context(patch.object(where, name, value)) and None


slices = segments.slices
CHANGES: dict[str, Change] = {
    "as it stands": lambda _: None,
    "touching digits are not cut": setting(segments, "slices", lambda piece, _: [(piece, 0.0)]),
    "cuts cost nothing": setting(segments, "slices", lambda *piece: [(part, 0.0) for part, _ in slices(*piece)]),
    "plain digits are thought of as several too": setting(segments, "PLAIN", 2.0),
    "broken pieces are not joined": setting(segments, "_TOGETHER", 1),
    "ruled lines stay": setting(rulings, "_COVER", 2.0),
    "pages are not turned": setting(finding, "_turned", lambda upright, *_, **__: upright),
    "the other ink is not tried": setting(finding, "OTHER", 9.0),
    "letters in a word do not count": setting(finding, "LETTERS", 9.0),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pages", type=int, default=20, help="of each kind")
    parser.add_argument("--without-styles", type=Path)
    options = parser.parse_args()
    made = list(pages.pages(options.pages))
    models: dict[str, Path | None] = dict.fromkeys(CHANGES)
    if options.without_styles:
        models["the model learnt no other styles"] = options.without_styles
    rows: dict[str, list[bool]] = {}
    for name, model in models.items():
        reader = tenfold.Reader(model, always_answer=True)
        with ExitStack() as stack:
            CHANGES.get(name, CHANGES["as it stands"])(stack)
            rows[name] = [reader.read(image).text == text for _, _, image, text in made]
        kinds = {
            kind: float(np.mean([right for right, (k, *_) in zip(rows[name], made, strict=True) if k == kind]))
            for kind in pages.KINDS
        }
        low = min(kinds, key=lambda kind: kinds[kind])
        print(f"{name:45} {np.mean(rows[name]):6.1%}   worst: {low} {kinds[low]:.0%}", flush=True)
    summary = {name: float(np.mean(right)) for name, right in rows.items()}
    save("finder", {"machine": machine_name(), "n": len(made), "right": summary}, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("finder")
    rows = [f"{name} | {share:.1%}" for name, share in s["right"].items()]
    head = f"change | pages right, of {s['n']}"
    return {"finder": f"{table(head, rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
