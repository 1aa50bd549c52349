import pytest

from tenfold import transforms
from tenfold.mnist import transforms as own


@pytest.mark.parametrize("name", ["Compose", "Lambda", "Normalize", "RandomRotation", "Resize", "ToTensor"])
def test_the_usual_transforms_are_where_torchvision_has_them(name: str) -> None:
    assert getattr(transforms, name) is getattr(own, name)
    assert name in transforms.__all__
