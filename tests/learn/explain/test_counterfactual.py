import numpy as np
import torch

from conftest import draw_digits
from learn.explain.small import answer, last, tiny
from tenfold.learn import networks
from tenfold.learn.explain.counterfactual import _least, counterfactual
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import evaluation
from tenfold.learn.training.runs import Run


def test_a_change_turns_the_answer_and_is_small(run: Run) -> None:
    model = run.model()
    images = evaluation.test_digits(model, None)[0].images
    sizes = []
    for k in range(3):
        order = answer(model.network, images[k]).argsort(descending=True).tolist()
        changed = counterfactual(model.network, images[k], order[1])
        assert changed is not None
        after = answer(model.network, changed).softmax(0)
        assert after[order[1]] > 0.5
        sizes.append(np.abs(changed.astype(float) - images[k]).sum() / 255)
        assert 0 < sizes[-1] < images[k].sum() / 255  # less than rubbing it out
        assert (changed == images[k]).mean() > 0.3  # and much is left as it was
    assert np.array_equal(changed, counterfactual(model.network, images[k], order[1]))  # type: ignore[arg-type]
    assert np.median(sizes) < 0.5 * np.median(images[:3].sum((1, 2)) / 255)


def test_nothing_less_on_the_way_to_the_change_is_answered_so(run: Run) -> None:
    model = run.model()
    images = evaluation.test_digits(model, None)[0].images
    for image in images[5:8]:
        wanted = int(answer(model.network, image).argsort(descending=True)[1])
        changed = counterfactual(model.network, image, wanted)
        assert changed is not None
        shares = torch.linspace(0, 0.97, 60).view(-1, 1, 1)
        before, after = torch.from_numpy(image).float(), torch.from_numpy(changed).float()
        way = (before + shares * (after - before)).round().to(torch.uint8)
        assert (infer(model.network, way).softmax(1)[:, wanted] <= 0.5).all()


def test_the_least_on_several_ways() -> None:
    ink = torch.zeros(1, 1, 28, 28)
    made = torch.zeros(2, 1, 28, 28)
    made[0, 0, 0, :10] = 1.0  # ten pixels, of which 30 % each are enough
    made[1, 0, 5, 5] = 1.0  # one pixel, of which 80 % are: less in all

    def holds(tried: torch.Tensor) -> torch.Tensor:
        return (tried[:, 0, 0, 0] >= 0.3 * 255) | (tried[:, 0, 5, 5] >= 0.8 * 255)

    least = _least(ink, made, holds)
    assert least is not None
    assert np.count_nonzero(least) == 1
    assert least[5, 5] == 204
    first = _least(ink, made[:1], holds)
    assert first is not None
    assert (first[0, :10] == 77).all()
    assert _least(ink, made, lambda tried: torch.zeros(len(tried), dtype=torch.bool)) is None


def test_the_change_is_the_least_where_that_is_known() -> None:
    # One pixel decides: class 1 has the half where its ink is 0.5. The brush spreads, so a little more is paid.
    network = tiny("mlp", 2, hidden=())
    layer = last(network)
    with torch.no_grad():
        layer.weight[1, 10 * 28 + 12] = 20.0
        layer.bias[0] = 20 * (0.5 - networks.MEAN) / networks.STD
    changed = counterfactual(network, np.zeros((28, 28), np.uint8), 1)
    assert changed is not None
    assert 127 < changed[10, 12] < 140
    far = changed.copy()
    far[8:13, 10:15] = 0
    assert far.max() == 0, "nothing is drawn that does not help"


def test_where_there_is_no_change() -> None:
    network = tiny("mlp", 2, hidden=())
    layer = last(network)
    with torch.no_grad():
        layer.bias[0] = 3.0
    assert counterfactual(network, draw_digits(1).images[0], 1, steps=20) is None
