import numpy as np
import pytest
import torch

from conftest import draw_digits
from learn.explain.small import answer, last, tiny
from tenfold.learn import networks
from tenfold.learn.explain.attributions import attributions, still
from tenfold.learn.explain.explain import explain
from tenfold.learn.networks import NETWORKS
from tenfold.learn.networks.inference import infer
from tenfold.learn.training.runs import Run


def test_integrated_gradients_add_up(run: Run) -> None:
    """Completeness: M. Sundararajan et al. 2017, proposition 1."""
    (one,) = explain(run, digit=5, draw=False).digits
    network, names = run.model().network, run.model().task.classes
    blank = answer(network, np.zeros_like(one.image))
    given = answer(network, one.image)
    for gradients, name in zip(one.gradients, (one.answer, one.runner_up), strict=True):
        k = names.index(name)
        assert gradients.sum() == pytest.approx(float(given[k] - blank[k]), abs=0.02)
        assert (gradients[one.image == 0] == 0).all()
        assert one.logits[name] == pytest.approx(float(given[k]), abs=1e-4)
        assert one.blank[name] == pytest.approx(float(blank[k]), abs=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_add_up_in_every_network(name: str) -> None:
    network, image = tiny(name), draw_digits(1).images[0]
    differences = answer(network, image) - answer(network, np.zeros_like(image))
    most = int(differences.abs().argmax())
    gradients = attributions(network, image, most)[0]
    assert gradients.sum() == pytest.approx(float(differences[most]), rel=0.02)


@pytest.mark.parametrize("cover", [0, 255])
def test_occlusion_by_hand(cover: int) -> None:
    """What the logit loses, averaged over the patches of 4 x 4 pixels that cover a pixel."""
    network, image = tiny("lenet"), draw_digits(1).images[0]
    lost, covered = np.zeros((28, 28)), np.zeros((28, 28))
    patched = []
    for y in range(25):
        for x in range(25):
            one = image.copy()
            one[y : y + 4, x : x + 4] = cover
            patched.append(one)
    logits = infer(network, torch.from_numpy(np.stack(patched)))[:, 7].numpy().reshape(25, 25)
    for y in range(25):
        for x in range(25):
            lost[y : y + 4, x : x + 4] += float(answer(network, image)[7]) - logits[y, x]
            covered[y : y + 4, x : x + 4] += 1
    found = attributions(network, image, 7)[1 if cover == 0 else 2]
    assert np.abs(found).max() > 1e-3
    assert np.allclose(found, lost / covered, atol=1e-5)


def test_occlusion_is_what_the_logit_loses() -> None:
    # A network that sees one pixel alone: (10, 12) speaks for class 1 and against class 0.
    network = tiny("mlp", 2, hidden=())
    layer = last(network)
    with torch.no_grad():
        layer.weight[1, 10 * 28 + 12] = 1.0
    image = np.zeros((28, 28), np.uint8)
    image[10, 12] = 255
    gradients, erased, inked = attributions(network, image, 1)
    one = 1 / networks.STD
    assert gradients[10, 12] == pytest.approx(one, rel=1e-3)
    assert np.count_nonzero(np.abs(gradients) > 1e-6) == 1
    assert erased[10, 12] == pytest.approx(one, rel=1e-3)  # every patch over it takes it away
    assert erased.argmax() == 10 * 28 + 12
    assert (erased[:6] == 0).all()
    assert np.allclose(inked, 0, atol=1e-6)
    blank = attributions(network, np.zeros_like(image), 1)
    assert blank[2][10, 12] == pytest.approx(-one, rel=1e-3)  # the blank there speaks against it
    assert np.allclose(blank[0], 0)


def test_the_network_is_left_as_it_was() -> None:
    network = tiny("lenet").train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with still(network):
        assert not network.training
    attributions(network, draw_digits(1).images[0], 3)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())
