"""Sets that are known by a name: where their owners' packages put them, and how their classes are called."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenfold.errors import DataError

_FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_ORGANS = (
    *(
        "bladder",
        "left femur",
        "right femur",
        "heart",
        "left kidney",
        "right kidney",
        "liver",
        "left lung",
        "right lung",
    ),
    *("pancreas", "spleen"),
)
_TISSUE = (
    *("collecting duct", "distal tubule", "glomerular endothelium", "interstitial endothelium", "leukocytes"),
    *("podocytes", "proximal tubule", "thick ascending limb"),
)
_EYES = ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal")
_NIST = "https://www.nist.gov/itl/products-and-services/emnist-dataset (gzip.zip)"


@dataclass(frozen=True)
class _Set:
    """A set: its classes, unless its labels say them, where to get it, and what folder of torchvision's has it."""

    source: str
    classes: tuple[str, ...] | None = None
    torchvision: str = ""
    only: str = ""  # of the files in a folder those that are so called
    ink: bool = True  # on a ground that may be light


SETS: dict[str, _Set] = {
    "fashion-mnist": _Set(
        "Debian's package dataset-fashion-mnist, or https://github.com/zalandoresearch/fashion-mnist",
        _FASHION,
        "FashionMNIST/raw",
        ink=False,
    ),
    "kmnist": _Set(
        "https://codh.rois.ac.jp/kmnist/", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), "KMNIST/raw"
    ),
    "qmnist": _Set("https://github.com/facebookresearch/qmnist", torchvision="QMNIST/raw"),
    "usps": _Set("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html (usps.bz2, usps.t.bz2)"),
    "kannada": _Set("https://github.com/vinayprabhu/Kannada_MNIST"),
    **{
        f"emnist-{split}": _Set(_NIST, torchvision="EMNIST/raw", only=f"emnist-{split}-")
        for split in ("letters", "balanced", "digits", "mnist", "bymerge", "byclass")
    },
    **{
        name: _Set("https://medmnist.com (or the package medmnist)", classes, ink=False)
        for name, classes in (
            ("pneumoniamnist", ("normal", "pneumonia")),
            ("breastmnist", ("malignant", "normal or benign")),
            ("octmnist", _EYES),
            ("tissuemnist", _TISSUE),
            ("organamnist", _ORGANS),
            ("organcmnist", _ORGANS),
            ("organsmnist", _ORGANS),
        )
    },
}


@dataclass(frozen=True)
class Found:
    """Where a set is, the names of its classes unless its labels say them, and how it is read."""

    place: Path
    classes: tuple[str, ...] | None
    only: str
    ink: bool


def find(name: str) -> Found:
    """A set on this machine. Raises DataError that says where to get its files and where to put them."""
    its = SETS[name]
    for place in _places(name, its):
        if place.is_file() or (place.is_dir() and any(place.glob(f"*{its.only}*"))):
            return Found(place, its.classes, its.only if place.is_dir() else "", its.ink)
    raise DataError(
        f"{name} is not on this machine: get its files from {its.source}\nand put them into data/{name}/ here"
    )


def _places(name: str, its: _Set) -> Iterator[Path]:
    """Where a set may be: in data/, where torchvision, Keras, Hugging Face and MedMNIST put it, and Debian."""
    home = Path.home()
    word = name.replace("-", "_")
    for root in (Path("data"), Path(), home / "data", home / "datasets"):
        yield root / name
        if its.torchvision:
            yield root / its.torchvision
        if name == "usps":
            yield root / "usps.bz2"
    yield home / ".keras" / "datasets" / name
    yield home / ".medmnist" / f"{name}.npz"
    cache = Path(os.environ.get("HF_HOME") or home / ".cache" / "huggingface")
    yield from sorted((cache / "hub").glob(f"datasets--*{word}/snapshots/*"))
    yield from sorted((cache / "datasets").glob(f"*__{word}/*/*/*"))
    yield Path("/usr/share/datasets") / name
