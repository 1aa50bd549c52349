"""Where labelled digits come from: MNIST in the package, or a user's own files.

A user's data is IDX files (plain or .gz, also in torchvision's ROOT/MNIST/raw), an .npz, or a folder with a
sub-folder of pictures per class, itself possibly inside train/, validation/ and test/.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tenfold import greys
from tenfold.errors import DataError, FormatError
from tenfold.mnist import DIGITS, SIDE, embedded, idx
from tenfold.mnist.digits import Digits, split_last, split_stratified

IN_MEMORY = "digits in memory"  # instead of a path, where a run learnt what no file holds
_PICTURES = {".png", ".jpg", ".jpeg"}
_PARTS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation"}
_PARTS |= {"test": "test", "t10k": "test"}
_IDX_IMAGES = re.compile(r"(?P<stem>.*?)images(?P<dot>[-.])idx3(?P<rest>[-.]ubyte)?(?P<gz>\.gz)?$")

Arrays = dict[str, tuple[Any, NDArray[Any]]]  # of each part: images, or a list of them where sizes differ; labels
Track = Callable[[Iterable[Any], str], Iterable[Any]]  # wraps a long iteration, with its description, to show progress


def untracked(iteration: Iterable[Any], description: str) -> Iterable[Any]:  # noqa: ARG001
    """The iteration as it is: progress is not shown."""
    return iteration


@dataclass(frozen=True)
class Source:
    """Labelled digits in up to three parts, before any split is cut.

    `classes` are the names of the labels; `notes` tell what had to be done to fit the data, a sentence each.
    """

    name: str
    train: Digits | None
    validation: Digits | None = None
    test: Digits | None = None
    classes: tuple[str, ...] = DIGITS
    notes: tuple[str, ...] = ()
    embedded: bool = field(default=False, repr=False)

    def split(self, size: float | None = None, *, final: bool = False) -> tuple[Digits, Digits | None]:
        """(training, validation) digits. A validation part that came with the data is kept; else one is cut.

        MNIST gives its last 10,000, other data a stratified share; `size` is a number of digits, or a share below 1.
        `final` keeps everything for training and returns no validation. The test part takes no part in this.

        Raises DataError when there is nothing to train on, UsageError when the size leaves nothing.
        """
        if self.train is None:
            raise DataError(f"{self.name} has a test part only: there is nothing to train on")
        if self.validation is not None:
            return (join(self.train, self.validation), None) if final else (self.train, self.validation)
        if final or size == 0:
            return self.train, None
        train, validation = (split_last if self.embedded else split_stratified)(self.train, size)
        return train, validation if len(validation) else None

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over the images and labels of the training and validation parts, from which a model can learn."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            if part is not None:
                digest.update(np.ascontiguousarray(part.images).data)
                digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()

    @property
    def parts(self) -> dict[str, Digits]:
        """The parts that are there, by name."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: digits for name, digits in parts.items() if digits is not None}


def load(path: str | Path | None = None, *, track: Track = untracked) -> Source:
    """Labelled digits from `path`, or MNIST itself when there is none.

    Raises DataError (or FormatError) when the path is missing, damaged, or none of the kinds that can be read.
    """
    if path is None:
        return Source("MNIST", embedded.read("train"), None, embedded.read("test"), embedded=True)
    if str(path) == IN_MEMORY:
        raise DataError("the digits were in memory: give them to train again as source=…, or other digits as data=…")
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"there is no data at {path}: give IDX files, an .npz, or a folder with a sub-folder per class")
    state = _state(path)
    if state not in _kept:
        _kept.clear()
        _kept[state] = _decoded(path, track)
    return _kept[state]


_kept: dict[bytes, Source] = {}  # what was read last, by its state: trainings one after the other read the same


def _state(path: Path) -> bytes:
    """A digest of the names, sizes and times of all files at a path, and of labels beside a file."""
    digest = hashlib.sha256(f"{path}\0{path.absolute()}\0".encode("utf-8", "surrogateescape"))
    for place in sorted([path, *(path.parent.glob("*labels*") if path.is_file() else path.rglob("*"))]):
        about = place.stat() if place.exists() else place.lstat()
        digest.update(f"{place}\0{about.st_size}\0{about.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _decoded(path: Path, track: Track) -> Source:
    if path.is_file():
        return _from_npz(path) if path.suffix == ".npz" else _from_idx(path, [path])
    for folder in (path, path / "raw", path / "MNIST" / "raw"):
        pairs = sorted(file for file in folder.glob("*images*idx3*") if _IDX_IMAGES.match(file.name))
        if pairs:
            return _from_idx(path, pairs)
    return _from_class_folders(path, track)


def _from_idx(path: Path, image_files: list[Path]) -> Source:
    arrays: Arrays = {}
    kept: dict[str, str] = {}
    for file in image_files:
        match = _IDX_IMAGES.match(file.name)
        if match is None:
            raise FormatError(
                f"{file} is no data that tenfold reads: give IDX files (…images-idx3-ubyte beside …labels-idx1-ubyte, "
                "plain or .gz), an .npz, or a folder with a sub-folder per class"
            )
        words = re.split(r"[^a-z0-9]+", match["stem"].lower())
        part = next((_PARTS[word] for word in words if word in _PARTS), "train")
        if part in arrays:
            if file.name.removesuffix(".gz") == kept[part].removesuffix(".gz"):
                continue  # the same file plain and gzipped
            raise DataError(f"{path} has two sets for {part}, {kept[part]} and {file.name}: give the path of one")
        kept[part] = file.name
        name = f"{match['stem']}labels{match['dot']}idx1{match['rest'] or ''}"
        labels = next((file.with_name(name + end) for end in ("", ".gz") if file.with_name(name + end).is_file()), None)
        if labels is None:
            raise DataError(f"{file} has no labels beside it: {name} or {name}.gz is missing")
        arrays[part] = (idx.read(file), idx.read(labels))
        if arrays[part][0].ndim != 3 or arrays[part][1].ndim != 1:
            raise FormatError(f"{file} and {labels.name} must have 3 and 1 dimensions, images and labels")
    return _source(path, arrays)


_NPZ_KEYS = {  # the names that are in use for each part: (images, labels)
    "train": [
        *(("train_images", "train_labels"), ("x_train", "y_train"), ("X_train", "y_train"), ("images", "labels")),
        *(("x", "y"), ("X", "y"), ("data", "target"), ("data", "targets")),
    ],
    "validation": [("val_images", "val_labels"), ("validation_images", "validation_labels"), ("x_val", "y_val")],
    "test": [("test_images", "test_labels"), ("x_test", "y_test"), ("X_test", "y_test")],
}


def _from_npz(path: Path) -> Source:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays: Arrays = {}
            for part, names in _NPZ_KEYS.items():
                pair = next((pair for pair in names if pair[0] in archive and pair[1] in archive), None)
                if pair is not None:
                    arrays[part] = (archive[pair[0]], archive[pair[1]])
            keys = ", ".join(archive.files)
    except Exception as error:  # numpy raises a dozen kinds here: zipfile, zlib, pickle, header and OS errors
        raise DataError(f"cannot read {path}: {error}") from error
    if not arrays:
        raise FormatError(
            f"{path} has the arrays {keys or 'none'}: name them images and labels, or x_train and y_train"
        )
    return _source(path, arrays)


def _from_class_folders(path: Path, track: Track) -> Source:
    inside: dict[str, Path] = {}
    for folder in sorted(_folders(path)):
        part = _PARTS.get(folder.name.lower())
        if part in inside:
            raise DataError(f"{path} has {inside[part].name} and {folder.name}, which are the same part: keep one")
        if part is not None:
            inside[part] = folder
    parts = inside or {"train": path}
    names = sorted({d.name for part in parts.values() for d in _folders(part)}, key=_natural)
    if not names:
        raise DataError(f"{path} has no data: IDX files, or a sub-folder of PNG or JPEG pictures for each class")
    classes = DIGITS if set(names) <= set(DIGITS) else tuple(names)
    if len(classes) < 2:
        raise DataError(f"{path} has one class only, {names[0]!r}: there must be a sub-folder for each of two or more")
    arrays: Arrays = {}
    for name, folder in parts.items():
        files = [
            (file, label)
            for label, its in enumerate(classes)
            for file in sorted((folder / its).glob("*"), key=lambda file: _natural(file.name))
            if file.suffix.lower() in _PICTURES
        ]
        if not files:
            raise DataError(f"{folder} has no PNG or JPEG pictures in its sub-folders")
        images = [_picture(file) for file, _ in track(files, f"reading {folder.name}")]
        arrays[name] = (images, np.array([label for _, label in files]))
    return _source(path, arrays, classes)


def _folders(path: Path) -> Iterator[Path]:
    return (d for d in path.iterdir() if d.is_dir() and not d.name.startswith("."))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key under which 2 comes before 10, and both before words."""
    pieces = [piece for piece in re.split(r"([0-9]+)", name) if piece]
    return [(False, int(piece), "") if piece[0] in "0123456789" else (True, 0, piece) for piece in pieces]


def _picture(file: Path) -> NDArray[np.uint8]:
    """A picture as grey values (H, W), with transparent ground as white paper."""
    try:
        with Image.open(file) as picture:
            if "A" in picture.getbands() or "transparency" in picture.info:
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))  # type: ignore[assignment]  # noqa: PLW2901
            picture = ImageOps.exif_transpose(picture)  # type: ignore[assignment]  # noqa: PLW2901
            if picture.mode.startswith(("I", "F")):  # more than 8 bits a pixel, which convert("L") would cut off
                values = np.asarray(picture, np.float64)
                return np.clip(values / (257 if values.max() > 255 else 1), 0, 255).round().astype(np.uint8)
            return np.asarray(picture.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read the picture {file}: {error}; mend or remove it") from error


def _source(path: Path, arrays: Arrays, classes: tuple[str, ...] | None = None) -> Source:
    """A Source from the raw images and labels of each part: checked, made 28 x 28, bright ink on a dark ground."""
    notes: list[str] = []
    parts: dict[str, Digits] = {}
    names = classes or _classes([labels for _, labels in arrays.values()], path)
    for name in names:
        if name in ("", ".", "..") or name.startswith(".") or re.search(r"[/\\\x00-\x1f]", name):
            raise DataError(f"{path} has a class called {name!r}: names must be fit for a folder")
    if len(names) > 256:
        raise DataError(f"{path} has {len(names):,} classes: they must be 256 or fewer")
    unlike: dict[str, NDArray[np.bool_]] = {}  # which pictures are not as MNIST's are
    for part, (images, labels) in arrays.items():
        where = f"{path} ({part})" if len(arrays) > 1 else str(path)
        if len(images) != len(labels):
            raise DataError(f"{where} has {len(images):,} images and {len(labels):,} labels: they must be as many")
        if not len(images):
            raise DataError(f"{where} has no images")
        values = _grey(images, where, notes)
        unlike[part] = ~_as_mnist(values)
        numbers = [names.index(str(label)) for label in labels] if labels.dtype.kind == "U" else labels
        parts[part] = Digits(_fit(values, part, notes), np.asarray(numbers, np.int64))
    # Dark ink on light paper is decided once for all that may have it: a digit's outermost pixels are ground.
    edge = np.concatenate([_border(digits.images[unlike[part]]) for part, digits in parts.items()])
    if len(edge) and edge.mean() > 127:
        for part, digits in parts.items():
            turned = np.where(unlike[part][:, None, None], 255 - digits.images, digits.images)
            parts[part] = Digits(turned, digits.labels)
        notes.append("dark ink on a light ground: inverted, to match MNIST's bright ink on black")
    return Source(
        str(path), parts.get("train"), parts.get("validation"), parts.get("test"), classes=names, notes=tuple(notes)
    )


def _classes(labels: list[NDArray[Any]], path: Path) -> tuple[str, ...]:
    """Class names for raw labels: the ten digits, or as many numbers as there are, or the words themselves."""
    if any(part.ndim != 1 for part in labels):
        raise FormatError(f"the labels in {path} must be a list of numbers or names, one for each image")
    if len({part.dtype.kind == "U" for part in labels}) > 1:
        raise FormatError(f"the labels in {path} are numbers in one part and names in another: they must be alike")
    if any(part.dtype.kind not in "uibUf" for part in labels):
        raise FormatError(f"the labels in {path} must be whole numbers or names, not {labels[0].dtype}")
    values = np.unique(np.concatenate(labels))
    if values.dtype.kind == "U":
        words = {str(value) for value in values}
        return DIGITS if words <= set(DIGITS) else tuple(sorted(words, key=_natural))
    if len(values) and (not np.isfinite(values).all() or (values != np.floor(values)).any() or values[0] < 0):
        raise FormatError(f"the labels in {path} must be whole numbers from 0 up")
    if len(values) and values[-1] > 255:
        raise FormatError(f"a label in {path} is {values[-1]}: class labels must be 255 or less")
    return DIGITS if not len(values) or values[-1] <= 9 else tuple(str(k) for k in range(int(values[-1]) + 1))


def _grey(images: Any, where: str, notes: list[str]) -> Any:
    """Images as one array uint8 (N, H, W), or a list of arrays (H, W) when their sizes differ."""
    if isinstance(images, list):
        return np.stack(images) if len({image.shape for image in images}) == 1 else images
    if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):  # one channel, first or last
        images = images[:, 0] if images.shape[1] == 1 else images[..., 0]
    if images.ndim == 2 and int(np.sqrt(images.shape[1])) ** 2 == images.shape[1]:  # flattened squares
        images = images.reshape(len(images), int(np.sqrt(images.shape[1])), -1)
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise FormatError(f"the images in {where} have the shape {images.shape}, and must be (N, height, width)")
    if images.dtype.kind not in "uifb":
        raise FormatError(f"the images in {where} have the type {images.dtype}, and must be grey values")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):  # also false for NaN
        raise FormatError(
            f"the images in {where} have values from {low:g} to {high:g}, and must be from 0 to 255 or 0 to 1"
        )
    notes.extend(greys.stretched(high))
    scale = 255 / greys.white(high)
    return images if images.dtype == np.uint8 and scale == 1 else np.rint(images * scale).clip(0, 255).astype(np.uint8)


def _fit(images: Any, part: str, notes: list[str]) -> NDArray[np.uint8]:
    """Every image scaled, complete and undistorted, into 28 x 28; the rest is filled with its own ground."""
    if isinstance(images, np.ndarray) and images.shape[1:] == (SIDE, SIDE):
        return images
    sizes = sorted({(image.shape[1], image.shape[0]) for image in images})
    shown = ", ".join(f"{w} x {h}" for w, h in sizes[:3]) + (", …" if len(sizes) > 3 else "")
    notes.append(f"{part} images of {shown} pixels were fitted into {SIDE} x {SIDE}")
    fitted = np.empty((len(images), SIDE, SIDE), np.uint8)
    for place, image in zip(fitted, images, strict=True):
        height, width = image.shape
        scale = SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
        small = np.asarray(Image.fromarray(image).resize(size, method))
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        place[:] = int(np.median(_border(image[None])))
        place[top : top + size[1], left : left + size[0]] = small
    return fitted


def _as_mnist(images: Any) -> NDArray[np.bool_]:
    """Which images are 28 x 28 on a black ground, as MNIST's are and what `tenfold serve` saves: (N,)."""
    if isinstance(images, list):
        return np.array([bool(_as_mnist(image[None])[0]) for image in images])
    if images.shape[1:] != (SIDE, SIDE):
        return np.zeros(len(images), bool)
    black: NDArray[np.bool_] = (_border(images) == 0).mean(axis=1) > 0.5
    return black


def _border(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outermost pixels of images (N, H, W): (N, 2 H + 2 W)."""
    return np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)


def join(first: Digits, second: Digits) -> Digits:
    """The digits of both, in this order."""
    return Digits(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))
