"""Images and labels as they were found made alike: 28 x 28, grey, bright ink on a dark ground; classes by number."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold import greys
from tenfold.errors import DataError, FormatError
from tenfold.mnist import DIGITS, SIDE
from tenfold.mnist.digits import Digits
from tenfold.mnist.layouts.raw import Raw, natural

Labels = NDArray[Any]
_LUMA = (0.299, 0.587, 0.114)  # what red, green and blue add to grey, by ITU-R BT.601
_DEEP = (1023, 4095, 65535)  # the largest of whole numbers of 10, 12 and 16 bits a pixel
_BLOCK = 1000  # images that are scaled at a time


def fitted(
    raw: Raw, path: str, *, ink: bool = True
) -> tuple[dict[str, Digits], tuple[str, ...], NDArray[np.uint8] | None]:
    """Of what a path holds: the digits of each part, the names of the classes, and images without labels.

    Where they are not `ink`, what is light stays light. What had to be done is added to its notes.

    Raises DataError, FormatError for what no digits can be.
    """
    labels = {part: _flat(labels, path) for part, (_, labels) in raw.parts.items()}
    names, labels = _classes(labels, path, raw.classes) if labels else (DIGITS, labels)
    _check_names(names, path)
    if names == tuple(map(str, range(1, 11))):
        raw.notes.append("the labels go from 1 to 10, and so the classes are called: MNIST's go from 0 to 9")
    images: dict[str, NDArray[np.uint8]] = {}
    unlike: dict[str, NDArray[np.bool_]] = {}  # which pictures are not as MNIST's are
    found = {part: images for part, (images, _) in raw.parts.items()}
    found |= {} if raw.unlabelled is None else {"unlabelled": raw.unlabelled}
    for part, its in found.items():
        where = f"{path} ({part})" if len(found) > 1 else path
        if part in labels and len(its) != len(labels[part]):
            raise DataError(f"{where} has {len(its):,} images and {len(labels[part]):,} labels: they must be as many")
        if not len(its):
            raise DataError(f"{where} has no images")
        if part in labels and "train" in labels and len(new := np.setdiff1d(labels[part], labels["train"])):
            raw.notes.append(f"{part} has classes that the training part has not: {', '.join(names[k] for k in new)}")
        values = _grey(its, where, raw.notes)
        unlike[part] = ~_as_mnist(values)
        images[part] = _fit(values, part, raw.notes)
        if blank := int((np.ptp(images[part], axis=(1, 2)) == 0).sum()):
            if blank == len(its):
                raise DataError(f"{where} has images of one grey value each alone: nothing can be learnt from them")
            raw.notes.append(f"{blank:,} of {len(its):,} images in {part} are blank")
    # Dark ink on light paper is decided once for all that may have it: a digit's outermost pixels are ground.
    edge = np.concatenate([_border(its[unlike[part]]) for part, its in images.items()])
    if ink and len(edge) and edge.mean() > 127:
        images = {part: np.where(unlike[part][:, None, None], 255 - its, its) for part, its in images.items()}
        raw.notes.append("dark ink on a light ground: inverted, to match MNIST's bright ink on black")
    return {part: Digits(images[part], its) for part, its in labels.items()}, names, images.get("unlabelled")


def _flat(labels: Labels, path: str) -> Labels:
    """Labels as a list of numbers or names: those of one column, or of one 1 in each row, too."""
    flat = labels
    if labels.ndim == 2 and labels.shape[1] == 1:
        flat = labels[:, 0]
    elif labels.ndim == 2 and labels.dtype.kind in "uibf" and ((labels == 0) | (labels == 1)).all():
        if not (labels.sum(1) == 1).all():
            raise FormatError(f"the labels in {path} have the shape {labels.shape}, but not one 1 in each row")
        flat = labels.argmax(1)
    if flat.ndim != 1:
        raise FormatError(
            f"the labels in {path} have the shape {labels.shape}: a list of numbers or names is wanted, one for each "
            "image, or a row with one 1 for each"
        )
    flat = np.char.decode(flat, "utf-8", "replace") if flat.dtype.kind == "S" else flat
    if flat.dtype.kind not in "uibUf":
        raise FormatError(f"the labels in {path} must be whole numbers or names, not {flat.dtype}")
    return flat


def _classes(
    labels: dict[str, Labels], path: str, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, Labels]]:
    """The names of the classes, and the labels of each part as their numbers.

    They are the `known` ones, the ten digits, all numbers from the least to the largest, or the words themselves.
    """
    if len({part.dtype.kind == "U" for part in labels.values()}) > 1:
        raise FormatError(f"the labels in {path} are numbers in one part and names in another: they must be alike")
    values = np.unique(np.concatenate(list(labels.values())))
    if values.dtype.kind == "U":
        words = set(map(str, values))
        names = DIGITS if words <= set(DIGITS) else tuple(sorted(words, key=natural))
        number = {name: k for k, name in enumerate(names)}
        return names, {part: np.array([number[str(x)] for x in its], np.int64) for part, its in labels.items()}
    if len(values) and (not np.isfinite(values).all() or (values != np.floor(values)).any() or values[0] < 0):
        raise FormatError(f"the labels in {path} must be whole numbers from 0 up")
    whole = {part: its.astype(np.int64) for part, its in labels.items()}
    if known is not None:
        if len(values) and values[-1] >= len(known):
            raise FormatError(f"a label in {path} is {values[-1]:g}, and there are {len(known)} classes")
        return known, whole
    if not len(values) or values[-1] <= 9:
        return DIGITS, whole
    if values[-1] > 255:
        raise FormatError(f"a label in {path} is {values[-1]:g}: class labels must be 255 or less")
    first = int(values[0])
    return tuple(str(k) for k in range(first, int(values[-1]) + 1)), {part: its - first for part, its in whole.items()}


def _check_names(names: tuple[str, ...], path: str) -> None:
    for name in names:
        if name in ("", ".", "..") or name.startswith(".") or re.search(r"[/\\\x00-\x1f]", name):
            raise DataError(f"{path} has a class called {name!r}: names must be fit for a folder")
    if len(names) > 256:
        raise DataError(f"{path} has {len(names):,} classes: they must be 256 or fewer")


def _grey(images: Any, where: str, notes: list[str]) -> Any:
    """Images as one array uint8 (N, H, W), or a list of arrays (H, W) when their sizes differ."""
    if isinstance(images, list):
        if len({image.shape for image in images}) > 1:
            if any(image.dtype != np.uint8 for image in images):
                raise FormatError(
                    f"the images in {where} have several sizes, and not all have grey values from 0 to 255"
                )
            return images
        images = np.stack(images)
    if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):  # one channel, first or last
        images = images[:, 0] if images.shape[1] == 1 else images[..., 0]
    colours = next((axis for axis in (3, 1) if images.ndim == 4 and images.shape[axis] == len(_LUMA)), None)
    if colours is not None and images.dtype.kind in "uif":
        images = _bright(np.moveaxis(images, colours, 3))
    if images.ndim == 2 and int(np.sqrt(images.shape[1])) ** 2 == images.shape[1]:  # flattened squares
        images = images.reshape(len(images), int(np.sqrt(images.shape[1])), -1)
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise FormatError(f"the images in {where} have the shape {images.shape}, and must be (N, height, width)")
    if images.dtype.kind not in "uifb":
        raise FormatError(f"the images in {where} have the type {images.dtype}, and must be grey values")
    low, high = float(images.min()), float(images.max())
    deep = next((top for top in _DEEP if 255 < high <= top), None) if images.dtype.kind in "ui" else None
    if not (low >= 0 and high <= (deep or 255)):  # also false for NaN
        how = ": undo what normalised them, images * deviation + mean" if low < 0 else ""
        raise FormatError(
            f"the images in {where} have values from {low:g} to {high:g}, and must be from 0 to 255 or 0 to 1{how}"
        )
    said = greys.stretched(high) if deep is None else (f"grey values up to {deep} were brought to 255",)
    notes += [note for note in said if note not in notes]
    scale = 255 / (deep or greys.white(high))
    if images.dtype == np.uint8 and scale == 1:
        return images
    found = np.empty(images.shape, np.uint8)
    for some in range(0, len(images), _BLOCK):  # or several times as much memory would be taken
        found[some : some + _BLOCK] = np.rint(images[some : some + _BLOCK] * scale).clip(0, 255)
    return found


def _bright(images: NDArray[Any]) -> NDArray[Any]:
    """Images (N, H, W, 3) in colour as grey values of the same type, as Pillow makes them."""
    found = np.empty(images.shape[:3], images.dtype)
    for some in range(0, len(images), _BLOCK):
        grey = images[some : some + _BLOCK] @ np.array(_LUMA, np.float32)
        found[some : some + _BLOCK] = grey if found.dtype.kind == "f" else np.rint(grey)
    return found


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
