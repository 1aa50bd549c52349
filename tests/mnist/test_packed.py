import gzip
import io
import resource
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.errors import DataError, TooLargeError
from tenfold.mnist import packed, sources


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LARGEST", 2**20)


def header(shape: tuple[int, ...]) -> bytes:
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return written.getvalue()


@pytest.mark.parametrize("name", ["a-images-idx3-ubyte.gz", "a.csv.gz", "a.npz"])
def test_what_unpacks_to_more_than_it_may_is_refused(name: str, tmp_path: Path) -> None:
    zeros = bytes(4 * 2**20)
    if name.endswith(".gz"):
        (tmp_path / "a-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\0"))
        (tmp_path / name).write_bytes(gzip.compress(b"1,0,0,0,0\n" * 2**19 if "csv" in name else zeros))
    else:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", header((len(zeros),)) + zeros)
    with pytest.raises(TooLargeError, match="times its own size"):
        sources.load(tmp_path / name)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LONGEST", 1000)
    (tmp_path / "a.csv").write_text("1," * 1000)
    with pytest.raises(TooLargeError, match="a line of more than"):
        sources.load(tmp_path / "a.csv")


@pytest.mark.parametrize("shape", [(2**40, 28, 28), (-1, 28, 28), (10**30,)])
def test_the_size_of_an_array_is_compared_before_it_is_made(shape: tuple[int, ...], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("images.npy", "labels.npy"):
            archive.writestr(name, header(shape) + bytes(100))
    with pytest.raises(DataError, match="is damaged: an array of the shape"):
        sources.load(tmp_path / "a.npz")


def test_arrays_are_those_that_numpy_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    every: dict[str, Any] = {
        "f": np.asfortranarray(rng.random((3, 4))),
        "b": rng.random((2, 2)).astype(">f4"),
        "s": np.array(["a", "ü"]),
    }
    every |= {"none": np.zeros((0, 3)), "one": np.array(7)}
    np.savez_compressed(tmp_path / "a.npz", **every)
    found = packed.arrays(tmp_path / "a.npz", lambda names: names)
    assert {name: (array.dtype, array.tolist()) for name, array in found.items()} == {
        name: (array.dtype, array.tolist()) for name, array in every.items()
    }


def test_memory_has_an_end_and_is_given_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), packed.memory(0):
        bytearray(2**30)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_whatever_a_library_raises_is_one_of_our_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    for error, kind in ((KeyError("x"), DataError), (MemoryError(), TooLargeError), (RecursionError(), DataError)):
        monkeypatch.setattr("tenfold.mnist.layouts.reading.read", lambda *_, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(kind, match=r"a\.csv"):
            sources.load(tmp_path / "a.csv")
