from tenfold import MNIST, datasets


def test_the_class_is_where_torchvision_has_it() -> None:
    assert datasets.MNIST is MNIST
    assert datasets.__all__ == ["MNIST"]
