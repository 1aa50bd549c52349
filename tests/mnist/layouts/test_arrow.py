from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from conftest import draw_digits
from tenfold.errors import DataError, FormatError
from tenfold.mnist import sources

SOME = draw_digits(12)


def test_columns_of_pixels_in_parquet(tmp_path: Path) -> None:
    flat = SOME.images.reshape(12, 784)
    parquet.write_table(
        pa.table({"label": SOME.labels, **{str(k): flat[:, k] for k in range(784)}}), tmp_path / "a.parquet"
    )
    parquet.write_table(pa.table({"image": SOME.images.tolist(), "label": SOME.labels}), tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        digits = sources.load(tmp_path / name).parts["train"]
        assert (digits.images == SOME.images).all()
        assert (digits.labels == SOME.labels).all()


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"image": [[1]]}, "has the columns image: one must be called label"),
        ({"label": [1, None], "image": [[1], [2]]}, "has no label in 1 of 2 rows"),
        ({"label": [1], "sound": [b"x"]}, "one must be called image"),
        ({"label": [1], "image": ["a.png"]}, "neither the bytes of a picture nor its pixels"),
        ({"label": [1], "image": [b"no picture"]}, r"cannot read the picture in row 0 of .*a\.parquet"),
    ],
)
def test_parquet_of_something_else(tmp_path: Path, columns: dict[str, list[object]], says: str) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(FormatError if "columns" in says or "neither" in says else DataError, match=says):
        sources.load(tmp_path / "a.parquet")


def test_damaged_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more PAR1")
    (tmp_path / "b.arrow").write_bytes(b"no stream")
    for name in ("a.parquet", "b.arrow"):
        with pytest.raises(DataError, match="cannot read"):
            sources.load(tmp_path / name)


def test_what_hugging_face_calls_the_labels(tmp_path: Path) -> None:
    info = b'{"info": {"features": {"label": {"names": ["cat", "dog"]}}}}'
    table = pa.table({"image": SOME.images[:2].tolist(), "label": np.array([1, 0])})
    parquet.write_table(table.replace_schema_metadata({b"huggingface": info}), tmp_path / "a.parquet")
    assert sources.load(tmp_path / "a.parquet").classes == ("cat", "dog")
    parquet.write_table(
        table.replace_schema_metadata({b"huggingface": info.replace(b', "dog"', b"")}), tmp_path / "b.parquet"
    )
    with pytest.raises(FormatError, match="there are 1 classes"):
        sources.load(tmp_path / "b.parquet")
