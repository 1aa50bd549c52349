import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from conftest import draw_digits
from tenfold.errors import DataError, FormatError
from tenfold.mnist import sources

SOME = draw_digits(12)
PIXELS = [",".join(map(str, image.ravel())) for image in SOME.images]
NAMES = ",".join(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (f"label,{NAMES}", [f"{k},{row}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (f"{NAMES},class", [f"{row},{k}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (f"id,label,{NAMES}", [f"9,{k},{row}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (f"Unnamed: 0,{NAMES},y", [f"9,{row},{k}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (None, [f"{row},{k}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (None, [f"{k}.0,{row}" for k, row in zip(SOME.labels, PIXELS, strict=True)]),
        (
            ",".join(["0", *(f"0.{k}" for k in range(784))]),
            [f"{k},{r}" for k, r in zip(SOME.labels, PIXELS, strict=True)],
        ),
        (
            "label;" + NAMES.replace(",", ";"),
            [f'"{k}";{r}'.replace(",", ";") for k, r in zip(SOME.labels, PIXELS, strict=True)],
        ),
    ],
)
def test_a_table_of_pixels_in_every_usual_form(tmp_path: Path, head: str | None, rows: list[str]) -> None:
    text = "\r\n".join([*([head] if head else []), *rows])
    (tmp_path / "a.csv").write_text(text, encoding="utf-8-sig")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.csv", "b.csv.gz"):
        digits = sources.load(tmp_path / name).parts["train"]
        assert (digits.images == SOME.images).all()
        assert (digits.labels == SOME.labels).all()


def test_columns_of_pixels_in_another_order(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(784)
    names = [f"pixel{k}" for k in order]
    shuffled = SOME.images.reshape(-1, 784)[:, order]
    rows = "\n".join(f"{k}," + ",".join(map(str, row)) for k, row in zip(SOME.labels, shuffled, strict=True))
    (tmp_path / "a.csv").write_text(f"label,{','.join(names)}\n{rows}\n")
    columns = dict(zip(names, shuffled.T, strict=True))
    parquet.write_table(pa.table({"label": SOME.labels} | columns), tmp_path / "a.parquet")
    for file in tmp_path.iterdir():
        assert np.array_equal(sources.load(file).parts["train"].images, SOME.images)


def test_labels_that_are_letters_and_pixels_that_are_fractions(tmp_path: Path) -> None:
    rows = [",".join(f"{value / 255:.6f}" for value in image.ravel()) for image in SOME.images[:2]]
    (tmp_path / "a.csv").write_text(f"label,{NAMES}\nB,{rows[0]}\nA,{rows[1]}\n")
    source = sources.load(tmp_path / "a.csv")
    assert source.classes == ("A", "B")
    assert source.parts["train"].labels.tolist() == [1, 0]
    assert (source.parts["train"].images == SOME.images[:2]).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has 1 columns and is no table of digits: a row needs a label and a square of pixels"),
        (",".join(["9"] * 786), "has 786 columns and is no table of digits"),
        ("name,age\nanna,3\n", "is no table of digits"),
        (f"label,{NAMES}\n", "has no images"),
        (f"label,{NAMES}\n1,2,3\n", "has 3 columns in line 2, and 785 or more are wanted"),
        (
            f"label,{NAMES}\n1,{PIXELS[0]}\n1,,{PIXELS[0].partition(',')[2]}\n",
            "has 'nothing' in line 3, column 2, and no number",
        ),
        (f"label,{NAMES}\n1,{PIXELS[0]}\n2,{PIXELS[1]},7,7\n3,dog\n", "has 2 columns in line 4"),
        (f"label,{NAMES}\n7,{PIXELS[0].replace(',0', ',-4', 1)}\n", "values from -4"),
        ("file,label\nmissing.png,3\n", "is no table of digits"),
        ("file,label\n0.png,3\ngone.png,4\n", r"names gone\.png, and there is no such picture"),
        ("file,label\n0.png,3\n0.png\n", "has 1 columns in row 2, and 2 before"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    Image.fromarray(SOME.images[0]).save(tmp_path / "0.png")
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        sources.load(tmp_path / "a.csv")


def test_a_list_of_pictures_beside_them_and_without_a_header(tmp_path: Path) -> None:
    for k in range(4):
        Image.fromarray(SOME.images[k]).save(tmp_path / f"{k}.png")
    (tmp_path / "a.csv").write_text("".join(f"{k}.png,{SOME.labels[k]}\n" for k in range(4)))
    for place in (tmp_path, tmp_path / "a.csv"):
        digits = sources.load(place).parts["train"]
        assert (digits.images == SOME.images[:4]).all()
        assert (digits.labels == SOME.labels[:4]).all()
    Image.fromarray(SOME.images[5]).save(tmp_path / "0.png")  # what a table names is looked at again too
    assert (sources.load(tmp_path / "a.csv").parts["train"].images[0] == SOME.images[5]).all()


def test_names_are_not_looked_for_in_thousands_of_columns(tmp_path: Path) -> None:
    Image.fromarray(SOME.images[0]).save(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text(",".join(["a.png", "1"] + ["x"] * 1000), encoding="utf-8")
    with pytest.raises(FormatError, match="has 1002 columns and is no table of digits"):
        sources.load(tmp_path / "list.csv")


@pytest.mark.parametrize("name", ["{}.png", "images/part/{}.png", "part\\{}.png", "./images/part/{}", "{}"])
def test_a_list_of_pictures_that_lie_deeper(tmp_path: Path, name: str) -> None:
    (tmp_path / "images" / "part").mkdir(parents=True)
    for k in range(4):
        Image.fromarray(SOME.images[k]).save(tmp_path / "images" / "part" / f"{k}.png")
    rows = [f"{name.format(k)},{SOME.labels[k]}\n" for k in range(4)]
    (tmp_path / "labels.csv").write_text("".join(["file,label\n", *rows]))
    digits = sources.load(tmp_path).parts["train"]
    assert (digits.images == SOME.images[:4]).all()
    assert (digits.labels == SOME.labels[:4]).all()


def test_a_table_with_blank_lines_spaces_and_missing_labels(tmp_path: Path) -> None:
    rows = [f"{label},{pixels}" for label, pixels in zip(SOME.labels[:2], PIXELS[:2], strict=True)]
    for text in ("\n\n".join([f"label,{NAMES}", *rows]), "\n".join(rows).replace(",", " ")):
        (tmp_path / "a.csv").write_text(text)
        assert (sources.load(tmp_path).parts["train"].images == SOME.images[:2]).all()
    (tmp_path / "a.csv").write_text("\n".join([f"label,{NAMES}", rows[0], f",{PIXELS[1]}"]))
    with pytest.raises(FormatError, match="has no label in line 3"):
        sources.load(tmp_path)
    (tmp_path / "a.csv").write_text(rows[0], encoding="utf-16")
    with pytest.raises(DataError, match=r"a\.csv is no text in UTF-8"):
        sources.load(tmp_path)
    (tmp_path / "a.csv").write_text(f"0,{rows[0]}\n1,{rows[1]}\n")
    with pytest.raises(FormatError, match="has 786 columns and is no table of digits"):
        sources.load(tmp_path)


@pytest.mark.parametrize("head", ["", "label\n"])
def test_labels_in_a_file_of_their_own(tmp_path: Path, head: str) -> None:
    labels = head + "".join(f"{label}\n" for label in SOME.labels)
    names = (
        ("csvTrainImages 12x784.csv", "csvTrainLabel 12x1.csv"),
        ("csvTestImages 12x784.csv", "csvTestLabel 12x1.csv"),
    )
    for images, beside in names:
        (tmp_path / images).write_text("\n".join(PIXELS))
        (tmp_path / beside).write_text(labels)
    source = sources.load(tmp_path)
    assert not source.notes
    for digits in (source.parts["train"], source.parts["test"]):
        assert (digits.images == SOME.images).all()
        assert (digits.labels == SOME.labels).all()
    for text in (labels + "1\n", head + "1\n", labels.replace("\n", ",1\n")):
        (tmp_path / names[1][1]).write_text(text)
        with pytest.raises(FormatError, match=r"csvTestLabel 12x1\.csv must have 12 labels, one in each line"):
            sources.load(tmp_path)
