"""Write digits in the formats that other tools read."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold import files
from tenfold.errors import UsageError, nearest
from tenfold.mnist import idx
from tenfold.mnist.digits import Track, untracked
from tenfold.mnist.sources import Source

FORMATS = ("idx", "png", "npz")
_SHORT = {"train": "train", "validation": "val", "test": "test"}  # in the names of .npz files


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
            names, plain = np.array(source.classes), source.classes == tuple(map(str, range(len(source.classes))))
            arrays: dict[str, Any] = {f"x_{_SHORT[part]}": digits.images for part, digits in source.parts.items()}
            for part, digits in source.parts.items():  # numbers where the classes are numbers, as everybody expects
                arrays[f"y_{_SHORT[part]}"] = digits.labels.astype(np.uint8) if plain else names[digits.labels]
            np.savez_compressed(place / "mnist.npz", **arrays)
        for part, digits in source.parts.items():
            if form == "idx":
                stem = "t10k" if part == "test" else part
                idx.write(place / f"{stem}-images-idx3-ubyte.gz", digits.images)
                idx.write(place / f"{stem}-labels-idx1-ubyte.gz", digits.labels.astype(np.uint8))
            elif form == "png":
                for name in source.classes:
                    (place / part / name).mkdir(parents=True)
                numbered = list(enumerate(zip(digits.images, digits.labels, strict=True)))
                for number, (image, label) in track(numbered, f"writing {part}"):
                    Image.fromarray(image).save(place / part / source.classes[label] / f"{number:05}.png")
    return folder
