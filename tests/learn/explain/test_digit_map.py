import numpy as np
import pytest
import torch

from conftest import draw_digits
from learn.explain.small import tiny
from tenfold.learn import networks
from tenfold.learn.explain.digit_map import embed, shown, tsne
from tenfold.learn.networks import NETWORKS
from tenfold.learn.networks.inference import grey, normalise


@pytest.mark.parametrize("name", NETWORKS)
def test_embeddings_are_what_the_last_layer_is_given(name: str) -> None:
    network, images = tiny(name), torch.from_numpy(draw_digits(2).images)
    embeddings, logits = embed(network, images)
    output = int(networks.output_layer(network))
    assert torch.allclose(network[output:](embeddings), logits, atol=1e-5)
    assert torch.allclose(embeddings, network[:output](normalise(grey(images))).flatten(1), atol=1e-5)


def test_neighbours_stay_neighbours_in_the_map() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = torch.arange(300) % 5
    centres = torch.randn(5, 20, generator=generator) * 8
    points = (centres[groups] + torch.randn(300, 20, generator=generator)).numpy()
    found = tsne(points)
    assert found.shape == (300, 2)
    assert np.array_equal(found, tsne(points)), "the same points give the same map"
    places = torch.from_numpy(found)
    distances = torch.cdist(places, places).fill_diagonal_(torch.inf)
    assert (groups[distances.argmin(1)] == groups).all()
    middles = torch.stack([places[groups == k].mean(0) for k in range(5)])
    within = torch.stack([(places[groups == k] - middles[k]).norm(dim=1).max() for k in range(5)]).max()
    assert torch.pdist(middles).min() > within, "the groups lie apart"


@pytest.mark.parametrize("count", [1, 2, 4, 7])
@pytest.mark.parametrize("size", [1, 3])
def test_few_or_equal_points_have_a_map(count: int, size: int) -> None:
    points = np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)
    for some in (points, np.ones_like(points), np.full_like(points, 0.1), np.zeros_like(points)):
        places = tsne(some)
        assert places.shape == (count, 2)
        assert np.isfinite(places).all()


def test_a_map_has_the_chosen_the_mistakes_and_some_others() -> None:
    wrong = np.arange(1000) % 100 == 7
    some = shown(wrong, [3, 3, 999], 60)
    assert some.tolist() == sorted(set(some.tolist()))
    assert len(some) == 60
    assert {3, 999, *np.flatnonzero(wrong).tolist()} <= set(some.tolist())
    assert wrong[shown(np.arange(1000) % 2 == 1, [], 60)].sum() <= 20
