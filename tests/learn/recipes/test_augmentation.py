import pytest

from tenfold.errors import UsageError
from tenfold.learn.recipes.augmentation import Augmentation


def test_a_text_says_the_amounts() -> None:
    assert Augmentation.parse("rotate=10, shift=2") == Augmentation(rotate=10, shift=2)
    assert Augmentation.parse("erase=4")
    assert not Augmentation.parse("")
    assert not Augmentation.parse("none")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rotate", "--augment rotate needs an amount: --augment rotate=2"),
        ("turn=3", "unknown augmentation 'turn'"),
        ("scale=2", "--augment scale must be from 0 to 0.9, not 2"),
        ("degrade=1.1", "from 0 to 1, not"),
        ("rotate=nan", "from 0 to 180, not nan"),
    ],
)
def test_what_is_no_augmentation(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Augmentation.parse(text)
