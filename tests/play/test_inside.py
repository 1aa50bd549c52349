import base64
import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from conftest import draw_digits
from learn.explain.small import tiny
from tenfold.errors import UsageError
from tenfold.learn.explain.layers import layers
from tenfold.learn.networks.inference import infer
from tenfold.mnist import DIGITS, sources
from tenfold.mnist.sources import Source
from tenfold.play import inside

IMAGES = draw_digits(20).images[:2]


@dataclass
class Look:
    """What is looked at."""

    track: int = 0
    digit: int = 0
    seen: int | None = None
    covered: str | None = None
    off: dict[str, list[int]] = field(default_factory=dict)


def session(network: nn.Sequential) -> Any:
    """What of a session a look inside asks for."""
    track = SimpleNamespace(watch=SimpleNamespace(at=lambda seen: (network, None)))
    return SimpleNamespace(
        track=lambda number: track, digits=torch.from_numpy(IMAGES), classes=DIGITS, data=None, network=network
    )


@pytest.fixture(params=["cnn", "mlp"])
def there(request: pytest.FixtureRequest) -> Any:
    return session(tiny(request.param).eval())


def test_maps_are_what_the_layers_hand_on(there: Any) -> None:
    told = inside.maps(there, Look(digit=1))
    assert base64.b64decode(told["ink"]) == IMAGES[1].tobytes()
    assert told["now"] == pytest.approx(
        infer(there.network, torch.from_numpy(IMAGES[1:])).softmax(1)[0].tolist(), abs=1e-5
    )
    for row, layer in zip(told["layers"], layers(there.network, IMAGES[1]), strict=True):
        levels = np.frombuffer(base64.b64decode(row["levels"]), np.uint8).astype(float)
        largest = float(np.abs(layer.maps).max())
        assert (levels - 128) / 127 * largest == pytest.approx(layer.maps.ravel(), abs=0.01 * largest)


def test_what_matters_most_is_followed_back_from_the_answer(there: Any) -> None:
    found = layers(there.network, IMAGES[0])
    rows = inside.followed(found)
    assert rows[0] == []
    assert {unit for _, unit, _ in rows[-1]} == {int(found[-1].maps.argmax())}
    for before, after in itertools.pairwise(rows[1:]):
        assert {unit for _, unit, _ in before} == {unit for unit, _, _ in after}
    for layer, joins in zip(found[1:], rows[1:], strict=True):
        for unit in {unit for _, unit, _ in joins}:
            largest = max(abs(share) for _, one, share in joins if one == unit)
            assert largest == pytest.approx(1)
        for k, unit, share in joins:
            assert (share > 0) == (layer.parts[unit, k] > 0)


def test_a_unit_is_the_sum_of_its_parts(there: Any) -> None:
    for layer in layers(there.network, IMAGES[0]):
        told = inside.unit(there, Look(), layer.name, 1)
        parts = sum(one["part"] for one in told["parts"])
        assert parts + told["others"] + told["bias"] == pytest.approx(told["sum"], abs=1e-4)
    for name, number in (("99", 0), ("0", 10_000), (layer.name, -1)):
        with pytest.raises(UsageError, match="has no unit"):
            inside.unit(there, Look(), name, number)


def test_what_is_covered_and_what_is_off_counts(there: Any) -> None:
    nothing = base64.b64encode(bytes(784)).decode()
    blank = infer(there.network, torch.zeros(1, 28, 28, dtype=torch.uint8)).softmax(1)[0].tolist()
    assert inside.maps(there, Look(covered=nothing))["now"] == pytest.approx(blank, abs=1e-5)
    first = layers(there.network, IMAGES[0])[-2].name
    assert inside.maps(there, Look(off={first: [0, 1]}))["now"] != inside.maps(there, Look())["now"]


def test_accuracy_with_and_without(there: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = draw_digits(60)
    monkeypatch.setattr(sources, "load", lambda data: Source("some", digits, digits, None))
    answers = infer(there.network, torch.from_numpy(digits.images)).argmax(1).numpy()
    told = inside.accuracy(there, Look())
    assert told == {"before": pytest.approx((answers == digits.labels).mean()), "after": told["before"], "n": 60}
    # With all of the last hidden layer off every digit gets the same answer, which is right for a tenth.
    hidden = layers(there.network, IMAGES[0])[-2]
    assert inside.accuracy(there, Look(off={hidden.name: [*range(len(hidden.maps))]}))["after"] == pytest.approx(0.1)


def test_the_least_change(there: Any) -> None:
    wanted = (int(infer(there.network, torch.from_numpy(IMAGES[:1])).argmax()) + 1) % 10
    told = inside.change(there, Look(), wanted)
    if told["ink"] is not None:
        ink = np.frombuffer(base64.b64decode(told["ink"]), np.uint8).reshape(28, 28)
        assert np.argmax(told["now"]) == wanted
        assert told["changed"] == pytest.approx(np.abs(ink.astype(float) - IMAGES[0]).sum() / IMAGES[0].sum())
    with pytest.raises(UsageError, match="no class 10"):
        inside.change(there, Look(), 10)


@pytest.mark.parametrize("look", [Look(digit=2), Look(covered="AAAA"), Look(covered="nonsense!")])
def test_what_is_not_there(there: Any, look: Look) -> None:
    with pytest.raises(UsageError, match=r"no such digit|must be 784 bytes"):
        inside.maps(there, look)
