"""Draw docs/explained.png: a page on ruled paper in a shadow, written with validation digits, and how it is read.

python benchmarks/figure.py
"""

from pathlib import Path

import numpy as np

import tenfold
from pages import on_paper, ruled, shaded, sheet, written
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits
from tenfold.read import decode

SEED = 5  # a page on which one digit is not sure


def main() -> None:
    digits = embedded.read("train")
    digits = Digits(digits.images[50_000:], digits.labels[50_000:])
    generator = np.random.default_rng(SEED)
    above = written(digits, "2718 2818", 70, generator, (-0.06, 0.25))
    below = written(digits, "60457", 70, generator, (-0.1, 0.2))
    ink = sheet([above, below], 70, generator, slope=3)
    page = shaded(ruled(on_paper(ink, generator), 70, generator, squared=False, strength=0.3), generator)
    colours = np.stack([page, page * 0.97, page * 0.86], axis=2)
    (seen,) = decode.pages(colours)
    figure = tenfold.Reader().explained(seen)
    figure.quantize(256).save(Path(__file__).parent.parent / "docs" / "explained.png", optimize=True)
    print(tenfold.Reader().read(colours).text)


if __name__ == "__main__":
    main()
