import numpy as np
import pytest
import torch
from torch import nn

from conftest import draw_digits
from learn.explain.small import tiny
from tenfold.errors import UsageError
from tenfold.learn.explain.layers import layers, without
from tenfold.learn.networks import NETWORKS
from tenfold.learn.networks.inference import infer

IMAGE = draw_digits(10).images[3]


def logits(network: nn.Sequential) -> np.ndarray:
    found: np.ndarray = infer(network, torch.from_numpy(IMAGE)[None])[0].numpy()
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_of_each_sum_add_up_to_it(name: str) -> None:
    network = tiny(name).eval()
    found = layers(network, IMAGE)
    sums: dict[str, np.ndarray] = {}
    hooks = [
        module.register_forward_hook(
            lambda module, _, made, at=at: sums.update(
                {at: made[0].detach().flatten(1 if made.dim() == 4 else 0).numpy()}
            )
        )
        for at, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    expected = logits(network)
    for hook in hooks:
        hook.remove()
    assert [layer.name for layer in found] == list(sums)
    for layer in found:
        largest = sums[layer.name].max(1) if sums[layer.name].ndim == 2 else sums[layer.name]
        assert layer.weights.shape == layer.given.shape
        assert layer.parts.sum(1) + layer.bias == pytest.approx(largest, abs=1e-4)
        assert len(layer.maps) == len(layer.weights) == len(layer.places)
    assert found[-1].maps.ravel() == pytest.approx(expected, abs=1e-5)


def test_the_first_layer_is_given_the_picture_where_its_sum_is_largest() -> None:
    found = layers(tiny("cnn"), IMAGE)[0]
    for unit, (row, column) in enumerate(found.places):
        height, width = found.weights.shape[2:]
        seen = IMAGE[row : row + height, column : column + width] / 255
        assert found.given[unit, 0] * 0.3081 + 0.1307 == pytest.approx(seen, abs=1e-5)


def test_the_first_weights_of_a_fully_connected_network_are_pictures() -> None:
    found = layers(tiny("mlp"), IMAGE)
    assert found[0].weights.shape[1:] == (1, 28, 28)
    assert found[0].given[0, 0] * 0.3081 + 0.1307 == pytest.approx(IMAGE / 255, abs=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_switched_off_hands_on_nothing(name: str) -> None:
    network = tiny(name).eval()
    before = logits(network)
    for layer in layers(network, IMAGE)[:-1]:
        everything = {layer.name: range(len(layer.maps))}
        silent = layers(network, IMAGE, everything)
        at = [one.name for one in silent].index(layer.name)
        assert not silent[at].maps.any()
        assert not silent[at + 1].parts.any()
        with without(network, everything):
            assert logits(network) == pytest.approx(silent[-1].maps.ravel(), abs=1e-5)
            assert logits(network) != pytest.approx(before)
    assert (logits(network) == before).all()  # and nothing is left of it


@pytest.mark.parametrize("off", [{"99": [0]}, {"0": [99]}, {"0": [-1]}])
def test_units_that_there_are_not(off: dict[str, list[int]]) -> None:
    with pytest.raises(UsageError, match=r"no layer whose units|has the units 0 to"):
        layers(tiny("cnn"), IMAGE, off)


def test_the_answers_are_not_switched_off() -> None:
    network = tiny("cnn")
    last = layers(network, IMAGE)[-1].name
    with pytest.raises(UsageError, match="no layer whose units"), without(network, {last: [0]}):
        pass


def test_a_network_without_weights() -> None:
    with pytest.raises(UsageError, match="no convolution"):
        layers(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784)), IMAGE)
