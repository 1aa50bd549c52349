"""`MNIST`, a drop-in for the dataset class of the same name in torchvision, without a download."""

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset

from tenfold import files
from tenfold.errors import DataError
from tenfold.mnist import embedded, idx

__all__ = ["MNIST"]


class MNIST(Dataset[tuple[Any, Any]]):
    """MNIST as (PIL image of mode "L", int) items, with torchvision's attributes, folder layout and errors.

    With no `root` the digits come from the package. With one they are read from ROOT/MNIST/raw, and
    `download=True` puts the four original files there, gzipped and plain, from the package: nothing is fetched, and
    `resources` and `mirrors` may name any addresses.

    `data` is uint8 (N, 28, 28) and `targets` int64 (N,). Compatible with torchvision.datasets.MNIST,
    https://pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html.

    Raises:
        RuntimeError: the files are not in `root` ("Dataset not found …"), or one of them is truncated.
        AssertionError: a file is not IDX.
        TypeError: its values are not unsigned bytes.
        ValueError: it does not have 3 dimensions (images) or 1 (labels).
    """

    resources: list[tuple[str, str]] = [  # noqa: RUF012 (torchvision's name and type)
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    mirrors: list[str] = []  # noqa: RUF012 (torchvision's name and type)
    training_file = "training.pt"
    test_file = "test.pt"
    classes: list[str] = [  # noqa: RUF012 (torchvision's name and type)
        f"{digit} - {name}"
        for digit, name in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    ]

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root: str | Path | None = os.path.expanduser(root) if isinstance(root, str) else root
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self.data: torch.Tensor
        self.targets: torch.Tensor
        if self.root is None:
            digits = embedded.read("train" if train else "test")
            # copies, since users write to `data` and `targets` and the package's own arrays are kept
            self.data = torch.from_numpy(digits.images.copy())
            self.targets = torch.from_numpy(digits.labels.copy())
            return
        if download:
            self.download()
        if not self._check_exists():
            raise DataError("Dataset not found. You can use download=True to download it")
        prefix = os.path.join(self.raw_folder, "train" if train else "t10k")
        self.data = _unsigned_bytes(f"{prefix}-images-idx3-ubyte", dimensions=3)
        self.targets = _unsigned_bytes(f"{prefix}-labels-idx1-ubyte", dimensions=1).long()

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = Image.fromarray(self.data[index].numpy())
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        """ROOT/MNIST/raw; without a root, the package's own folder."""
        return str(embedded.FOLDER) if self.root is None else os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """ROOT/MNIST/processed, which older versions of torchvision wrote; nothing is read from it."""
        return os.path.join(self.root or "", type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def train_labels(self) -> torch.Tensor:
        """Old name of `targets`."""
        return self._renamed("train_labels", "targets")

    @property
    def test_labels(self) -> torch.Tensor:
        """Old name of `targets`."""
        return self._renamed("test_labels", "targets")

    @property
    def train_data(self) -> torch.Tensor:
        """Old name of `data`."""
        return self._renamed("train_data", "data")

    @property
    def test_data(self) -> torch.Tensor:
        """Old name of `data`."""
        return self._renamed("test_data", "data")

    def _renamed(self, old: str, new: str) -> torch.Tensor:
        warnings.warn(f"{old} has been renamed {new}", stacklevel=3)
        return self.data if new == "data" else self.targets

    def _check_exists(self) -> bool:
        return all((Path(self.raw_folder) / name.removesuffix(".gz")).is_file() for name in embedded.SHA256)

    def download(self) -> None:
        """Put the four files into `raw_folder`, gzipped and plain, unless they are there already.

        Raises StorageError when they cannot be written.
        """
        if self.root is None or self._check_exists():
            return
        for name in embedded.SHA256:
            with files.file(Path(self.raw_folder) / name) as temporary:
                shutil.copyfile(embedded.FOLDER / name, temporary)
            idx.write(Path(self.raw_folder) / name.removesuffix(".gz"), idx.read(embedded.FOLDER / name))  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        """The last line of the representation."""
        return f"Split: {'Train' if self.train is True else 'Test'}"

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if self.transform is not None or self.target_transform is not None:
            lines.append("StandardTransform")
            for name, transform in (("Transform", self.transform), ("Target transform", self.target_transform)):
                if transform is not None:
                    first, *rest = repr(transform).splitlines()
                    lines += [f"{name}: {first}", *(" " * len(f"{name}: ") + line for line in rest)]
        return "\n".join([f"Dataset {type(self).__name__}", *("    " + line for line in lines)])


def _unsigned_bytes(path: str, dimensions: int) -> torch.Tensor:
    tensor = torch.from_numpy(idx.read(path))
    if tensor.dtype != torch.uint8:
        raise TypeError(f"x should be of dtype torch.uint8 instead of {tensor.dtype}")
    if tensor.ndim != dimensions:
        raise ValueError(f"x should have {dimensions} dimension instead of {tensor.ndim}")
    return tensor
