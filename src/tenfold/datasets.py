"""torchvision's name for where MNIST is: `from tenfold.datasets import MNIST`."""

from tenfold.mnist.dataset import MNIST

__all__ = ["MNIST"]
