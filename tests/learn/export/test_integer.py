import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from conftest import draw_digits
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.export import integer
from tenfold.learn.networks.batchnorm import recalibrate
from tenfold.learn.networks.inference import infer

CLASSES = tuple(map(str, range(10)))
NETWORKS: dict[str, dict[str, Any]] = {
    "separable": {"channels": (6, 8, 10), "hidden": ()},
    "strided": {"channels": (8, 12), "hidden": (16,)},
    "vgg": {"channels": (6, 8), "hidden": ()},
    "valid": {"channels": (6, 8), "hidden": ()},
    "cnn": {"channels": (4, 6), "hidden": (12,)},
    "lenet": {"channels": (4, 6), "hidden": (12,)},
    "mlp": {"hidden": (20, 12)},
}


def images(count: int = 200) -> NDArray[np.uint8]:
    return draw_digits(count).images


def network(name: str, bits: int = 32) -> nn.Sequential:
    """A network with random weights, and statistics as if it had learnt; its gains are of both signs."""
    torch.manual_seed(0)
    made = networks.build("cnn", network=name, weight_bits=bits, **NETWORKS[name])
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 0.5, 0.6)
            nn.init.normal_(layer.bias, 0.2, 0.3)
    recalibrate(made, torch.from_numpy(images()))
    return made.eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bits", [32, 5])
def test_whole_numbers_stay_close_to_the_network(name: str, bits: int) -> None:
    floats = network(name, bits)
    logits = infer(floats, torch.from_numpy(images())).numpy()
    whole = integer.of_network(floats, images(), CLASSES)
    scores = whole.scores(images()) / whole.scale
    assert np.abs(scores - logits).max() < 0.12 * (logits.max() - logits.min())
    assert np.corrcoef(scores.ravel(), logits.ravel())[0, 1] > 0.995
    assert {layer.bits for layer in whole.layers if not layer.ones} == {min(bits, 8)}
    for layer in whole.layers:
        assert np.abs(layer.weights).max() <= 2 ** (layer.bits - 1) - 1


def test_no_sum_leaves_32_bits() -> None:
    """Whatever the image is: bounds of each layer's sums, from its weights alone."""
    for name in NETWORKS:
        for layer in integer.of_network(network(name), images(), CLASSES).layers:
            most = 255 * np.abs(layer.weights.astype(np.int64)).reshape(layer.outputs, -1).sum(1)
            multiplier, bias = (np.abs(each.astype(np.int64)) for each in (layer.multiplier, layer.bias))
            assert (most * multiplier + bias * 2**layer.bias_shift).max() < 2**31
            assert 0 <= layer.bias_shift <= layer.shift <= 30


def test_what_it_takes_is_counted() -> None:
    whole = integer.of_network(network("separable", 4), images(), CLASSES)
    weights = 25 * 6 + (9 * 6 + 6 * 8) + (9 * 8 + 8 * 10) + 10 * 10
    outputs = 6 + (6 + 8) + (8 + 10) + 10 + 10
    assert whole.constants == math.ceil(weights / 2) + 1 + 4 * outputs + 16 * len(whole.layers)
    sides = [layer.output_side for layer in whole.layers]
    assert sides == [12, 10, 10, 8, 8, 1, 1]
    assert whole.ram == 6 * 144 + 6 * 100  # of the first layer and the second, in turns
    first = 6 * 24 * 24 * (25 + 1)
    assert whole.layers[0].multiplications == first
    assert whole.multiplications > first


def test_other_layers_are_refused() -> None:
    for layers, says in (
        ([nn.Flatten(), nn.Linear(784, 10), nn.Mish()], "Mish cannot be computed"),
        ([nn.Conv2d(1, 4, 3, dilation=2), nn.Flatten(), nn.Linear(4 * 24 * 24, 10)], "Conv2d cannot be computed"),
        (
            [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(2704, 10)],
            "BatchNorm2d cannot be computed",
        ),
        ([nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, groups=4), nn.Flatten(), nn.Linear(8 * 576, 10)], "Conv2d cannot be"),
        ([nn.Conv2d(1, 10, 3)], "must end with a fully connected layer"),
        ([nn.Flatten()], "must end with a fully connected layer"),
    ):
        with pytest.raises(UsageError, match=says):
            integer.of_network(nn.Sequential(*layers), images(5), CLASSES)
