import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import draw_digits, write_idx
from tenfold.errors import DataError, FormatError
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits, Track


def write_classes(folder: Path, digits: Digits, suffix: str = ".png", names: Sequence[str] = "0123456789") -> Path:
    for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number}{suffix}")
    return folder


def test_mnist_itself_keeps_its_last_10000_for_validation() -> None:
    source = sources.load()
    train, validation = source.split()
    assert validation is not None
    assert source.train is not None
    assert source.test is not None
    assert (len(train), len(validation), len(source.test)) == (50_000, 10_000, 10_000)
    assert (validation.labels == source.train.labels[50_000:]).all()
    whole, none = source.split(final=True)
    assert (len(whole), none) == (60_000, None)


def test_idx_files_with_a_test_part(data: Path) -> None:
    source = sources.load(data)
    assert {name: len(part) for name, part in source.parts.items()} == {"train": 600, "test": 200}
    assert (source.parts["train"].images == draw_digits(600).images).all()
    train, validation = source.split(0.2)
    assert validation is not None
    assert np.bincount(validation.labels).tolist() == [12] * 10
    assert len(train) == 480


@pytest.mark.parametrize("inside", ["raw", "MNIST/raw"])
def test_the_layout_of_torchvision(tmp_path: Path, inside: str) -> None:
    write_idx(tmp_path / inside, draw_digits(20))
    assert len(sources.load(tmp_path).parts["train"]) == 20


def test_a_single_idx_file_finds_its_labels(data: Path) -> None:
    source = sources.load(data / "t10k-images-idx3-ubyte")
    assert list(source.parts) == ["test"]
    with pytest.raises(DataError, match="test part only"):
        source.split()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_folder_of_class_folders(tmp_path: Path, digits: Digits, suffix: str) -> None:
    some = digits.take(np.arange(40))
    write_classes(tmp_path / "data", some, suffix)
    (tmp_path / "data" / ".hidden").mkdir()
    (tmp_path / "data" / "0" / "notes.txt").write_text("not a picture")
    source = sources.load(tmp_path / "data")
    assert source.classes == tuple("0123456789")
    assert source.notes == ()
    assert np.bincount(source.parts["train"].labels).tolist() == np.bincount(some.labels).tolist()
    first = source.parts["train"].images[0].astype(int)
    wanted = some.images[some.labels == 0][0].astype(int)
    assert abs(first - wanted).mean() < (1 if suffix == ".png" else 12)


def test_class_folders_inside_train_and_test(tmp_path: Path, digits: Digits) -> None:
    write_classes(tmp_path / "train", digits.take(np.arange(30)))
    write_classes(tmp_path / "val", digits.take(np.arange(30, 50)))
    write_classes(tmp_path / "test", digits.take(np.arange(50, 60)))
    source = sources.load(tmp_path)
    assert {name: len(part) for name, part in source.parts.items()} == {"train": 30, "validation": 20, "test": 10}
    train, validation = source.split(5)
    assert validation is not None
    assert (len(train), len(validation)) == (30, 20)  # the split that came with the data is kept
    assert len(source.split(final=True)[0]) == 50


def test_two_folders_for_one_part_are_refused(tmp_path: Path, digits: Digits) -> None:
    for name in ("train", "val", "validation"):
        write_classes(tmp_path / name, digits.take(np.arange(30)))
    with pytest.raises(DataError, match="has val and validation, which are the same part: keep one"):
        sources.load(tmp_path)


def test_classes_that_are_words(tmp_path: Path, digits: Digits) -> None:
    write_classes(tmp_path, digits.take(np.flatnonzero(digits.labels < 3)), names="ba9")
    assert sources.load(tmp_path).classes == ("9", "a", "b")


def test_other_sizes_are_fitted_undistorted_and_said(tmp_path: Path) -> None:
    image = np.zeros((60, 30), np.uint8)
    image[5:55, 12:18] = 255
    for name in "01":
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "a.png")
        Image.fromarray(image.T.copy()).save(tmp_path / name / "b.png")
    source = sources.load(tmp_path)
    assert source.notes == ("train images of 30 x 60, 60 x 30 pixels were fitted into 28 x 28",)
    tall, wide = source.parts["train"].images[:2]
    assert (tall == wide.T).all()
    rows, columns = np.nonzero(tall > 100)
    assert np.ptp(rows) + 1 == 24  # 50 of 60 pixels high, so 23.3
    assert np.ptp(columns) + 1 in (3, 4)  # 6 of 60 pixels wide, so 2.8
    assert abs(columns.mean() - 13.5) <= 1


def test_dark_ink_on_paper_is_inverted_and_said(tmp_path: Path, digits: Digits) -> None:
    some = digits.take(np.arange(20))
    np.savez(tmp_path / "d.npz", images=255 - some.images, labels=some.labels)
    source = sources.load(tmp_path / "d.npz")
    assert (source.parts["train"].images == some.images).all()
    assert "inverted" in source.notes[0]


def test_saved_corrections_are_not_inverted_beside_photos_of_paper(tmp_path: Path, digits: Digits) -> None:
    some = digits.take(np.arange(30))
    plain = some.images.copy()
    plain[plain < 25] = 0  # bright on black, as the service saves what the network saw
    write_classes(tmp_path, Digits(plain[:4], some.labels[:4]))
    for number, image in enumerate(some.images[4:]):
        large = Image.fromarray(255 - image).resize((56, 56), Image.Resampling.NEAREST)
        large.save(tmp_path / str(some.labels[0]) / f"photo{number}.png")
    source = sources.load(tmp_path)
    assert "inverted" in source.notes[1]
    images = source.parts["train"].images
    assert {image.tobytes() for image in plain[:4]} <= {image.tobytes() for image in images}
    assert np.median(images[:, 0]) < 30
    assert len(images) == 30


def test_data_is_decoded_again_only_when_it_has_changed(
    tmp_path: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label in range(2):
        (tmp_path / str(label)).mkdir()
        for number in range(2):
            Image.fromarray(digits.images[2 * label + number]).save(tmp_path / f"{label}/{number}.png")
    decode, decoded = sources._decoded, []

    def counted(path: Path, track: Track, **options: Any) -> sources.Source:
        decoded.append(path)
        return decode(path, track, **options)

    monkeypatch.setattr(sources, "_decoded", counted)
    first = sources.load(tmp_path)
    assert sources.load(tmp_path) is first
    assert len(decoded) == 1
    Image.fromarray(digits.images[9]).save(tmp_path / "1/1.png")
    changed = sources.load(tmp_path)
    assert len(decoded) == 2
    assert changed.checksum != first.checksum


def test_a_folder_with_one_digit_only_is_of_the_ten(tmp_path: Path, digits: Digits) -> None:
    write_classes(tmp_path, digits.take(np.flatnonzero(digits.labels == 7)[:2]))
    source = sources.load(tmp_path)
    assert source.classes == tuple("0123456789")
    assert source.parts["train"].labels.tolist() == [7, 7]


def test_a_transparent_ground_is_paper(tmp_path: Path) -> None:
    ink = np.zeros((28, 28, 4), np.uint8)
    ink[4:24, 12:16, 3] = 255  # opaque black on nothing
    for name in "01":
        (tmp_path / name).mkdir()
        Image.fromarray(ink).save(tmp_path / name / "a.png")
    image = sources.load(tmp_path).parts["train"].images[0]
    assert (image[10, 13], image[0, 0]) == (255, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x.reshape(len(x), -1),
        lambda x: x[:, None],
        lambda x: x[..., None],
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.float32) / 255,
        lambda x: x.astype(np.float64),
    ],
)
def test_npz_images_in_every_usual_form(tmp_path: Path, digits: Digits, change: Callable[[Any], Any]) -> None:
    some = digits.take(np.arange(20))
    np.savez(tmp_path / "d.npz", x_train=change(some.images), y_train=some.labels)
    assert (sources.load(tmp_path / "d.npz").parts["train"].images == some.images).all()


def test_npz_labels_that_are_words_and_numbers_above_nine(tmp_path: Path, digits: Digits) -> None:
    images = digits.images[:4]
    np.savez(tmp_path / "a.npz", images=images, labels=np.array(["b", "a", "b", "a"]))
    source = sources.load(tmp_path / "a.npz")
    assert source.classes == ("a", "b")
    assert source.parts["train"].labels.tolist() == [1, 0, 1, 0]
    np.savez(tmp_path / "b.npz", images=images, labels=[0, 1, 25, 3])
    assert len(sources.load(tmp_path / "b.npz").classes) == 26


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": [1, 2]}, "3 images and 2 labels"),
        ({"images": np.zeros((0, 28, 28), np.uint8), "labels": np.zeros(0, int)}, "no images"),
        ({"images": np.zeros((3, 5), np.uint8), "labels": [1, 2, 3]}, r"shape \(3, 5\)"),
        ({"images": np.full((3, 28, 28), 300.0), "labels": [1, 2, 3]}, "values from 300"),
        ({"images": np.full((3, 28, 28), np.nan), "labels": [1, 2, 3]}, "values from nan"),
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": [1, -2, 3]}, "whole numbers from 0"),
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": [1, 2.5, 3]}, "whole numbers from 0"),
        ({"images": np.zeros((3, 28, 28), np.uint8), "labels": [[1, 2], [2, 3], [3, 4]]}, "a list of numbers"),
        ({"images": np.zeros((2, 28, 28), np.uint8), "labels": [[1, 0], [1, 1]]}, r"\(2, 2\), but not one 1"),
        ({"images": np.zeros((3, 28, 28), complex), "labels": [1, 2, 3]}, "type complex128"),
        ({"pixels": np.zeros(3)}, "has the arrays pixels"),
    ],
)
def test_a_bad_npz_is_told_apart(tmp_path: Path, arrays: dict[str, object], says: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=says):
        sources.load(tmp_path / "d.npz")


def test_a_pickled_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", images=np.array([object()], dtype=object), labels=[1])
    with pytest.raises(DataError, match="cannot read"):
        sources.load(tmp_path / "d.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "d.npz")
    with pytest.raises(DataError, match="there is no data at"):
        sources.load(tmp_path / "d.npz")


def test_bad_places(tmp_path: Path, data: Path) -> None:
    with pytest.raises(DataError, match="there is no data at"):
        sources.load(tmp_path / "none")
    with pytest.raises(DataError, match="has no data"):
        sources.load(tmp_path)
    (tmp_path / "a.txt").write_text("?")
    with pytest.raises(FormatError, match="no data that tenfold reads"):
        sources.load(tmp_path / "a.txt")
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DataError, match="cannot read"):
        sources.load(tmp_path / "b.npz")
    lonely = tmp_path / "x-images-idx3-ubyte.gz"
    lonely.write_bytes(gzip.compress((data / "t10k-images-idx3-ubyte").read_bytes()))
    with pytest.raises(DataError, match=r"x-labels-idx1-ubyte or x-labels-idx1-ubyte\.gz is missing"):
        sources.load(lonely)


def test_pictures_of_16_bits_and_turned_by_exif(tmp_path: Path, digits: Digits) -> None:
    image = digits.images[0]
    turned = Image.fromarray(np.rot90(image).copy())
    exif = turned.getexif()
    exif[0x112] = 6  # the camera was held upright: turn by 90 degrees clockwise to see it
    for name in "01":
        (tmp_path / name).mkdir()
        Image.fromarray(image.astype(np.uint16) * 257).save(tmp_path / name / "a.png")
        turned.save(tmp_path / name / "b.png", exif=exif)
    first, second = sources.load(tmp_path).parts["train"].images[:2]
    assert (first == image).all()
    assert (second == image).all()


def test_grey_values_on_other_scales(tmp_path: Path, digits: Digits) -> None:
    binary = (digits.images[:20] > 90).astype(np.uint8)
    np.savez(tmp_path / "a.npz", images=binary, labels=digits.labels[:20])
    assert (sources.load(tmp_path / "a.npz").parts["train"].images == binary * 255).all()
    np.savez(tmp_path / "b.npz", data=binary * 16.0, target=digits.labels[:20])
    source = sources.load(tmp_path / "b.npz")
    assert source.notes == ("grey values up to 16 were stretched to 255",)
    assert (source.parts["train"].images == binary * 255).all()


def test_two_sets_in_a_folder_are_not_mixed_up(tmp_path: Path, data: Path) -> None:
    for stem in ("emnist-digits-train", "emnist-letters-train"):
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes((data / "train-images-idx3-ubyte").read_bytes())
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes((data / "train-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(DataError, match="has two sets for train"):
        sources.load(tmp_path)
    assert len(sources.load(tmp_path / "emnist-letters-train-images-idx3-ubyte").parts["train"]) == 600


@pytest.mark.parametrize("name", ["/tmp/evil", "../up", "", ".hidden", "a\\b"])
def test_class_names_that_would_leave_their_folder(tmp_path: Path, digits: Digits, name: str) -> None:
    np.savez(tmp_path / "d.npz", images=digits.images[:2], labels=["a", name])
    with pytest.raises(DataError, match="names must be fit for a folder"):
        sources.load(tmp_path / "d.npz")


def test_bad_class_folders(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="has no data, it is empty"):
        sources.load(tmp_path)
    Image.new("L", (28, 28)).save(tmp_path / "cat" / "a.png")
    with pytest.raises(DataError, match="one class only, 'cat'"):
        sources.load(tmp_path)
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "a.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(DataError, match=r"cannot read the picture .*a\.png"):
        sources.load(tmp_path)


def test_the_checksum_knows_the_data_but_not_its_place(tmp_path: Path, data: Path) -> None:
    again = write_idx(tmp_path / "again", draw_digits(600))
    assert sources.load(again).checksum == sources.load(data).checksum
    other = draw_digits(600)
    other.labels[0] = (other.labels[0] + 1) % 10
    assert sources.load(write_idx(tmp_path / "other", other)).checksum != sources.load(data).checksum
