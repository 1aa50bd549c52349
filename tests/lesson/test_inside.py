import numpy as np
import pytest
import torch
from torch import nn

from lesson.conftest import Shown
from tenfold.lesson import convolution, network, pooling


@pytest.mark.parametrize(("sign", "color", "other"), [(1, "red", "blue"), (-1, "blue", "red")])
def test_lines_are_red_where_they_add_and_blue_where_they_take_away(
    shown: list[Shown], sign: int, color: str, other: str
) -> None:
    hidden, last = nn.Linear(784, 20), nn.Linear(20, 10)
    with torch.no_grad():
        hidden.weight.uniform_(0.1, 0.2)
        last.weight.uniform_(0.1, 0.2).mul_(sign)
        last.bias[6] += 1_000
    network(nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Dropout(0.5), last), torch.rand(1, 28, 28), "A network")
    assert shown[0].alt.endswith("784 to 20 to 10. It answers 6.")
    assert shown[0].share(color) > 0.001 > shown[0].share(other) == 0


def test_one_layer_of_weights_is_a_network_too(shown: list[Shown]) -> None:
    network(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), torch.rand(1, 28, 28))
    assert "784 to 10." in shown[0].alt


@pytest.mark.parametrize("hidden", [0, 2])
def test_the_digit_is_a_square(shown: list[Shown], hidden: int) -> None:
    layers = [nn.Linear(784, 784), nn.ReLU()] * hidden
    network(nn.Sequential(nn.Flatten(), *layers, nn.Linear(784, 10)), torch.ones(1, 28, 28))
    dark = np.asarray(shown[0].picture.convert("L"))[:, : 200 * 2] < 30
    assert dark.sum(0).max() == pytest.approx(dark.sum(1).max(), rel=0.05)


def test_a_convolution_and_pooling(shown: list[Shown]) -> None:
    image, window = torch.rand(28, 28), torch.tensor([[1.0, 0], [0, -1]])
    result = nn.functional.conv2d(image[None, None], window[None, None])[0, 0]
    convolution(image, window, result, (3, 4))
    pooling(result[:4, :4], nn.functional.max_pool2d(result[None, :4, :4], 2)[0])
    assert "2 × 2 pixels" in shown[0].alt
    assert all(each.share("red") > 0.01 and each.share("blue") > 0.01 for each in shown[:1])
    assert "smaller table" in shown[1].alt
