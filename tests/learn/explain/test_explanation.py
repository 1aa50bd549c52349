import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import tenfold
from conftest import draw_digits, write_idx
from tenfold.errors import MissingExtra, RunError, StorageError, UsageError
from tenfold.learn import networks
from tenfold.learn.explain import explanation
from tenfold.learn.explain import figures as inside_figures
from tenfold.learn.explain.explanation import Inside, explain
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import NETWORKS, Recipe
from tenfold.learn.training.runs import Run

pytest.importorskip("captum")
pytest.importorskip("sklearn")

SMALL: dict[str, Any] = {"batch_size": 50, "quiet": True, "device": "cpu"}
THIN: dict[str, Any] = {"channels": (4, 8), "hidden": (16,)}


def tiny(name: str, classes: int = 10, **changes: Any) -> nn.Sequential:
    torch.manual_seed(0)
    return networks.build(Recipe(network=name, **{**THIN, **changes}), classes).eval()


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tenfold.train("fast", data=data, out=tmp_path_factory.mktemp("inside") / "run", epochs=6, **THIN, **SMALL)


@pytest.fixture(scope="module")
def found(run: Run) -> Inside:
    return explain(run)


def answer(network: nn.Sequential, image: np.ndarray) -> torch.Tensor:
    return infer(network, torch.from_numpy(image[None]))[0]


def test_the_figures_are_there_and_named(run: Run, found: Inside) -> None:
    assert list(found.figures) == ["filters", "map", "overview"]
    for one in found.digits:
        assert list(one.figures) == ["saliency", "layers", "change"]
    paths = [*found.figures.values(), *(path for one in found.digits for path in one.figures.values())]
    assert {path.parent for path in paths} == {run.path / "inside"}
    for path in paths:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(10**7) or []) > 50, path


def test_the_most_doubtful_and_the_surest_mistake_are_told(run: Run) -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]], np.float32)
    assert explanation.telling(probabilities, np.array([0, 0, 0, 0])) == [1, 2]
    assert explanation.telling(probabilities, np.array([0, 0, 1, 1])) == [3]
    assert explanation.telling(probabilities, np.array([1, 1, 0, 0])) == [0]


def test_a_digit_of_the_test_set_is_explained_by_its_number(run: Run, data: Path) -> None:
    test = tenfold.learn.scoring.evaluation.test_digits(run.model(), None)[0]
    (one,) = explain(run, digit=17, draw=False).digits
    assert one.index == 17
    assert (one.image == test.images[17]).all()
    assert one.label == str(test.labels[17])
    assert sum(one.probabilities.values()) == pytest.approx(1)
    assert one.probabilities[one.answer] == max(one.probabilities.values())


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
    gradients = explanation.attributions(network, image, most)[0]
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
    found = explanation.attributions(network, image, 7)[1 if cover == 0 else 2]
    assert np.abs(found).max() > 1e-3
    assert np.allclose(found, lost / covered, atol=1e-5)


def test_occlusion_is_what_the_logit_loses() -> None:
    # A network that sees one pixel alone: (10, 12) speaks for class 1 and against class 0.
    network = tiny("mlp", 2, hidden=())
    with torch.no_grad():
        network[-1].weight.zero_()
        network[-1].weight[1, 10 * 28 + 12] = 1.0
    image = np.zeros((28, 28), np.uint8)
    image[10, 12] = 255
    gradients, erased, inked = explanation.attributions(network, image, 1)
    one = 1 / networks.STD
    assert gradients[10, 12] == pytest.approx(one, rel=1e-3)
    assert np.count_nonzero(np.abs(gradients) > 1e-6) == 1
    assert erased[10, 12] == pytest.approx(one, rel=1e-3)  # every patch over it takes it away
    assert erased.argmax() == 10 * 28 + 12
    assert (erased[:6] == 0).all()
    assert np.allclose(inked, 0, atol=1e-6)
    blank = explanation.attributions(network, np.zeros_like(image), 1)
    assert blank[2][10, 12] == pytest.approx(-one, rel=1e-3)  # the blank there speaks against it
    assert np.allclose(blank[0], 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_looked_into(name: str) -> None:
    network, image = tiny(name), draw_digits(1).images[0]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    seen = explanation.activations(network, image)
    logits = answer(network, image).numpy()
    assert np.allclose(list(seen.values())[-1], logits, atol=1e-5)
    assert list(seen)[-1].endswith("answers")
    assert all(values.ndim in (1, 3) and np.isfinite(values).all() for values in seen.values())
    pictures = explanation.filters(network)
    assert pictures.ndim == 3
    strength = np.square(pictures).sum((1, 2))
    assert (np.diff(strength) <= 1e-6).all()
    embeddings, again = explanation.embed(network, torch.from_numpy(image[None]))
    output = networks.output_layer(network)
    assert torch.allclose(network[output:](embeddings), again, atol=1e-5)
    before_last = network[:output](normalise(grey(torch.from_numpy(image[None])))).flatten(1)
    assert torch.allclose(embeddings, before_last, atol=1e-5)
    for values in explanation.attributions(network, image, 3):
        assert values.shape == (28, 28)
        assert np.abs(values).max() > 0
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_activations_are_those_of_the_layers(name: str) -> None:
    """Nothing that works in place may change what was seen before."""
    network, image = tiny(name), draw_digits(1).images[0]
    seen = explanation.activations(network, image)
    layers = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
    widths = [layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features for layer in layers]
    own = [values for key, values in seen.items() if "average" not in key]
    assert [len(values) for values in own] == widths
    for values, layer in zip(own[:-1], layers, strict=False):
        depthwise = isinstance(layer, nn.Conv2d) and layer.groups > 1  # which has no activation of its own
        if name != "mish" and not depthwise:  # Mish may be negative
            assert values.min() >= 0, "the ReLU belongs to its layer"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("mlp", "pictures") else pytest.mark.slow) for name in RECIPES]
)
def test_every_recipe_is_explained(name: str, data: Path, tmp_path: Path) -> None:
    task = "digits" if name == "pictures" else "parity"
    wide = {"channels": (4,) * len(RECIPES[name].channels), "hidden": (12,) * len(RECIPES[name].hidden)}
    few = {"styles": 50, "outliers": 50} if RECIPES[name].pictures else {}
    changes = {**wide, **few, **SMALL, "epochs": 2}
    learnt = tenfold.train(name, data=data, task=task, out=tmp_path / "run", **changes)
    seen = explain(learnt, digit=8, draw=task == "parity")
    (one,) = seen.digits
    assert set(one.probabilities) == set(seen.classes)
    assert one.runner_up != one.answer
    assert len(seen.map.points) == 200
    assert (task == "parity") == (learnt.path / "inside" / "overview.png").is_file()


def test_own_classes(tmp_path: Path) -> None:
    some = draw_digits(300)
    names = ["$a$", "bee", "c"]
    for part, digits in (("train", some.take(np.arange(240))), ("test", some.take(np.arange(240, 300)))):
        for k, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
            folder = tmp_path / "data" / part / names[label % 3]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{k}.png")
    run = tenfold.train("mlp", data=tmp_path / "data", out=tmp_path / "run", epochs=2, **SMALL)
    seen = explain(run, into=None, out=tmp_path / "there")
    assert seen.classes == ("$a$", "bee", "c")
    assert seen.figures["map"].parent == tmp_path / "there"
    assert not (tmp_path / "run" / "inside").exists()


def test_a_change_turns_the_answer_and_is_small(run: Run) -> None:
    model = run.model()
    images = tenfold.learn.scoring.evaluation.test_digits(model, None)[0].images
    sizes = []
    for k in range(3):
        order = answer(model.network, images[k]).argsort(descending=True).tolist()
        changed = explanation.counterfactual(model.network, images[k], order[1])
        assert changed is not None
        after = answer(model.network, changed).softmax(0)
        assert after[order[1]] > 0.5
        sizes.append(np.abs(changed.astype(float) - images[k]).sum() / 255)
        assert 0 < sizes[-1] < images[k].sum() / 255  # less than rubbing it out
        assert (changed == images[k]).mean() > 0.3  # and much is left as it was
    assert (changed == explanation.counterfactual(model.network, images[k], order[1])).all()
    assert np.median(sizes) < 0.5 * np.median(images[:3].sum((1, 2)) / 255)


def test_nothing_less_on_the_way_to_the_change_is_answered_so(run: Run) -> None:
    model = run.model()
    images = tenfold.learn.scoring.evaluation.test_digits(model, None)[0].images
    for image in images[5:8]:
        wanted = int(answer(model.network, image).argsort(descending=True)[1])
        changed = explanation.counterfactual(model.network, image, wanted)
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

    found = explanation._least(ink, made, holds)
    assert found is not None
    assert np.count_nonzero(found) == 1
    assert found[5, 5] == 204
    first = explanation._least(ink, made[:1], holds)
    assert first is not None
    assert (first[0, :10] == 77).all()
    assert explanation._least(ink, made, lambda tried: torch.zeros(len(tried), dtype=torch.bool)) is None


def test_the_change_is_the_least_where_that_is_known() -> None:
    # One pixel decides: class 1 has the half where its ink is 0.5. The brush spreads, so a little more is paid.
    network = tiny("mlp", 2, hidden=())
    with torch.no_grad():
        network[-1].weight.zero_()
        network[-1].bias.zero_()
        network[-1].weight[1, 10 * 28 + 12] = 20.0
        network[-1].bias[0] = 20 * (0.5 - networks.MEAN) / networks.STD
    changed = explanation.counterfactual(network, np.zeros((28, 28), np.uint8), 1)
    assert changed is not None
    assert 127 < changed[10, 12] < 140
    far = changed.copy()
    far[8:13, 10:15] = 0
    assert far.max() == 0, "nothing is drawn that does not help"


def test_no_change_is_told_where_there_is_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny("mlp", 2, hidden=())
    with torch.no_grad():
        network[-1].weight.zero_()
        network[-1].bias.copy_(torch.tensor([3.0, 0.0]))
    assert explanation.counterfactual(network, draw_digits(1).images[0], 1, steps=20) is None
    monkeypatch.setattr(explanation, "counterfactual", lambda *_, **__: None)
    (one,) = explain(run, digit=2, draw=True).digits
    assert one.change is None
    assert one.figures["change"].is_file()


def test_another_class_can_be_named(run: Run) -> None:
    (plain,) = explain(run, digit=9, draw=False).digits
    other = next(name for name in "0123456789" if name not in (plain.answer, plain.runner_up))
    (one,) = explain(run, digit=9, into=other, draw=False).digits
    assert one.wanted == other
    assert one.runner_up == plain.runner_up
    if one.change is not None:
        assert one.change.answer == other
        assert one.change.probabilities[other] > 0.5


def test_neighbours_stay_neighbours_in_the_map() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = torch.arange(300) % 5
    centres = torch.randn(5, 20, generator=generator) * 8
    points = (centres[groups] + torch.randn(300, 20, generator=generator)).numpy()
    found = explanation.tsne(points)
    assert found.shape == (300, 2)
    assert np.array_equal(found, explanation.tsne(points)), "the same points give the same map"
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
        places = explanation.tsne(some)
        assert places.shape == (count, 2)
        assert np.isfinite(places).all()


def test_the_mistakes_in_the_figure_are_those_that_are_wrong(run: Run, tmp_path: Path) -> None:
    test = draw_digits(100, seed=1)
    test.labels[[3, 50, 77]] = (test.labels[[3, 50, 77]] + 5) % 10
    other = write_idx(tmp_path / "d", draw_digits(20), test)
    given = tenfold.predict(run, count=100, data=other, quiet=True)
    wrong = {one.index for one in given if not one.right}
    assert len(wrong) > 1, "or this says nothing"
    places = explain(run, digit=0, data=other, draw=False).map
    assert {int(k) for k in places.index[places.labels != places.answers]} == wrong
    assert places.mistakes == len(wrong)
    (axis,) = inside_figures.map_of_digits(places, tuple("0123456789")).axes
    right, marked, *_ = axis.collections
    assert np.allclose(np.asarray(marked.get_offsets()), places.points[places.labels != places.answers])
    assert np.allclose(np.asarray(right.get_offsets()), places.points[places.labels == places.answers])
    said = [text.get_text() for text in axis.texts if text.get_fontsize() == 7]
    assert said == [str(label) for label in places.labels[places.labels != places.answers]], "each says what it is"


def test_the_map_has_the_mistakes(run: Run, found: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found.map.total == 200
    assert int((found.map.labels != found.map.answers).sum()) == found.map.mistakes
    monkeypatch.setattr(explanation, "MAPPED", 60)
    less = explain(run, digit=199, draw=False).map
    assert len(less.points) == len(set(less.index.tolist())) == 60
    assert 199 in less.index
    assert less.total == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"digit": 200}, "there is no digit 200: give one from 0 to 199"),
        ({"digit": -1}, "there is no digit -1"),
        ({"into": "x"}, "unknown class 'x'"),
    ],
)
def test_what_cannot_be_meant(run: Run, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        explain(run, draw=False, **options)


def test_the_answer_is_no_change(run: Run) -> None:
    (one,) = explain(run, digit=1, draw=False).digits
    with pytest.raises(UsageError, match=f"digit 1 is answered {one.answer} already"):
        explain(run, digit=1, into=one.answer, draw=False)


def test_a_digit_that_the_task_leaves_out(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, task="0-3/4-6", out=tmp_path / "run", epochs=1, **SMALL)
    labels = draw_digits(200, seed=1).labels
    out = int(np.flatnonzero(labels > 6)[0])
    kept = int(np.flatnonzero((labels <= 6) & (np.arange(200) > out))[0])
    with pytest.raises(UsageError, match=f"digit {out} belongs to no class of this task"):
        explain(run, digit=out, draw=False)
    (one,) = explain(run, digit=kept, draw=False).digits
    assert (one.index, one.label) == (kept, "0-3" if labels[kept] < 4 else "4-6")


def test_without_captum(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtra, match=r"captum.*pip install 'tenfold\[explain\]'"):
        explain(run)


def test_without_scikit_learn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtra, match=r"scikit-learn.*pip install 'tenfold\[explain\]'"):
        explain(run)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(explanation, "embed", lambda *_, **__: pytest.fail("worked for nothing"))
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=r"cannot write figures into .*--out") as caught:
            explain(run, digit=1, out=place)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "x"
    with pytest.raises(UsageError):
        explain(run, digit=1000, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_digit_is_explained_once(run: Run) -> None:
    one, two = explain(run, digit=[4, 3, 4], draw=False).digits
    assert (one.index, two.index) == (4, 3)
    assert explain(run, digit=np.int64(4), draw=False).digits[0].index == 4  # type: ignore[arg-type]


def test_figures_in_words() -> None:
    assert [explanation.percent(share) for share in (0.0, 1e-9, 0.25, 0.5, 0.5001, 0.9989, 0.9999, 1.0)] == (
        ["under 0.1%", "under 0.1%", "25.0%", "50.0%", "over 50%", "99.9%", "over 99.9%", "over 99.9%"]
    )
    assert [explanation.pixels(ink) for ink in (0, 1 / 255, 0.891, 1.04, 31.77)] == [
        "0",
        "0.0039",
        "0.89",
        "1.0",
        "31.8",
    ]


def test_the_small_print_says_what_was_done(run: Run, found: Inside) -> None:
    one = found.digits[0]
    figure = inside_figures.saliency(one)
    words = " ".join(
        " ".join(text.get_text().split()) for part in figure.subfigs for a in part.axes for text in a.texts
    )
    start, end = (f"{values[one.answer]:.1f}".replace("-", "−") for values in (one.blank, one.logits))
    assert f"in 256 steps. Together the pixels take the logit of {one.answer} from {start} to {end}." in words
    assert "4 × 4 pixels" in words
    assert one.change is not None
    titles = [axis.get_title() for axis in inside_figures.change(one).axes]
    assert (
        titles[0] == f"it is {one.label}, answered\n{one.answer} ({explanation.percent(one.probabilities[one.answer])})"
    )
    after = explanation.percent(one.change.probabilities[one.change.answer])
    assert titles[2] == f"then answered\n{one.change.answer} ({after})"


def test_a_run_that_did_not_end(run: Run, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text((run.path / "recipe.json").read_text())
    with pytest.raises(RunError, match="has no model yet"):
        explain(tmp_path)


def test_other_digits_can_be_explained(run: Run, tmp_path: Path) -> None:
    other = write_idx(tmp_path / "d", draw_digits(10), draw_digits(12, seed=5))
    seen = explain(run, digit=11, data=other, draw=False)
    assert seen.map.total == 12
    assert (seen.digits[0].image == draw_digits(12, seed=5).images[11]).all()
