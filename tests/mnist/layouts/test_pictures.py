from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import draw_digits
from tenfold.errors import DataError
from tenfold.mnist.layouts.pictures import is_picture, picture

IMAGE = draw_digits(1).images[0]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm", ".tga"])
def test_a_picture_of_any_kind(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix.upper()}"
    Image.fromarray(IMAGE).save(
        file, suffix[1:] if suffix not in (".tif", ".pgm") else {".tif": "TIFF", ".pgm": "PPM"}[suffix]
    )
    assert is_picture(file)
    assert (picture(file) == IMAGE).all()
    assert (picture(file.read_bytes()) == IMAGE).all()


def test_heic(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(IMAGE).convert("RGB")).save(tmp_path / "a.heic", quality=-1)
    assert np.abs(picture(tmp_path / "a.heic").astype(int) - IMAGE).mean() < 3


def test_a_damaged_picture_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(DataError, match=r"cannot read the picture .*a\.png.*mend or remove it"):
        picture(tmp_path / "a.png")
    with pytest.raises(DataError, match="cannot read the picture in row 3"):
        picture(b"no picture", "in row 3")


def test_white_ink_on_nothing(tmp_path: Path) -> None:
    ink = Image.fromarray(draw_digits(1).images[0])
    for colour, wanted in (("white", np.asarray(ink)), ("black", 255 - np.asarray(ink))):
        image = Image.new("RGB", ink.size, colour)
        image.putalpha(ink)
        image.save(tmp_path / "a.png")
        assert np.abs(picture(tmp_path / "a.png").astype(int) - wanted).max() <= 1
