import pytest

from tenfold import transforms
from tenfold.mnist import transforms as own


def test_the_usual_transforms_are_where_torchvision_has_them() -> None:
    assert transforms.__all__ == own.__all__
    assert all(getattr(transforms, name) is getattr(own, name) for name in own.__all__)


def test_one_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"did you mean 'RandomCrop'.* there are CenterCrop, .*torchvision's"):
        _ = transforms.RandomCrops
    assert not hasattr(transforms, "__path__")
