import numpy as np
import pytest

from tenfold.errors import DataError, UsageError
from tenfold.learn.recipes import tasks
from tenfold.mnist.digits import Digits


@pytest.mark.parametrize(
    ("text", "groups", "names"),
    [
        ("digits", [[k] for k in range(10)], list("0123456789")),
        ("parity", [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]], ["even", "odd"]),
        ("is:7", [[0, 1, 2, 3, 4, 5, 6, 8, 9], [7]], ["not 7", "7"]),
        ("0-4/5-9", [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]], ["0-4", "5-9"]),
        ("0,6,8,9/1,2,3,4,5,7", [[0, 6, 8, 9], [1, 2, 3, 4, 5, 7]], ["0,6,8,9", "1,2,3,4,5,7"]),
        ("0/1-4/5-9", [[0], [1, 2, 3, 4], [5, 6, 7, 8, 9]], ["0", "1-4", "5-9"]),
        ("1, 3-5 / 8", [[1, 3, 4, 5], [8]], ["1, 3-5", "8"]),
    ],
)
def test_groups_and_names(text: str, groups: list[list[int]], names: list[str]) -> None:
    task = tasks.parse(text)
    assert [list(group) for group in task.groups] == groups
    assert list(task.classes) == names


def test_digits_in_no_group_are_dropped() -> None:
    digits = Digits(np.arange(10, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2), np.arange(10))
    part = tasks.parse("1,3/8").apply(digits)
    assert part.labels.tolist() == [0, 0, 1]
    assert part.images[:, 0, 0].tolist() == [1, 3, 8]
    assert tasks.parse("digits").apply(digits).images is digits.images
    with pytest.raises(DataError, match="no digit in the data belongs to the task 1,3/8"):
        tasks.parse("1,3/8").apply(digits.take(np.array([0, 2])))


@pytest.mark.parametrize(
    "text", ["digit", "is:10", "is:", "0-4", "0-4/", "4-0/5", "a/b", "0--4/5", "", "0-4/4-9", "1,1,2/2"]
)
def test_what_is_no_task(text: str) -> None:
    with pytest.raises(UsageError, match="task"):
        tasks.parse(text)


def test_a_digit_in_two_groups_is_named() -> None:
    with pytest.raises(UsageError, match="has the digit 4 twice"):
        tasks.parse("0-4/4-9")


def test_data_with_other_classes_can_only_be_told_apart_whole() -> None:
    assert tasks.parse("digits", ("a", "b")).classes == ("a", "b")
    with pytest.raises(UsageError, match="use --task digits"):
        tasks.parse("parity", ("a", "b"))
