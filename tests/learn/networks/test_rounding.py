import pytest
import torch
from torch import nn

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.networks import rounding
from tenfold.learn.recipes.recipe import Recipe


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_become_whole_numbers_of_so_many_bits(bits: int) -> None:
    torch.manual_seed(0)
    weight = torch.randn(6, 3, 5, 5)
    numbers, step = rounding.quantize(weight, bits)
    most = 2 ** (bits - 1) - 1
    assert torch.equal(numbers, numbers.round())
    assert numbers.abs().flatten(1).amax(1).tolist() == [most] * 6
    assert ((numbers * step - weight).abs() <= step / 2 + 1e-6).all()


def test_the_gradient_passes_the_rounding() -> None:
    weight = torch.randn(4, 9, requires_grad=True)
    torch.autograd.backward((rounding.rounded(weight, 3) * torch.arange(9.0)).sum())
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.arange(9.0).expand(4, 9))


def test_a_network_learns_with_rounded_weights_and_stock_has_these() -> None:
    torch.manual_seed(0)
    network = networks.build("tiny", weight_bits=4)
    layers = [layer for layer in network if isinstance(layer, rounding.RoundedConv2d | rounding.RoundedLinear)]
    assert len(layers) == 10
    before = [layer.weight.clone() for layer in layers]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    images, labels = torch.rand(64, 1, 28, 28), torch.arange(64) % 10
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    assert all((old != layer.weight).any() for old, layer in zip(before, layers, strict=True))
    plain = networks.stock(network)
    assert {type(layer).__module__.partition(".")[0] for layer in plain} == {"torch"}
    values = [layer.weight for layer in plain if isinstance(layer, nn.Conv2d)]
    assert all(len({*weight[0].flatten().tolist()}) <= 15 for weight in values)
    network.eval()
    plain.eval()
    assert torch.equal(network(images), plain(images))
    assert set(plain.state_dict()) == set(networks.build("tiny").state_dict())
    assert isinstance(network[0], rounding.RoundedConv2d)  # it is left as it was


class Own(nn.Module):
    """A network of a user's own, whose layers are inside of it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(784, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits."""
        logits: torch.Tensor = self.inner(image)
        return logits


def test_the_layers_inside_of_a_network_of_ones_own_are_rounded_too() -> None:
    network = nn.Sequential(Own(10))
    rounding.round_weights(network, 3)
    plain = networks.stock(network)
    images = torch.rand(5, 1, 28, 28)
    assert torch.equal(network(images), plain(images))
    assert [type(layer) for layer in plain.modules() if isinstance(layer, nn.Linear)] == [nn.Linear]
    assert len({*plain.state_dict()["0.inner.1.weight"][0].tolist()}) <= 7
    assert networks.stock(plain)[0] is plain[0]


def test_bits_that_there_are_not() -> None:
    for bits in (1, 9, 31, 33):
        with pytest.raises(UsageError, match="weight-bits must be"):
            Recipe(weight_bits=bits)
