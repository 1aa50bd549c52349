"""`MNIST` behaves as torchvision's class of that name, whose documented behaviour these tests restate."""

import gzip
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import draw_digits
from tenfold import MNIST, datasets, transforms
from tenfold.mnist import idx

USUAL_EXAMPLE = """
    import sys
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    import torch.optim as optim
    from torchvision import datasets, transforms
    from torch.optim.lr_scheduler import StepLR

    root = sys.argv[1]
    torch.manual_seed(1)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train_set = datasets.MNIST(root, train=True, download=True, transform=transform)
    test_set = datasets.MNIST(root, train=False, transform=transform)
    train_loader = torch.utils.data.DataLoader(train_set, batch_size=64, shuffle=True)
    test_loader = torch.utils.data.DataLoader(test_set, batch_size=1000)
    model = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1352, 10), nn.LogSoftmax(dim=1))
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for step, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        F.nll_loss(model(data), target).backward()
        optimizer.step()
        if step == 60:
            break
    scheduler.step()
    model.eval()
    with torch.no_grad():
        data, target = next(iter(test_loader))
        print(model(data).argmax(dim=1).eq(target).float().mean().item())
"""


def test_the_usual_example_runs_with_only_its_import_line_changed(tmp_path: Path) -> None:
    script = textwrap.dedent(USUAL_EXAMPLE).replace("from torchvision import", "from tenfold import")
    (tmp_path / "main.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "main.py", "data"], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.7
    assert (tmp_path / "data/MNIST/raw/train-images-idx3-ubyte").stat().st_size == 47_040_016


def test_items_and_attributes() -> None:
    train, test = MNIST(), MNIST(train=False)
    assert (len(train), len(test)) == (60_000, 10_000)
    image, label = train[0]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("L", (28, 28))
    assert (label, type(label)) == (5, int)
    assert (torch.from_numpy(np.array(image)) == train.data[0]).all()
    assert (train.data.shape, train.data.dtype) == ((60_000, 28, 28), torch.uint8)
    assert (test.targets.shape, test.targets.dtype) == ((10_000,), torch.int64)
    assert train.classes[7] == "7 - seven"
    assert train.class_to_idx["7 - seven"] == 7
    assert datasets.MNIST is MNIST
    assert isinstance(train, torch.utils.data.Dataset)


def test_transforms_are_applied() -> None:
    digits = MNIST(train=False, transform=transforms.ToTensor(), target_transform=lambda label: label % 2)
    image, label = digits[0]
    assert label == 1
    assert image.shape == (1, 28, 28)
    assert torch.equal(image[0], digits.data[0] / 255)


def test_download_puts_the_four_files_where_torchvision_does(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^Dataset not found\. You can use download=True to download it$"):
        MNIST(tmp_path)
    MNIST(str(tmp_path), train=False, download=True)
    raw = tmp_path / "MNIST" / "raw"
    assert sorted(p.name for p in raw.iterdir()) == sorted(
        [name for name, _ in MNIST.resources] + [name.removesuffix(".gz") for name, _ in MNIST.resources]
    )
    for name, _ in MNIST.resources:
        assert gzip.decompress((raw / name).read_bytes()) == (raw / name.removesuffix(".gz")).read_bytes()
    again = MNIST(tmp_path, train=False)
    assert again.raw_folder == str(raw)
    assert torch.equal(again.data, MNIST(train=False).data)
    assert torch.equal(again.targets, MNIST(train=False).targets)


def test_other_addresses_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = "https://mirror.example/mnist/"
    monkeypatch.setattr(MNIST, "resources", [(f"{mirror}{name}?raw=true", md5) for name, md5 in MNIST.resources])
    monkeypatch.setattr(MNIST, "mirrors", [mirror, *MNIST.mirrors])
    assert len(MNIST(tmp_path, train=False, download=True)) == len(MNIST(tmp_path, train=False)) == 10_000


def test_the_root_is_what_is_read(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    some = draw_digits(30)
    for stem in ("train", "t10k"):
        idx.write(raw / f"{stem}-images-idx3-ubyte", some.images)
        idx.write(raw / f"{stem}-labels-idx1-ubyte", some.labels.astype(np.uint8))
    assert len(MNIST(tmp_path, download=True)) == 30  # what is there is not overwritten
    (raw / "train-images-idx3-ubyte").write_bytes((raw / "train-images-idx3-ubyte").read_bytes()[:-1])
    with pytest.raises(RuntimeError, match="truncated"):
        MNIST(tmp_path)
    (raw / "train-images-idx3-ubyte").write_bytes(b"not idx at all")
    with pytest.raises(AssertionError, match="not an IDX file"):
        MNIST(tmp_path)
    idx.write(raw / "train-images-idx3-ubyte", some.images[0])
    with pytest.raises(ValueError, match="x should have 3 dimension instead of 2"):
        MNIST(tmp_path)
    (raw / "train-images-idx3-ubyte").write_bytes(bytes.fromhex("00000C01 00000001 00000007"))
    with pytest.raises(TypeError, match=r"x should be of dtype torch.uint8 instead of torch.int32"):
        MNIST(tmp_path)


def test_representation(tmp_path: Path) -> None:
    assert repr(MNIST(train=False)) == "Dataset MNIST\n    Number of datapoints: 10000\n    Split: Test"
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    digits = MNIST(tmp_path, train=False, download=True, transform=transform)
    assert repr(digits) == (
        f"Dataset MNIST\n    Number of datapoints: 10000\n    Root location: {tmp_path}\n    Split: Test\n"
        "    StandardTransform\n"
        "    Transform: Compose(\n"
        "                   ToTensor()\n"
        "                   Normalize(mean=(0.1307,), std=(0.3081,))\n"
        "               )"
    )


def test_old_names_warn_and_changes_stay_in_the_object() -> None:
    first, second = MNIST(train=False), MNIST(train=False)
    with pytest.warns(UserWarning, match="test_data has been renamed data"):
        assert first.test_data is first.data
    with pytest.warns(UserWarning, match="train_labels has been renamed targets"):
        assert first.train_labels is first.targets
    first.data.zero_()
    assert second.data.any()


def test_it_can_be_pickled_as_worker_processes_need() -> None:
    digits = pickle.loads(pickle.dumps(MNIST(train=False, transform=transforms.ToTensor())))
    assert digits[3][0].shape == (1, 28, 28)
