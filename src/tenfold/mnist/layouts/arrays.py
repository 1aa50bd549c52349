"""Arrays in files: IDX, NumPy's .npz and .npy, MATLAB's .mat, LIBSVM's format."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, FormatError, one_line
from tenfold.mnist import idx, packed
from tenfold.mnist.layouts.raw import JOINED, PARTS, TURNED, Raw, by_part, emnist, part_of, upright

_IDX = re.compile(r"(?P<stem>.*?)images(?P<dot>[-.])idx3(?P<rest>[-.]ubyte)?(?P<gz>\.gz)?$")
_LARGEST = 65_536  # pixels of an image in LIBSVM's format
# Words in the names of arrays and files, those first that count most.
_IMAGES = ("images", "imgs", "image", "img", "x", "data", "features", "pixels", "inputs")
_LABELS = ("labels", "label", "y", "targets", "target", "lbls", "classes", "class", "digits", "digit")
_SAID = {"set", "mnist", "arr"}  # which say nothing


def read_idx(path: Path, files: Iterable[Path]) -> Raw:
    """The sets in IDX files of images, beside which their labels are. Raises DataError, FormatError."""
    once = {file.with_name(file.name.removesuffix(".gz")): file for file in sorted(files)}  # some are there plain too
    raw = Raw()
    whole = path if path.is_dir() else path.parent
    for part, file in by_part(path, once.values(), lambda file: str(file.relative_to(whole))).items():
        labels = _idx_labels(file)
        images, numbers = idx.read(file), idx.read(labels)
        if numbers.ndim == 2 and "idx2" in labels.name:  # QMNIST's say more of each digit
            numbers = numbers[:, 0]
        if images.ndim != 3 or numbers.ndim != 1:
            raise FormatError(f"{file} and {labels.name} must have 3 and 1 dimensions, images and labels")
        raw.parts[part] = emnist(file, images, numbers, raw)
        raw.used |= {file, labels}
    return raw


def _idx_labels(file: Path) -> Path:
    match = _IDX.match(file.name)
    assert match
    name = f"{match['stem']}labels{match['dot']}idx1{match['rest'] or ''}"
    several = name.replace("idx1", "idx2").replace("ubyte", "int")
    for one in (name, several):
        for end in ("", ".gz"):
            for place in (file.parent, file.parent.parent / (one + end)):  # or each in a folder of its own name
                if (place / (one + end)).is_file() and (place == file.parent or file.parent.name == file.name):
                    return place / (one + end)
    raise DataError(f"{file} has no labels beside it: {name} or {name}.gz is missing")


def is_idx(file: Path) -> bool:
    """Whether a file is IDX images by its name."""
    return bool(_IDX.match(file.name)) and file.is_file()


def idx_in(path: Path, only: str = "") -> Raw | None:
    """The IDX files in a folder or, where there are none, one or two folders deeper; `only` those so called."""
    for depth in ("", "raw/", "MNIST/raw/", "*/", "*/*/"):
        files = [file for file in path.glob(f"{depth}*images*idx3*") if is_idx(file) and only in file.name]
        if files:
            return read_idx(path, files)
    return None


def numpy_in(path: Path) -> Raw | None:
    """The .npz and .npy files in a folder: images and labels in files of their own, or one that has all."""
    every = sorted(file for file in path.iterdir() if file.suffix in (".npz", ".npy") and file.is_file())
    pairs = [(file, labels) for file in every if (labels := _partner(file)) is not None]
    if pairs:
        raw = Raw()
        for part, (file, labels) in by_part(path, pairs, lambda pair: pair[0].name).items():
            raw.parts[part] = (_single(file), _single(labels))
            raw.used |= {file, labels}
        return raw
    whole = [file for file in every if file.suffix == ".npz"]
    if len(whole) > 1:
        raise DataError(f"{path} has {', '.join(file.name for file in whole)}: give the path of one")
    return read_npz(whole[0]) if whole else None


def _partner(file: Path) -> Path | None:
    """The file of labels beside one of images: its name with another word in it."""
    beside = {other.name.lower(): other for other in file.parent.iterdir() if other.is_file()}
    tokens = re.split(rf"([^A-Za-z0-9]+|{JOINED.pattern})", file.stem)
    for k, token in enumerate(tokens):
        for word in _LABELS if token.lower() in _IMAGES else ():
            other = beside.get("".join([*tokens[:k], word, *tokens[k + 1 :], file.suffix]).lower())
            if other is not None:
                return other
    return None


def _single(file: Path) -> NDArray[Any]:
    """The one array in a file."""
    arrays = _load(file, lambda names: names)
    if len(arrays) != 1:
        raise FormatError(f"{file} has the arrays {', '.join(arrays)}: one is wanted")
    return next(iter(arrays.values()))


def _load(file: Path, wanted: Callable[[list[str]], Iterable[str]]) -> dict[str, NDArray[Any]]:
    """Of the arrays in a file those whose names are wanted; an .npy's has none."""
    try:
        return packed.arrays(file, wanted)
    except DataError:
        raise
    except Exception as error:  # numpy raises a dozen kinds here: zipfile, zlib, header and OS errors
        if not file.stat().st_size:
            raise DataError(f"{file} is empty: fetch or save it again") from error
        raise DataError(f"cannot read {file}: {one_line(error)[:200]}") from error


def read_npz(path: Path) -> Raw:
    """The arrays in an .npz by their usual names. Raises DataError, FormatError."""
    every: list[str] = []

    def wanted(names: list[str]) -> list[str]:
        every.extend(names)
        return [name for pair in _named(names).values() for name in pair]

    arrays, parts = _load(path, wanted), _named(every)
    if not parts:
        keys = ", ".join(every) or "none"
        raise FormatError(f"{path} has the arrays {keys}: name them images and labels, or x_train and y_train")
    left = [name for name in every if name not in {name for pair in parts.values() for name in pair}]
    return Raw(
        {part: (arrays[images], arrays[labels]) for part, (images, labels) in parts.items()},
        notes=[f"left out: the arrays {', '.join(left)}"] if left else [],
        used={path},
    )


def read_pair(path: Path) -> Raw:
    """The images in an .npy, and the labels in that beside it. Raises DataError, FormatError."""
    labels = _partner(path)
    if labels is None:
        raise DataError(f"{path} has no labels beside it: call the two x_train.npy and y_train.npy, or X.npy and y.npy")
    return Raw({part_of(path.stem) or "train": (_single(path), _single(labels))}, used={path, labels})


def _named(names: list[str]) -> dict[str, tuple[str, str]]:
    """The names of images and labels of each part, among those of arrays."""
    if names == ["arr_0", "arr_1"]:  # as numpy calls what has no names
        return {"train": ("arr_0", "arr_1")}
    best: dict[tuple[str, bool], tuple[int, str]] = {}
    for name in names:
        words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", JOINED.sub("_", name)) if word]
        its = [word for word in words if part_of(word) is None and word not in _SAID]
        part = part_of("_".join(words)) or "train"
        for of, known in ((True, _IMAGES), (False, _LABELS)):
            if len(its) == 1 and its[0] in known:
                best[part, of] = min(best.get((part, of), (len(known), "")), (known.index(its[0]), name))
    return {
        part: (best[part, True][1], best[part, False][1])
        for part in PARTS
        if {(part, True), (part, False)} <= best.keys()
    }


def mat_in(path: Path) -> Raw | None:
    """The only .mat in a folder."""
    every = sorted(path.glob("*.mat"))
    if len(every) > 1:
        return _mats(path, every)
    return read_mat(every[0]) if every else None


def _mats(path: Path, every: list[Path]) -> Raw:
    """Several .mat, each of a part."""
    raw = Raw()
    for part, file in by_part(path, every, lambda file: file.name).items():
        one = read_mat(file)
        raw.parts[part] = one.parts.get("train") or next(iter(one.parts.values()))
        raw.classes, raw.notes, raw.used = one.classes, one.notes, raw.used | one.used
    return raw


def read_mat(path: Path) -> Raw:
    """MATLAB's arrays: those of EMNIST, or by their usual names. Those that count from 1 run by columns.

    Raises DataError, FormatError.
    """
    from scipy.io import loadmat

    try:
        found = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    except NotImplementedError as error:
        raise FormatError(f"{path} is of MATLAB 7.3: save it by save(..., '-v7')") from error
    except Exception as error:  # damaged files make SciPy raise nearly anything
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    raw = Raw(used={path})
    if "dataset" in found and found["dataset"].dtype.names:
        return _emnist(found["dataset"][0, 0], raw)
    for part, (images, labels) in _named(list(found)).items():
        pixels, numbers = found[images], found[labels].ravel()
        if pixels.ndim in (2, 3, 4) and pixels.shape[-1] == len(numbers) != len(pixels):
            pixels = np.moveaxis(pixels, -1, 0)
        if set(np.unique(numbers).tolist()) <= set(range(1, 11)) and 10 in numbers:
            numbers = numbers % 10
            raw.notes = ["the label 10 is a 0, as MATLAB counts from 1"]
            if pixels.ndim == 2:
                pixels = upright(pixels)
                raw.notes.append("turned upright, as MATLAB lays pictures out by columns")
        raw.parts[part_of(path.stem) or part] = (pixels, numbers)
    if not raw.parts:
        raise FormatError(
            f"{path} has the arrays {', '.join(found) or 'none'}: name them images and labels, or X and y"
        )
    return raw


def _emnist(dataset: Any, raw: Raw) -> Raw:
    """EMNIST's structure: parts with images (N, 784) and labels, and of each label the code of its sign."""
    codes = {int(row[0]): int(row[-1]) for row in dataset["mapping"]}
    order = sorted(codes)
    raw.classes, raw.notes = tuple(chr(codes[label]) for label in order), [TURNED]
    for part in ("train", "test"):
        its = dataset[part][0, 0]
        numbers = its["labels"].ravel().astype(np.int64)
        if not set(np.unique(numbers).tolist()) <= set(order):
            raise FormatError("a label of it is not in its mapping")
        raw.parts[part] = (upright(its["images"]), np.searchsorted(order, numbers))
    return raw


def is_svm(file: Path) -> bool:
    """Whether a file is in LIBSVM's format by its name, as those of USPS are."""
    name = file.name.lower().removesuffix(".bz2")
    return file.is_file() and (name.endswith((".libsvm", ".svm", ".scale", ".t")) or name == "usps")


def svm_in(path: Path) -> Raw | None:
    """The files in LIBSVM's format in a folder."""
    files = sorted(filter(is_svm, path.iterdir()))
    return read_svm(path, files) if files else None


def read_svm(path: Path, files: Iterable[Path]) -> Raw:
    """Lines such as `3 1:-1 2:0.5`: a label and pixels by their number, of which those that are 0 are missing.

    Raises DataError, FormatError.
    """
    raw = Raw()
    names = {file: file.name.removesuffix(".bz2").replace(".t", ".test") for file in files}
    for part, file in by_part(path, names, names.__getitem__).items():
        try:
            with packed.text(file, "ascii") as opened:
                rows = [line.split() for line in packed.lines(opened, file) if line.strip()]
            pairs = [[pixel.split(":") for pixel in row[1:]] for row in rows]
            labels = np.array([float(row[0]) for row in rows])
            numbers = [int(number) for row in pairs for number, _ in row]
            if not 1 <= min(numbers) <= max(numbers) <= _LARGEST:
                raise ValueError
            side = int(np.ceil(np.sqrt(max(numbers))))
            images = np.zeros((len(rows), side * side))
            for image, row in zip(images, pairs, strict=True):
                image[[int(number) - 1 for number, _ in row]] = [float(value) for _, value in row]
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
        except (ValueError, IndexError) as error:
            raise FormatError(f"{file} is not in LIBSVM's format: a label, then number:value for each pixel") from error
        if images.min() < 0:
            images = (images - images.min()) / np.ptp(images)
        if labels.min() == 1 and labels.max() == 10:
            labels, raw.notes = labels - 1, ["the label 1 is a 0, and 10 a 9"]
        raw.parts[part] = (images, labels)
        raw.used.add(file)
    return raw
