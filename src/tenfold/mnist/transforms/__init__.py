"""The transforms that programs for MNIST use, with torchvision's names, arguments and conventions.

Training inside tenfold does not use them: there, whole batches are augmented at once.

values   one after the other; tensors of pictures and back, their scale, their colours
sizes    scaled, cropped, padded, mirrored
turns    turned, moved, scaled and sheared at random
images   what all of them ask of an image, PIL's or a tensor
"""

from tenfold.mnist.transforms.images import InterpolationMode
from tenfold.mnist.transforms.sizes import CenterCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomVerticalFlip, Resize
from tenfold.mnist.transforms.turns import RandomAffine, RandomRotation
from tenfold.mnist.transforms.values import (
    ColorJitter,
    Compose,
    Grayscale,
    Lambda,
    Normalize,
    PILToTensor,
    RandomApply,
    ToPILImage,
    ToTensor,
)

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
]
