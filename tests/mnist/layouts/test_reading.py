"""Every layout in which MNIST is passed round is read, and what is not read is said."""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from scipy.io import savemat

from conftest import draw_digits
from mnist.test_sources import write_classes
from tenfold.errors import DataError, FormatError
from tenfold.mnist import idx, sources
from tenfold.mnist.digits import Digits

GUIDE = Path(__file__).parents[3] / "docs" / "data.md"
TRAIN, TEST = draw_digits(40), draw_digits(10, seed=1)
PARTS = {"train": TRAIN, "test": TEST}


def folders(
    suffix: str = ".png", names: tuple[str, str] = ("train", "test"), deeper: str = ""
) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name, digits in zip(names, PARTS.values(), strict=True):
            for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
                place = folder / name / str(label) / deeper
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(place / f"{number}{suffix}", lossless=True)
        return folder

    return write


def idx_files(inside: str = "", stem: str = "{}-", dot: str = "-", test: str = "t10k", *, turned: bool = False) -> Any:
    def write(folder: Path) -> Path:
        (folder / inside).mkdir(parents=True, exist_ok=True)
        for name, digits in (("train", TRAIN), (test, TEST)):
            images = digits.images.swapaxes(1, 2) if turned else digits.images
            start = folder / inside / stem.format(name)
            idx.write(Path(f"{start}images{dot}idx3-ubyte"), np.ascontiguousarray(images))
            idx.write(Path(f"{start}labels{dot}idx1-ubyte.gz"), digits.labels.astype(np.uint8))
        return folder

    return write


def qmnist(folder: Path) -> Path:
    for name, digits in PARTS.items():
        idx.write(folder / f"qmnist-{name}-images-idx3-ubyte", digits.images)
        rows = np.zeros((len(digits), 8), ">i4")
        rows[:, 0] = digits.labels
        head = bytes([0, 0, 12, 2]) + len(digits).to_bytes(4, "big") + (8).to_bytes(4, "big")
        (folder / f"qmnist-{name}-labels-idx2-int.gz").write_bytes(gzip.compress(head + rows.tobytes()))
    return folder


def npz(
    images: str = "x_{}", labels: str = "y_{}", change: Callable[[Any], Any] = lambda labels: labels
) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        arrays: dict[str, Any] = {images.format(name): digits.images for name, digits in PARTS.items()}
        arrays |= {labels.format(name): change(digits.labels) for name, digits in PARTS.items()}
        np.savez(folder / "digits.npz", **arrays)
        return folder / "digits.npz"

    return write


def files_of(images: str, labels: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        save: Any = np.save if images.endswith(".npy") else np.savez
        for name, digits in PARTS.items():
            save(folder / images.format(name), digits.images)
            save(folder / labels.format(name), digits.labels)
        return folder

    return write


def rows(digits: Digits, *, label: bool = True) -> list[str]:
    pixels = [",".join(map(str, image.ravel())) for image in digits.images]
    return [f"{k},{row}" for k, row in zip(digits.labels, pixels, strict=True)] if label else pixels


def kaggle(folder: Path) -> Path:
    names = ",".join(f"pixel{k}" for k in range(784))
    (folder / "train.csv").write_text("\n".join([f"label,{names}", *rows(TRAIN)]))
    (folder / "test.csv").write_text("\n".join([names, *rows(TEST, label=False)]))
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    return folder


def csv_without_header(folder: Path) -> Path:
    for name, digits in PARTS.items():
        (folder / f"mnist_{name}.csv").write_text("\n".join(rows(digits)) + "\n")
    return folder


def labels_beside(folder: Path) -> Path:
    for name, digits in PARTS.items():
        (folder / f"{name}_images.csv").write_text("\n".join(rows(digits, label=False)))
        (folder / f"{name}_labels.csv").write_text("\n".join(map(str, digits.labels)))
    return folder


def listed(folder: Path) -> Path:
    (folder / "images").mkdir()
    lines = ["file,label,split"]
    for name, digits in PARTS.items():
        for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
            Image.fromarray(image).save(folder / "images" / f"{name}{number}.png")
            lines.append(f"{name}{number},{label},{name}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def table(digits: Digits, folder: Path) -> pa.Table:
    content = []
    for image in digits.images:
        Image.fromarray(image).save(folder / "one.png")
        content.append({"bytes": (folder / "one.png").read_bytes(), "path": "one.png"})
    (folder / "one.png").unlink()
    names = {"info": {"features": {"label": {"names": list("0123456789"), "_type": "ClassLabel"}}}}
    made = pa.table({"image": content, "label": digits.labels})
    return made.replace_schema_metadata({"huggingface": json.dumps(names)})


def hugging_face(folder: Path) -> Path:
    (folder / "mnist").mkdir()
    parquet.write_table(table(TRAIN.take(slice(25)), folder), folder / "mnist" / "train-00000-of-00002.parquet")
    parquet.write_table(table(TRAIN.take(slice(25, None)), folder), folder / "mnist" / "train-00001-of-00002.parquet")
    parquet.write_table(table(TEST, folder), folder / "mnist" / "test-00000-of-00001.parquet")
    return folder


def saved_to_disk(folder: Path) -> Path:
    for name, digits in PARTS.items():
        (folder / name).mkdir()
        made = table(digits, folder)
        with pa.ipc.new_stream(str(folder / name / "data-00000-of-00001.arrow"), made.schema) as stream:
            stream.write_table(made)
    return folder


def emnist_mat(folder: Path) -> Path:
    part = {
        name: {"images": digits.images.swapaxes(1, 2).reshape(len(digits), 784), "labels": digits.labels[:, None]}
        for name, digits in PARTS.items()
    }
    mapping = np.array([[k, 48 + k] for k in range(10)])
    savemat(folder / "emnist-digits.mat", {"dataset": {**part, "mapping": mapping}})
    return folder / "emnist-digits.mat"


def matlab(folder: Path) -> Path:
    for name, digits in PARTS.items():
        labels = np.where(digits.labels == 0, 10, digits.labels)[:, None]
        savemat(folder / f"{name}_28x28.mat", {"X": np.moveaxis(digits.images, 0, 2), "y": labels})
    return folder


def usps(folder: Path) -> Path:
    for name, digits in (("usps.bz2", TRAIN), ("usps.t.bz2", TEST)):
        lines = [
            " ".join([str(label + 1), *(f"{k}:{value / 127.5 - 1:.6f}" for k, value in enumerate(image.ravel(), 1))])
            for image, label in zip(digits.images, digits.labels, strict=True)
        ]
        (folder / name).write_bytes(bz2.compress("\n".join(lines).encode()))
    return folder


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "class folders of PNG, in `train/` and `test/`": folders(),
    "class folders of BMP, in `training/` and `testing/`": folders(".bmp", ("training", "testing")),
    "class folders of TIFF, in `trainingSet/` and `testSet/`": folders(".tif", ("trainingSet", "testSet")),
    "class folders of WebP, in `data/train/` and `data/valid/`": folders(".webp", ("data/train", "data/valid")),
    "class folders with a folder for each writer: `train/7/anna/1.png`": folders(deeper="anna"),
    "pictures in `images/`, and `labels.csv` with `file,label,split`": listed,
    "MNIST's four IDX files, plain or `.gz`": idx_files(),
    "the same with a point in their names": idx_files(dot="."),
    "torchvision's folder: `FashionMNIST/raw/`": idx_files("FashionMNIST/raw"),
    "EMNIST's IDX files: `emnist-digits-train-images-idx3-ubyte`": idx_files(
        stem="emnist-digits-{}-", test="test", turned=True
    ),
    "QMNIST's: `qmnist-train-labels-idx2-int.gz`": qmnist,
    "Keras's `mnist.npz`: `x_train`, `y_train`, `x_test`, `y_test`": npz(),
    "the same with one 1 in each row of labels": npz(change=lambda labels: np.eye(10)[labels]),
    "MedMNIST's `.npz`: `train_images`, `train_labels` (N, 1)": npz(
        "{}_images", "{}_labels", lambda labels: labels[:, None]
    ),
    "KMNIST's: `kmnist-train-imgs.npz`, `kmnist-train-labels.npz`": files_of(
        "kmnist-{}-imgs.npz", "kmnist-{}-labels.npz"
    ),
    "Kannada's: `X_kannada_MNIST_train.npz`, `y_kannada_MNIST_train.npz`": files_of(
        "X_kannada_MNIST_{}.npz", "y_kannada_MNIST_{}.npz"
    ),
    "`x_train.npy`, `y_train.npy`": files_of("x_{}.npy", "y_{}.npy"),
    "Kaggle's `train.csv` and `test.csv`: `label,pixel0,…`": kaggle,
    "`mnist_train.csv` and `mnist_test.csv` without a header": csv_without_header,
    "`train_images.csv` and `train_labels.csv`": labels_beside,
    "Hugging Face's Parquet, also in shards": hugging_face,
    "Hugging Face's `save_to_disk`": saved_to_disk,
    "EMNIST's `.mat`": emnist_mat,
    "MATLAB's `train_28x28.mat`: `X` (28, 28, N), `y` with 10 for 0": matlab,
    "LIBSVM's `usps.bz2`, `usps.t.bz2`": usps,
}


def happens(source: sources.Source) -> str:
    """What comes of a layout, in words."""
    parts = [f"{name} {len(digits)}" for name, digits in source.parts.items()]
    parts += [] if source.unlabelled is None else [f"without labels {len(source.unlabelled)}"]
    return "; ".join([", ".join(parts), *source.notes])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_read(tmp_path: Path, layout: str) -> None:
    source = sources.load(LAYOUTS[layout](tmp_path))
    assert source.classes == tuple("0123456789")
    for digits, wanted in zip(source.parts.values(), PARTS.values(), strict=False):
        order, known = np.argsort(digits.labels, kind="stable"), np.argsort(wanted.labels, kind="stable")
        assert (digits.labels[order] == wanted.labels[known]).all()
        near = np.abs(np.sort(digits.images.sum((1, 2))) - np.sort(wanted.images.sum((1, 2))))
        assert near.max() < 784  # one grey value a pixel
        if "folders" not in layout:
            assert np.abs(digits.images.astype(int) - wanted.images).max() <= 1
    assert f"| {layout} | {happens(source)} |" in GUIDE.read_text(encoding="utf-8")


def test_the_guide_has_no_other_layouts() -> None:
    shown = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    first = shown.index("| layout, of 40 and 10 digits | what is read |")
    assert [line.split(" | ")[0][2:] for line in shown[first + 2 :]][: len(LAYOUTS)] == list(LAYOUTS)


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", TRAIN)
    write_classes(tmp_path / "more", TEST)
    (tmp_path / "train" / "0" / "scan.psd").write_bytes(b"?")
    (tmp_path / "train" / "0" / ".DS_Store").write_bytes(b"?")
    (tmp_path / "README.md").write_text("what it is")
    assert sources.load(tmp_path).notes == ("left out: more (10 files), train (1 file)",)
    for number in range(5):
        (tmp_path / f"{number}.psd").write_bytes(b"?")
    assert sources.load(tmp_path).notes[0].endswith(".psd and 3 more")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["mnist.zip"], "no data that tenfold reads, but 1 .zip: it is an archive: unpack it first"),
        (["mnist.pkl.gz"], r"where you trust it, in Python: \(x, y\), _, \(u, v\) = pickle.load"),
        (["mnist.tif.gz"], "it is compressed: unpack it first"),
        (["training.pt"], r"1 .pt: in Python: x, y = torch.load\(path\)"),
        (["usps.h5"], "h5py"),
        (["1.png", "2.png"], "put the pictures of each class into a sub-folder of its own"),
        (["one.doc", "two.doc", "three.xls"], "but 2 .doc, 1 .xls: give a folder with"),
        ([], "it is empty: give a folder with"),
    ],
)
def test_what_cannot_be_read_says_how_it_could(tmp_path: Path, names: list[str], says: str) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(DataError, match=says):
        sources.load(tmp_path)


def test_a_file_that_cannot_be_read_says_how_it_could(tmp_path: Path) -> None:
    for name, says in (("a.pickle", "can run any program"), ("a.png", "teaches nothing"), ("a", "give a folder with")):
        (tmp_path / name).write_bytes(b"?")
        with pytest.raises(FormatError, match=says):
            sources.load(tmp_path / name)


def test_idx_that_is_called_otherwise(tmp_path: Path) -> None:
    (tmp_path / "train-images").write_bytes(b"\0\0\x08\x03" + bytes(12))
    for path in (tmp_path, tmp_path / "train-images"):
        with pytest.raises(DataError, match="train-images is IDX: call images train-images-idx3-ubyte"):
            sources.load(path)
