"""What is each part of the finder worth? One part changed at a time, on synthetic pages.

    python benchmarks/finder.py [--pages 20] [--without-styles MODEL]

The pages are those of pages.py. `--without-styles` is a model file trained by `tenfold train pictures --styles 0`.
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import tenfold
from measuring import machine_name, save
from pages import KINDS, page
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits
from tenfold.read.finding import page as finding
from tenfold.read.finding import rulings, segments

Change = Callable[[ExitStack], None]


def setting(where: Any, name: str, value: Any) -> Change:
    """A change of one constant or function."""
    return lambda stack: stack.enter_context(patch.object(where, name, value)) and None


def uncut(piece: Any, _: Any) -> Any:
    return [(piece, 0.0)]


def free(piece: Any, ink: Any) -> Any:
    return [(part, 0.0) for part, _ in slices(piece, ink)]


slices = segments.slices
CHANGES: dict[str, Change] = {
    "as it stands": lambda _: None,
    "touching digits are not cut": setting(segments, "slices", uncut),
    "cuts cost nothing": setting(segments, "slices", free),
    "plain digits are thought of as several too": setting(segments, "PLAIN", 2.0),
    "broken pieces are not joined": setting(segments, "_TOGETHER", 1),
    "ruled lines stay": setting(rulings, "_COVER", 2.0),
    "pages are not turned": setting(finding, "_turned", lambda upright, *_, **__: upright),
    "the other ink is not tried": setting(finding, "OTHER", 9.0),
    "letters in a word do not count": setting(finding, "LETTERS", 9.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20, help="of each kind")
    parser.add_argument("--without-styles", type=Path)
    options = parser.parse_args()
    digits = embedded.read("train")
    digits = Digits(digits.images[50_000:], digits.labels[50_000:])
    made = [
        (kind, *page(kind, digits, np.random.default_rng([KINDS.index(kind), seed])))
        for kind in KINDS
        for seed in range(options.pages)
    ]
    readers = {name: tenfold.Reader(always_answer=True) for name in CHANGES}
    changes = dict(CHANGES)
    if options.without_styles:
        name = "the model learnt no other styles"
        changes[name], readers[name] = (
            CHANGES["as it stands"],
            tenfold.Reader(options.without_styles, always_answer=True),
        )
    rows: dict[str, list[bool]] = {}
    for name, change in changes.items():
        with ExitStack() as stack:
            change(stack)
            rows[name] = [readers[name].read(image).text == text for _, image, text in made]
        worst = {
            kind: float(np.mean([right for right, (k, *_) in zip(rows[name], made, strict=True) if k == kind]))
            for kind in KINDS
        }
        low = min(worst, key=lambda kind: worst[kind])
        print(f"{name:45} {np.mean(rows[name]):6.1%}   worst: {low} {worst[low]:.0%}", flush=True)
    summary = {name: float(np.mean(right)) for name, right in rows.items()}
    save("finder", {"machine": machine_name(), "n": len(made), "right": summary}, rows)


if __name__ == "__main__":
    main()
