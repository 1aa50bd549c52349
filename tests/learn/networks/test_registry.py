import copy
import io
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import tenfold
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.networks import Dropout
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("classes", [2, 10])
def test_images_become_logits_and_every_parameter_learns(name: str, classes: int) -> None:
    network = networks.build(RECIPES[name], classes)
    logits = network(torch.randn(4, 1, 28, 28))
    assert logits.shape == (4, classes)
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_a_network_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="unknown network 'ccn': did you mean 'cnn'"):
        networks.build("fast", network="ccn")


def test_batch_normalisation_needs_two() -> None:
    with pytest.raises(UsageError, match="--batch-size must be 2 or more for the batch normalisation of strided"):
        networks.build("fast", batch_size=1)
    assert networks.build("mlp", batch_size=1)


def test_the_networks_are_the_ones_that_were_asked_for() -> None:
    def kinds(name: str) -> list[str]:
        return [type(layer).__name__ for layer in networks.stock(networks.build(RECIPES[name]))]

    linear, relu, drop = "Linear", "ReLU", "Dropout"
    assert kinds("mlp") == ["Flatten", linear, relu, drop, linear, relu, drop, linear]
    assert kinds("mish") == ["Flatten", *[linear, "BatchNorm1d", "Mish", drop] * 2, linear]
    assert kinds("cnn") == ["Conv2d", relu, "Conv2d", "MaxPool2d", relu, "Flatten", drop, linear, relu, drop, linear]
    recipe = Recipe(network="valid", channels=(4, 8, 8), hidden=())
    convolution = ["Conv2d", "BatchNorm2d", relu]
    pooled = ["Conv2d", "BatchNorm2d", "MaxPool2d", relu]
    layers = [type(layer).__name__ for layer in networks.stock(networks.build(recipe))]
    assert layers == [*pooled, *convolution * 2, "Flatten", drop, linear, "BatchNorm1d"]
    recipe = Recipe(network="separable", channels=(4, 8, 6), hidden=())
    separable = ["Conv2d", "Conv2d", "BatchNorm2d", relu]
    network = networks.stock(networks.build(recipe))
    assert [type(layer).__name__ for layer in network] == [
        *pooled,
        *separable * 2,
        "AvgPool2d",
        "Flatten",
        drop,
        linear,
    ]
    # 5 x 5 to 4; 3 x 3 each and 4 to 8; 3 x 3 each and 8 to 6; gains and offsets of 18 channels; 6 to 10
    assert networks.parameters(network) == 100 + (36 + 32) + (72 + 48) + 2 * 18 + 70
    # The parameters of the usual example: 3 x 3 convolutions of 32 and 64, then 9216 to 128 to 10.
    assert networks.parameters(networks.build(RECIPES["cnn"])) == 320 + 18_496 + 9216 * 128 + 128 + 1290


def test_relu_after_pooling_is_relu_before_pooling() -> None:
    torch.manual_seed(0)
    network = networks.build(RECIPES["cnn"]).eval()
    x = torch.randn(3, 1, 28, 28)
    y = x
    for layer in (network[0], nn.ReLU(), network[2], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *network[7:]):
        y = layer(y)
    assert torch.equal(network(x), y)


@pytest.mark.parametrize("network", ["cnn", "lenet", "separable", "valid"])
def test_too_many_convolutions(network: str) -> None:
    with pytest.raises(UsageError, match="leave nothing of a 28 x 28 image"):
        networks.build(Recipe(network=network, channels=(4,) * 14))


def test_unpadded_convolutions_shrink_the_image() -> None:
    network = networks.build(Recipe(network="valid", channels=(4, 5, 6, 7), hidden=()))
    output = network[networks.output_layer(network)]
    assert isinstance(output, nn.Linear)
    assert output.in_features == 7 * 8 * 8  # 14 after pooling, less 2 for each of three
    assert networks.output_layer(network) == len(network) - 2


def test_strided_needs_two_widths() -> None:
    with pytest.raises(UsageError, match="must be two widths, not 1"):
        networks.build(Recipe(network="strided", channels=(16,)))


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_fast_dropout_is_dropout(p: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(500, 401, requires_grad=True)
    layer = Dropout(p)
    y = layer(x)
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=0.005)
    assert torch.allclose(y[kept], torch.tensor(1 / (1 - p)), rtol=1e-4)
    # neighbours, which come from one random number, do not depend on each other
    for gap in (1, 2, 3, 4):
        both = (kept[:, gap:] & kept[:, :-gap]).float().mean().item()
        assert both == pytest.approx((1 - p) ** 2, abs=0.006)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())  # type: ignore[arg-type]
    torch.manual_seed(0)
    assert torch.equal(layer(x), y)
    assert layer.eval()(x) is x


def test_stock_shares_the_weights_and_needs_no_tenfold(tmp_path: Path) -> None:
    network = networks.build(RECIPES["cnn"])
    plain = networks.stock(network)
    assert all(a is b for a, b in zip(network.parameters(), plain.parameters(), strict=True))
    torch.save(plain, tmp_path / "full.pth")
    code = (
        "import sys; sys.modules['tenfold'] = None; import torch; "
        f"print(torch.load({str(tmp_path / 'full.pth')!r}, weights_only=False)(torch.zeros(1, 1, 28, 28)).shape[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "10\n", done.stderr


def test_a_seed_gives_the_same_weights() -> None:
    def weights() -> bytes:
        torch.manual_seed(5)
        kept = io.BytesIO()
        torch.save(networks.build(RECIPES["fast"]).state_dict(), kept)
        return kept.getvalue()

    assert weights() == weights()


def test_a_network_by_name_is_a_plain_module_for_a_loop_of_ones_own() -> None:
    torch.manual_seed(0)
    network = tenfold.networks.build("cnn", hidden=(32,), dropout=0.0)
    assert type(network) is nn.Sequential
    loader = DataLoader(
        tenfold.MNIST(train=False, transform=tenfold.transforms.ToTensor()), batch_size=64, num_workers=0
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for images, labels in itertools.islice(loader, 20):
        loss = nn.functional.cross_entropy(network((images - networks.MEAN) / networks.STD), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    other = tenfold.networks.build("cnn", hidden=(32,), dropout=0.0)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(images), copy.deepcopy(network).eval()(images))
    torch.export.export(other, (images,))
    assert tenfold.networks.build("mlp", 3)(images).shape == (64, 3)
    with pytest.raises(UsageError, match="did you mean 'cnn'"):
        tenfold.networks.build("cnm")
