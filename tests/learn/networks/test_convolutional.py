import pytest
import torch
from torch import nn

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe

POOLED, CONVOLUTION = ["Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU"], ["Conv2d", "BatchNorm2d", "ReLU"]


def kinds(network: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in networks.stock(network)]


def test_cnn_has_the_layers_and_parameters_of_the_usual_example() -> None:
    network = networks.build(RECIPES["cnn"])
    ends = ["Flatten", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert kinds(network) == ["Conv2d", "ReLU", "Conv2d", "MaxPool2d", "ReLU", *ends]
    # 3 x 3 convolutions of 32 and 64, then 9216 to 128 to 10
    assert networks.parameters(network) == 320 + 18_496 + 9216 * 128 + 128 + 1290


def test_valid_convolutions_shrink_the_image_and_normalise_logits() -> None:
    network = networks.build(Recipe(network="valid", channels=(4, 5, 6, 7), hidden=()))
    assert kinds(network) == [*POOLED, *CONVOLUTION * 3, "Flatten", "Dropout", "Linear", "BatchNorm1d"]
    output = network.get_submodule(networks.output_layer(network))
    assert isinstance(output, nn.Linear)
    assert output.in_features == 7 * 8 * 8  # 14 after pooling, less 2 for each of three
    assert networks.output_layer(network) == str(len(network) - 2)


def test_separable_convolutions_are_few_parameters() -> None:
    network = networks.build(Recipe(network="separable", channels=(4, 8, 6), hidden=()))
    ends = ["AvgPool2d", "Flatten", "Dropout", "Linear"]
    assert kinds(network) == [*POOLED, *["Conv2d", *CONVOLUTION] * 2, *ends]
    # 5 x 5 to 4; 3 x 3 each and 4 to 8; 3 x 3 each and 8 to 6; gains and offsets of 18 channels; 6 to 10
    assert networks.parameters(network) == 100 + (36 + 32) + (72 + 48) + 2 * 18 + 70


def test_relu_after_pooling_is_relu_before_pooling() -> None:
    torch.manual_seed(0)
    network = networks.build(RECIPES["cnn"]).eval()
    x = torch.randn(3, 1, 28, 28)
    y = x
    for layer in (network[0], nn.ReLU(), network[2], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *list(network)[7:]):
        y = layer(y)
    assert torch.equal(network(x), y)


@pytest.mark.parametrize("network", ["cnn", "lenet", "separable", "valid", "vgg"])
def test_too_many_convolutions(network: str) -> None:
    with pytest.raises(UsageError, match="leave nothing of a 28 x 28 image"):
        networks.build(Recipe(network=network, channels=(4,) * 14))


def test_strided_needs_two_widths() -> None:
    with pytest.raises(UsageError, match="must be two widths, not 1"):
        networks.build(Recipe(network="strided", channels=(16,)))
