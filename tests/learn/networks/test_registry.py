import copy
import io

import pytest
import torch
from torch import nn

import tenfold
from conftest import draw_digits
from learn.trainings import OF_DIGITS
from tenfold.errors import StorageError, UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES


@pytest.mark.parametrize("name", OF_DIGITS)
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
    with pytest.raises(UsageError, match="did you mean 'cnn'"):
        networks.build("cnm")


def test_batch_normalisation_needs_two() -> None:
    with pytest.raises(UsageError, match="--batch-size must be 2 or more for the batch normalisation of strided"):
        networks.build("fast", batch_size=1)
    assert networks.build("mlp", batch_size=1)


def test_a_seed_gives_the_same_weights() -> None:
    def weights() -> bytes:
        torch.manual_seed(5)
        kept = io.BytesIO()
        torch.save(networks.build(RECIPES["fast"]).state_dict(), kept)
        return kept.getvalue()

    assert weights() == weights()


def test_a_network_by_name_is_a_plain_module_for_a_loop_of_ones_own() -> None:
    torch.manual_seed(0)
    network = tenfold.networks.build("cnn", channels=(4, 8), hidden=(32,), dropout=0.0)
    assert type(network) is nn.Sequential
    digits = draw_digits(64)
    ink = (torch.from_numpy(digits.images)[:, None] / 255 - networks.MEAN) / networks.STD
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(10):
        loss = nn.functional.cross_entropy(network(ink), torch.from_numpy(digits.labels))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    other = tenfold.networks.build("cnn", channels=(4, 8), hidden=(32,), dropout=0.0)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(ink), copy.deepcopy(network).eval()(ink))
    torch.export.export(other, (ink,))
    assert tenfold.networks.build("mlp", 3)(ink).shape == (64, 3)


def test_a_network_has_an_end_which_is_known_before_it_is_made() -> None:
    began = torch.random.get_rng_state()
    for widths in ((40_000, 40_000), (2**31 - 1,) * 3):
        with pytest.raises(StorageError, match=r"not enough memory .*must make 100,000,000 at most"):
            networks.build("mlp", network="mlp", hidden=widths)
    outlined = networks.outline(RECIPES["mlp"], 10)
    assert outlined is not None
    assert next(outlined.parameters()).is_meta
    assert torch.equal(torch.random.get_rng_state(), began)
