"""Write digits in the formats that other tools read."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold import files
from tenfold.errors import UsageError, nearest
from tenfold.mnist import idx
from tenfold.mnist.sources import Source, Track, untracked

FORMATS = ("idx", "png", "npz")


def export(source: Source, folder: str | Path, form: str = "idx", *, track: Track = untracked) -> Path:
    """Write every part of `source` into `folder`, which must be new or empty, and return it.

    "idx": train-images-idx3-ubyte.gz and so on, as MNIST is published. "png": train/7/00012.png, one folder per
    class. "npz": mnist.npz with x_train, y_train, x_test, y_test.
    `tenfold.mnist.sources.load` reads all three back, but IDX files hold numbers in place of class names.

    Raises UsageError for an unknown format, StorageError when the folder is in use or cannot be written.
    """
    if form not in FORMATS:
        raise UsageError(nearest("format", form, FORMATS))
    folder = Path(folder)
    with files.folder(folder) as place:
        if form == "npz":
            short = {"train": "train", "validation": "val", "test": "test"}
            arrays: dict[str, Any] = {f"x_{short[part]}": digits.images for part, digits in source.parts.items()}
            names = np.array(source.classes)
            labels: dict[str, Any] = {
                f"y_{short[part]}": _labels(digits.labels, names) for part, digits in source.parts.items()
            }
            np.savez_compressed(place / "mnist.npz", **arrays, **labels)
        for part, digits in source.parts.items():
            if form == "idx":
                stem = {"train": "train", "validation": "validation", "test": "t10k"}[part]
                idx.write(place / f"{stem}-images-idx3-ubyte.gz", digits.images)
                idx.write(place / f"{stem}-labels-idx1-ubyte.gz", digits.labels.astype(np.uint8))
            elif form == "png":
                for name in source.classes:
                    (place / part / name).mkdir(parents=True)
                numbered = list(enumerate(zip(digits.images, digits.labels, strict=True)))
                for number, (image, label) in track(numbered, f"writing {part}"):
                    Image.fromarray(image).save(place / part / source.classes[label] / f"{number:05}.png")
    return folder


def _labels(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], names: np.ndarray[tuple[int], np.dtype[np.str_]]
) -> object:
    """Numbers when the classes are numbers, as everybody expects, else their names."""
    numbered = all(name == str(k) for k, name in enumerate(names))
    return labels.astype(np.uint8) if numbered else names[labels]
