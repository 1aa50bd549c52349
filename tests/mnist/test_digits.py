import numpy as np
import pytest

from tenfold.errors import UsageError
from tenfold.mnist import digits as sets
from tenfold.mnist.digits import Digits


def test_the_last_digits_are_the_validation_split(digits: Digits) -> None:
    train, validation = sets.split_last(digits, 100)
    assert (len(train), len(validation)) == (500, 100)
    assert (validation.images == digits.images[500:]).all()
    assert np.shares_memory(train.images, digits.images)


@pytest.mark.parametrize("size", [100, 0.25, None, 7])
def test_a_stratified_split_has_every_class_in_proportion_and_every_digit_once(size: float | None) -> None:
    labels = np.repeat([0, 1, 2], [300, 200, 100])
    images = np.arange(600, dtype=np.int64).repeat(784).reshape(600, 28, 28).astype(np.uint8)
    images[:, 0, 0], images[:, 0, 1] = (
        np.arange(600) // 256,
        np.arange(600) % 256,
    )  # each image can be told from all others
    train, validation = sets.split_stratified(Digits(images, labels), size)
    number = sets.count(size, 600)
    assert len(validation) == number
    for label, share in enumerate((3 / 6, 2 / 6, 1 / 6)):
        assert abs((validation.labels == label).sum() - share * number) <= 1

    def names(part: Digits) -> set[int]:
        return set((part.images[:, 0, 0].astype(int) * 256 + part.images[:, 0, 1]).tolist())

    assert names(train) | names(validation) == set(range(600))
    assert not names(train) & names(validation)
    assert (sets.split_stratified(Digits(images, labels), size)[1].labels == validation.labels).all()


def test_count_means_what_it_says() -> None:
    assert sets.count(None, 60_000) == 10_000
    assert sets.count(0.1, 500) == 50
    assert sets.count(0, 500) == 0
    with pytest.raises(UsageError, match="leaves nothing"):
        sets.count(500, 500)
