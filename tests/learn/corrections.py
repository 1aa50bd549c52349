"""A few digits of a user's own, drawn."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tenfold.learn.digits import styles


def sevens(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """7s that are an upright stroke with a short flag, which is a 1 to the bundled model: (N, 28, 28)."""
    generator = np.random.default_rng(seed)
    canvases = np.zeros((count, 96, 96), np.uint8)
    for canvas in canvases:
        image = Image.new("L", (96, 96))
        lean, reach = generator.uniform(-3, 3), generator.uniform(12, 17)
        points = [(45 - reach, 15 + 0.5 * reach), (45.0, 15.0), (45 - lean, 80.0)]
        ImageDraw.Draw(image).line(points, 255, int(generator.integers(5, 9)), joint="curve")
        canvas[:] = np.asarray(image)
    return styles.normalised(canvases)


def corrections(folder: Path, images: NDArray[np.uint8], label: str = "7") -> Path:
    """A folder with these images as corrections, of one label."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / label / f"{number}.png")
    return folder
