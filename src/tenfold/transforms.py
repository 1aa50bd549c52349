"""torchvision's name for where the usual transforms are: `from tenfold.transforms import ToTensor`."""

from tenfold.mnist.transforms import Compose, Lambda, Normalize, RandomRotation, Resize, ToTensor

__all__ = ["Compose", "Lambda", "Normalize", "RandomRotation", "Resize", "ToTensor"]
