"""A picture of any kind as grey values."""

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tenfold.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".jp2", ".avif"}
SUFFIXES |= {".pbm", ".pgm", ".ppm", ".pnm", ".tga", ".heic", ".heif"}
LARGEST = 2**26  # pixels


def is_picture(file: Path) -> bool:
    """Whether a file is a picture by its name."""
    return file.suffix.lower() in SUFFIXES


def picture(source: Path | bytes, name: str | None = None) -> NDArray[np.uint8]:
    """A picture, a file or its bytes, as grey values (H, W), transparent ground white, or black under white ink.

    Raises DataError, which calls it by its `name`, for one that cannot be read.
    """
    if isinstance(source, Path) and source.suffix.lower() in (".heic", ".heif"):
        with suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener()
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            image: Image.Image = opened
            if image.width * image.height > LARGEST:
                raise ValueError(f"it has {image.width:,} x {image.height:,} pixels, and {LARGEST:,} are the most")
            if "A" in image.getbands() or "transparency" in image.info:
                clear = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), clear)
                if not np.ptp(np.asarray(image), axis=(0, 1)).any():  # white ink is not seen on white
                    image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), clear)
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith(("I", "F")):  # more than 8 bits a pixel, which convert("L") would cut off
                values = np.asarray(image, np.float64)
                return np.clip(values / (257 if values.max() > 255 else 1), 0, 255).round().astype(np.uint8)
            return np.asarray(image.convert("L"))
    except MemoryError:
        raise
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        what = "it is empty, or of no known kind" if isinstance(error, UnidentifiedImageError) else error
        raise DataError(f"cannot read the picture {name or str(source)}: {what}; mend or remove it") from error
