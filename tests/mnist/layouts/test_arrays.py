from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from conftest import draw_digits, write_idx
from tenfold.errors import DataError, FormatError
from tenfold.mnist import exports, sources

SOME = draw_digits(20)


def test_letters_of_emnist_have_names_and_no_empty_class(tmp_path: Path) -> None:
    write_idx(tmp_path / "emnist-letters", type(SOME)(SOME.images.swapaxes(1, 2).copy(), SOME.labels + 1))
    source = sources.load(tmp_path / "emnist-letters")
    assert source.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    assert (source.parts["train"].images == SOME.images).all()
    assert (source.parts["train"].labels == SOME.labels).all()


def test_letters_are_written_as_pictures_by_their_names(tmp_path: Path) -> None:
    write_idx(tmp_path / "emnist-letters", type(SOME)(SOME.images, SOME.labels + 17))
    exports.export(sources.load(tmp_path / "emnist-letters"), tmp_path / "png", "png")
    assert sorted(path.parent.name for path in (tmp_path / "png").glob("train/*/0000?.png")) == sorted(
        chr(ord("a") + label + 16) for label in SOME.labels[:10]
    )


def test_numbers_that_begin_late_leave_no_empty_class(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=SOME.images[:3], labels=[1, 26, 2])
    source = sources.load(tmp_path / "a.npz")
    assert (len(source.classes), source.classes[0], source.classes[25]) == (26, "1", "26")
    assert source.parts["train"].labels.tolist() == [0, 25, 1]


def test_a_folder_of_several_sets_wants_the_path_of_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", images=SOME.images, labels=SOME.labels)
    with pytest.raises(DataError, match=r"has a\.npz, b\.npz: give the path of one"):
        sources.load(tmp_path)
    for name in ("KMNIST", "FashionMNIST"):
        write_idx(tmp_path / "two" / name / "raw", SOME)
    with pytest.raises(DataError, match=r"two sets for train, FashionMNIST/raw/.* and KMNIST/raw/"):
        sources.load(tmp_path / "two")
    write_idx(tmp_path / "two" / "MNIST" / "raw", SOME)  # which comes first, as in torchvision's own folder
    assert sources.load(tmp_path / "two").notes == ("left out: FashionMNIST (2 files), KMNIST (2 files)",)


def test_a_mat_of_other_arrays_or_damaged(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"faces": np.zeros((2, 4))})
    with pytest.raises(FormatError, match="has the arrays faces: name them"):
        sources.load(tmp_path / "a.mat")
    (tmp_path / "b.mat").write_bytes(b"MATLAB 5.0 no more")
    with pytest.raises(DataError, match=r"cannot read .*b\.mat"):
        sources.load(tmp_path / "b.mat")
    wrong = {"images": np.zeros((1, 784)), "labels": [[7]]}
    savemat(tmp_path / "c.mat", {"dataset": {"train": wrong, "test": wrong, "mapping": [[0, 48]]}})
    with pytest.raises(DataError, match="mapping"):
        sources.load(tmp_path / "c.mat")


@pytest.mark.parametrize("text", ["", "1 a:b\n", "1 1\n", "x 1:1\n", "1 0:1 9999999999:1\n"])
def test_lines_that_are_not_libsvms(tmp_path: Path, text: str) -> None:
    (tmp_path / "usps").write_text(text)
    with pytest.raises(FormatError, match="not in LIBSVM's format"):
        sources.load(tmp_path / "usps")


@pytest.mark.parametrize(
    "names",
    [
        *("X_train Y_train X_valid y_valid", "trainX trainY valX valY", "train_x train_y dev_x dev_y"),
        *("xtrain ytrain xval yval", "train_data train_labels val_data val_labels"),
        *("train_set_imgs train_set_lbls validation_features validation_targets", "images labels x_val y_val"),
    ],
)
@pytest.mark.parametrize("suffix", ["npz", "npy", "mat"])
def test_arrays_by_whatever_they_are_called(tmp_path: Path, names: str, suffix: str) -> None:
    its = [SOME.images, SOME.labels, SOME.images[:8], SOME.labels[:8]]
    arrays: dict[str, Any] = dict(zip(names.split(), its, strict=True))
    if suffix == "npz":
        np.savez(tmp_path / "a.npz", **arrays)
    elif suffix == "mat":
        savemat(tmp_path / "a.mat", arrays)
    else:
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
    source = sources.load(tmp_path)
    assert {part: len(digits) for part, digits in source.parts.items()} == {"train": 20, "validation": 8}
    assert source.notes == ()
    assert (source.parts["validation"].images == SOME.images[:8]).all()


def test_arrays_that_have_no_names_or_are_not_used(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", SOME.images, SOME.labels)
    assert (sources.load(tmp_path / "a.npz").parts["train"].labels == SOME.labels).all()
    np.savez(tmp_path / "b.npz", x=SOME.images, y=SOME.labels, x_holdout=SOME.images)
    assert sources.load(tmp_path / "b.npz").notes == ("left out: the arrays x_holdout",)
    (tmp_path / "c.npz").touch()
    with pytest.raises(DataError, match=r"c\.npz is empty: fetch or save it again"):
        sources.load(tmp_path / "c.npz")


def test_an_array_with_its_labels_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", SOME.images)
    with pytest.raises(DataError, match=r"X\.npy has no labels beside it"):
        sources.load(tmp_path / "X.npy")
    np.save(tmp_path / "y.npy", SOME.labels.astype("S1"))
    assert (sources.load(tmp_path / "X.npy").parts["train"].labels == SOME.labels).all()


def test_pictures_of_matlab_that_lie_by_columns_and_of_others_that_do_not(tmp_path: Path) -> None:
    flat = SOME.images.reshape(20, 784)
    savemat(tmp_path / "rows.mat", {"data": flat.T, "label": SOME.labels[None].astype(float)})  # of mldata.org
    assert (sources.load(tmp_path / "rows.mat").parts["train"].images == SOME.images).all()
    by_columns = SOME.images.swapaxes(1, 2).reshape(20, 784)
    savemat(tmp_path / "columns.mat", {"X": by_columns, "y": np.where(SOME.labels, SOME.labels, 10)[:, None]})
    source = sources.load(tmp_path / "columns.mat")
    assert (source.parts["train"].images == SOME.images).all()
    assert source.notes[1] == "turned upright, as MATLAB lays pictures out by columns"


def test_idx_files_each_in_a_folder_of_its_own_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "flat", SOME)
    for file in (tmp_path / "flat").iterdir():
        (tmp_path / "deep" / file.name).mkdir(parents=True)
        file.rename(tmp_path / "deep" / file.name / file.name)
    assert (sources.load(tmp_path / "deep").parts["train"].labels == SOME.labels).all()
