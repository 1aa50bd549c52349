import pytest

from tenfold import transforms
from tenfold.mnist.transforms import images, sizes, turns, values


def test_the_usual_transforms_are_where_torchvision_has_them() -> None:
    made = {
        name
        for module in (images, sizes, turns, values)
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, images.Transform)
        and name[0] != "_"
        and kind is not images.Transform
    }
    assert made <= set(transforms.__all__)
    assert {name for name in transforms.__all__ if hasattr(transforms, name)} == set(transforms.__all__)


def test_one_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"did you mean 'RandomCrop'.* there are CenterCrop, .*torchvision's"):
        _ = transforms.RandomCrops
    assert not hasattr(transforms, "__path__")
