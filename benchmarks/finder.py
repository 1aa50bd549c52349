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
from tenfold.read.finding import frames, rulings, signs, strips, strokes
from tenfold.read.finding import page as finding

Change = Callable[[ExitStack], None]


def setting(where: Any, name: str, value: Any) -> Change:
    """A change of one constant or function."""
    return lambda stack: stack.enter_context(patch.object(where, name, value)) and None


CHANGES: dict[str, Change] = {
    "as it stands": lambda _: None,
    "the network for lines alone": setting(signs, "_TRUST", 0.0),
    "the network for digits counts as much": setting(signs, "_TRUST", 1.0),
    "one digit is not asked for": setting(signs, "_likelier", lambda row, _: row),
    "ruled lines stay": setting(rulings, "_COVER", 2.0),
    "frames are ink as any other": setting(frames, "around", lambda _: []),
    "what is smaller than the pen stays": setting(strokes, "_POINT", 0.0),
    "rows that climb are not made level": setting(strips, "_LEVEL", 9.0),
    "the whole picture is no row": setting(strips, "may_be_row", lambda _: False),
    "pages are not turned": setting(finding, "_turned", lambda upright, *_: upright),
    "the other ink is not tried": setting(finding, "OTHER_INK", 9.0),
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
