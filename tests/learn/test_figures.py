import numpy as np
import pytest

from tenfold.learn import figures


def test_the_curves_are_those_of_the_run() -> None:
    rows: list[dict[str, float | None]] = [
        {"epoch": k, "train_loss": 1 / k, "val_loss": 2 / k, "train_accuracy": 0.9, "val_accuracy": None}
        for k in (1, 2)
    ]
    steps: list[dict[str, float | None]] = [{"epoch": 0.5, "loss": 3.0, "accuracy": 0.5}]
    loss, accuracy = figures.curves(rows, steps, "$a$").axes
    assert [np.asarray(line.get_ydata()).tolist() for line in loss.lines] == [[3.0], [1.0, 0.5], [2.0, 1.0]]
    assert len(accuracy.lines) == 2  # of the steps, and of the training digits
    assert accuracy.get_ylim() == (0.88, 1.0)


def test_a_montage_has_every_picture() -> None:
    sheet = figures.montage(np.arange(1, 7, dtype=np.float32)[:, None, None] * np.ones((1, 14, 14), np.float32))
    values = sheet[~np.isnan(sheet)].tolist()
    assert sheet.shape == (14 * 2 + 1, 14 * 3 + 2)
    assert {float(value): int((values == value).sum()) for value in np.unique(values)} == dict.fromkeys(
        range(1, 7), 196
    )


@pytest.mark.parametrize("count", [1, 2, 5, 16, 35, 64])
def test_columns_are_no_fewer_than_rows(count: int) -> None:
    assert figures.columns(count) >= count / figures.columns(count)


def test_many_classes_have_many_colours() -> None:
    assert len(set(figures.colours(10))) == 10
    assert len(set(figures.colours(26))) == 26
