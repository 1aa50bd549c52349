"""Going on from a trained network: whose recipe it is, what is mixed in, and what becomes of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from torch import Tensor

import tenfold
from conftest import Cli, draw_digits
from tenfold.errors import DataError, Interrupted, RunError, UsageError
from tenfold.learn.digits import dataset, styles
from tenfold.learn.export import onnx
from tenfold.learn.export import weights as formats
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import models, runs, start
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded, sources
from tenfold.mnist.digits import Digits

CPU = torch.device("cpu")
QUICK: dict[str, Any] = {"quiet": True, "device": "cpu", "epochs": 1, "mix": 256}


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> Digits:
    """MNIST with a tenth of its training digits, the last 1,000 of which are held out."""
    some = embedded.read("train").take(np.arange(6000))
    read = embedded.read
    monkeypatch.setattr(embedded, "read", lambda part: some if part == "train" else read(part))
    return some


def sevens(count: int, seed: int = 0) -> np.ndarray:
    """7s that are an upright stroke with a short flag, which is a 1 to the bundled model: (N, 28, 28)."""
    generator = np.random.default_rng(seed)
    canvases = np.zeros((count, 96, 96), np.uint8)
    for canvas in canvases:
        image = Image.new("L", (96, 96))
        lean, reach = generator.uniform(-3, 3), generator.uniform(12, 17)
        points = [(45 - reach, 15 + 0.5 * reach), (45.0, 15.0), (45 - lean, 80.0)]
        ImageDraw.Draw(image).line(points, 255, int(generator.integers(5, 9)), joint="curve")
        canvas[:] = np.asarray(image)
    return styles.normalised(canvases)


def corrections(folder: Path, images: np.ndarray, label: str = "7") -> Path:
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / label / f"{number}.png")
    return folder


def weights(run: Run) -> dict[str, Tensor]:
    return load_file(run.model_file)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first | second)


def answers(run: Run, images: np.ndarray) -> np.ndarray:
    logits = start.infer(run.model().network, torch.from_numpy(images))
    return np.asarray(logits.argmax(1))


def test_the_recipe_is_that_of_the_network_with_few_steps_at_a_low_rate() -> None:
    initial = RECIPES["pictures"]
    recipe = presets.fine_tuning(initial, data="c", init="default")
    assert recipe.name == "teach"
    for name in ("network", "channels", "hidden", "augment", "pictures", "amp", "channels_last"):
        assert getattr(recipe, name) == getattr(initial, name)
    assert recipe.epochs < initial.epochs / 5
    assert recipe.lr < initial.lr / 5
    assert 0 < recipe.mix < 20_000
    assert recipe.styles / recipe.mix == pytest.approx(initial.styles / 50_000, rel=0.01)
    assert recipe.outliers / recipe.mix == pytest.approx(initial.outliers / 50_000, rel=0.01)


def test_options_override_each_field_of_it() -> None:
    changes: dict[str, Any] = {"data": "c", "mix": 1000, "lr": 0.5, "styles": 7, "name": "mine", "channels": (8, 8, 8)}
    recipe = presets.fine_tuning(RECIPES["pictures"], **changes)
    assert {name: getattr(recipe, name) for name in changes} == changes
    assert recipe.outliers == 240
    with pytest.raises(UsageError, match="did you mean 'outliers'"):
        presets.fine_tuning(RECIPES["pictures"], outlier=3)


def test_nothing_is_mixed_in_without_own_digits_or_for_a_new_head() -> None:
    recipe = presets.fine_tuning(RECIPES["pictures"], init="default")
    assert (recipe.mix, recipe.styles, recipe.outliers) == (0, 6000, 12_000)
    recipe = presets.fine_tuning(RECIPES["pictures"], init="default", data="letters", new_head=True)
    assert (recipe.mix, recipe.styles, recipe.outliers) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mix": 100}, "--mix goes with --data"),
        ({"mix": -1, "data": "c"}, r"--mix must be .* up to 50,000, not -1"),
        ({"mix": 50_001, "data": "c"}, "up to 50,000"),
    ],
)
def test_a_mixture_that_makes_no_sense(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Recipe(**changes)


def test_two_pictures_of_one_class_are_enough(tmp_path: Path) -> None:
    images = sevens(2)
    recipe = Recipe(data=str(corrections(tmp_path / "c", images)), mix=1000, batch_size=100, pictures=True)
    found = dataset.load(recipe, CPU)
    mnist = embedded.read("train")
    own = (found.images[:, None] == torch.from_numpy(images)).all(dim=(2, 3))  # (N, 2)
    times = own.sum(0).tolist()
    assert times == [dataset.MOST] * 2  # both are learnt, and often
    assert (found.labels[own.any(1)] == 7).all()
    assert len(found.images) == 1000 + sum(times)
    assert found.task.classes == tuple("0123456789")
    # The others are MNIST's, none of those that are held out.
    held = {image.tobytes() for image in mnist.images[50_000:]}
    others = [image.tobytes() for image in found.images[~own.any(1)].numpy()]
    assert len(set(others)) == 1000
    assert not held & set(others)
    assert found.val_images is not None
    assert (found.val_images.numpy() == mnist.images[50_000:]).all()
    assert found.own_labels is not None
    assert found.own_labels.tolist() == [7, 7]
    # What is drawn once for each digit fits the copies as well.
    assert found.distances is not None
    first = found.distances[own[:, 0]]
    assert (first == first[0]).all()
    assert not (first[0] == found.distances[own[:, 1]][0]).all()
    told = " ".join(found.source.notes)
    assert f"2 digits of yours (2 x 7), {sum(times)} times an epoch in all, along with 1,000 of MNIST's" in told
    assert "none of them is held out; validation is on 10,000 of MNIST's" in told


def test_the_mixture_follows_from_the_seed(tmp_path: Path, little: Digits) -> None:
    data = str(corrections(tmp_path / "c", sevens(3)))

    def images(seed: int) -> Tensor:
        return dataset.load(Recipe(data=data, mix=500, seed=seed), CPU).images

    assert torch.equal(images(1), images(1))
    assert not torch.equal(images(1)[:500], images(2)[:500])


def test_few_of_a_class_are_learnt_the_oftener(tmp_path: Path, little: Digits) -> None:
    for label, count in (("7", 10), ("1", 5), ("4", 1), ("0", 150)):
        corrections(tmp_path / "c", sevens(count), label)
    found = dataset.load(Recipe(data=str(tmp_path / "c"), mix=500), CPU)
    assert found.labels[500:].bincount(minlength=10).tolist() == [150, 50, 0, 0, 25, 0, 0, 50, 0, 0]


def test_of_many_own_digits_a_share_is_held_out(
    tmp_path: Path, little: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = draw_digits(60)
    np.savez(tmp_path / "d.npz", images=digits.images, labels=digits.labels)
    recipe = Recipe(data=str(tmp_path / "d.npz"), mix=200, batch_size=100)

    def checked(**changes: Any) -> int:
        found = dataset.load(recipe.changed(**changes), CPU)
        assert found.own_images is not None
        return len(found.own_images)

    assert checked() == 60  # all of them are learnt from, and shown how they fare
    assert checked(val_size=0.5) == 30
    monkeypatch.setattr(dataset, "MANY", 60)
    assert checked() == 10
    assert checked(val_size=0) == 60
    assert checked(final=True) == 60
    assert "10 more are held out" in dataset.load(recipe, CPU).source.notes[1]
    assert dataset.load(recipe.changed(final=True), CPU).val_images is None


def test_tasks_and_outliers_go_with_a_mixture(tmp_path: Path, little: Digits) -> None:
    data = str(corrections(tmp_path / "c", sevens(4)))
    found = dataset.load(Recipe(data=data, mix=300, task="parity", styles=20, outliers=30), CPU)
    counts = found.labels.bincount().tolist()
    assert len(counts) == 3
    assert counts[2] == 30
    assert found.own_labels is not None
    assert found.own_labels.tolist() == [1] * 4


def test_other_classes_cannot_be_mixed_with_the_ten_digits(tmp_path: Path) -> None:
    for name in "ab":
        corrections(tmp_path / "c", sevens(2), name)
    recipe = Recipe(data=str(tmp_path / "c"), mix=100, styles=10)
    with pytest.raises(UsageError, match=r"has the classes a, b: name its folders 0 to 9, or give --mix 0"):
        dataset.load(recipe, CPU)
    with pytest.raises(UsageError, match="give --styles 0"):
        dataset.load(recipe.changed(mix=0, batch_size=2), CPU)


def test_without_a_mixture_few_pictures_are_refused_with_a_hint(tmp_path: Path) -> None:
    data = str(corrections(tmp_path / "c", sevens(4)))
    with pytest.raises(
        DataError, match=r"one class only: there must be two or more, or learn MNIST's along with --mix"
    ):
        dataset.load(Recipe(data=data), CPU)
    corrections(tmp_path / "c", sevens(4), "1")
    with pytest.raises(DataError, match=r"give a smaller --batch-size, or learn MNIST's along with --mix"):
        dataset.load(Recipe(data=data), CPU)


def test_corrections_teach_the_bundled_model(
    tmp_path: Path, little: Digits, capsys: pytest.CaptureFixture[str]
) -> None:
    data = corrections(tmp_path / "c", sevens(12))
    fresh = sevens(60, seed=1)
    model = models.load(runs.BUNDLED)
    before = start.infer(model.network, torch.from_numpy(fresh)).argmax(1)
    assert (before == 7).float().mean() < 0.3
    run = tenfold.train(
        init="default", data=data, out=tmp_path / "run", **{**QUICK, "quiet": False, "mix": 2000, "epochs": 2}
    )
    assert (answers(run, fresh) == 7).mean() > 0.8
    assert run.metrics[-1]["val_accuracy"] > 0.985  # type: ignore[operator]
    recipe = run.recipe
    assert (recipe.name, recipe.network, recipe.init, recipe.data) == ("teach", "vgg", "default", str(data))
    out = capsys.readouterr().out
    assert "12 digits of yours (12 x 7)" in out
    assert "validation is on 1,000 of MNIST's" in out
    assert "weights from the bundled model" in out
    assert "of 12 digits of yours are answered right before" in out
    assert "12 of 12 digits of yours are answered right now" in out


def test_the_default_network_is_the_bundled_one(tmp_path: Path, little: Digits) -> None:
    data = corrections(tmp_path / "c", sevens(1))
    run = tenfold.train(init="default", data=data, out=tmp_path / "run", lr=1e-9, weight_decay=0, **QUICK)
    learnt, bundled = weights(run), load_file(runs.BUNDLED)
    assert learnt.keys() == bundled.keys()
    assert torch.allclose(learnt["0.weight"], bundled["0.weight"], atol=1e-6)
    assert run.model().recipe.outliers > 0  # it still tells what is no digit
    assert not (tmp_path / "runs").exists()


def test_a_run_and_its_file_are_taught_by_their_own_recipe(data: Path, tmp_path: Path, little: Digits) -> None:
    first = tenfold.train(
        "mlp", data=data, out=tmp_path / "a", epochs=2, hidden=(24,), batch_size=50, quiet=True, device="cpu"
    )
    own = corrections(tmp_path / "c", sevens(3))
    for number, init in enumerate([first.path, first.model_file]):
        run = tenfold.train(init=init, data=own, out=tmp_path / f"b{number}", **QUICK)
        assert (run.recipe.name, run.recipe.network, run.recipe.hidden) == ("teach", "mlp", (24,))
        assert (run.recipe.epochs, run.recipe.pictures, run.recipe.outliers) == (1, False, 0)
        assert run.recipe.init == str(first.path)
    plain = tenfold.train(init=first.path, out=tmp_path / "d", **{**QUICK, "mix": 0})
    assert (plain.recipe.name, plain.recipe.data, plain.recipe.hidden) == ("teach", None, (24,))
    state = formats.export(first.model(), "state", tmp_path / "s.pth")
    with pytest.raises(RunError, match="of another network than strided"):  # plain weights say nothing of a recipe
        tenfold.train(init=state, out=tmp_path / "e", **{**QUICK, "mix": 0})


def test_a_recipe_that_is_named_is_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"of another network than strided .* leave the recipe out to continue with theirs"
    ):
        tenfold.train(
            "fast", init="default", data=corrections(tmp_path / "c", sevens(2)), out=tmp_path / "run", **QUICK
        )
    assert not (tmp_path / "run").exists()


def test_another_task_needs_a_new_head_also_of_the_bundled_model(tmp_path: Path) -> None:
    data = corrections(tmp_path / "c", sevens(2))
    with pytest.raises(RunError, match=r"default was trained for another task .* add --new-head"):
        tenfold.train(init="default", data=data, out=tmp_path / "run", task="parity", **QUICK)


@pytest.mark.parametrize("stop_after", [2, 6, 9])
def test_a_stopped_lesson_goes_on_to_the_same_bits(
    data: Path, tmp_path: Path, little: Digits, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    reads = 0

    class Stop:
        def __enter__(self) -> "Stop":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        @property
        def asked(self) -> bool:
            nonlocal reads
            reads += 1
            return reads == stop_after

    first = tenfold.train("mlp", data=data, out=tmp_path / "a", epochs=1, batch_size=50, quiet=True, device="cpu")
    options = {
        **QUICK,
        "init": first.path,
        "data": corrections(tmp_path / "c", sevens(5)),
        "epochs": 3,
        "batch_size": 100,
        "augment": "rotate=10",
        "styles": 20,
        "outliers": 20,
    }
    whole = tenfold.train(out=tmp_path / "whole", **options)
    monkeypatch.setattr(start, "Stop", Stop)
    with pytest.raises(Interrupted):
        tenfold.train(out=tmp_path / "parts", **options)
    parts = tenfold.train(resume=tmp_path / "parts", quiet=True)
    assert same(weights(whole), weights(parts))
    corrections(tmp_path / "c", sevens(1), "1")
    with pytest.raises(RunError, match="begun on other data"):
        tenfold.train(resume=tmp_path / "parts", quiet=True)


def test_the_threshold_is_fitted_on_what_mnist_held_out_whatever_became_of_the_corrections(
    tmp_path: Path, little: Digits
) -> None:
    data = corrections(tmp_path / "c", sevens(3))
    run = tenfold.train(init="default", data=data, out=tmp_path / "run", **QUICK)
    held = {image.tobytes() for image in little.images[5000:]}
    corrections(tmp_path / "c", sevens(1), "1")  # the service went on saving
    digits = onnx._validation(run.model())
    assert digits is not None
    assert {image.tobytes() for image in digits.images} == held
    for path in data.rglob("*.png"):
        path.unlink()
    assert onnx._validation(run.model()) is not None


def test_data_that_has_changed_has_no_held_out_digits_without_a_mixture(tmp_path: Path) -> None:
    digits = draw_digits(60)
    np.savez(tmp_path / "d.npz", images=digits.images, labels=digits.labels)
    recipe = Recipe(data=str(tmp_path / "d.npz"))
    found = dataset.held_out(recipe, sources.load(tmp_path / "d.npz").checksum)
    assert found is not None
    assert len(found) == 10
    assert dataset.held_out(recipe, "another") is None


@pytest.mark.slow
def test_what_was_taught_is_read(tmp_path: Path, here: Path, tenfold_cli: Cli) -> None:
    """The way a user goes: learn from the corrections, read a picture with the run."""
    corrections(Path("c"), sevens(12))
    page = np.full((120, 120), 230, np.uint8)
    ink = np.asarray(Image.fromarray(sevens(1, seed=5)[0]).resize((84, 84)))
    page[18:102, 18:102] -= (0.8 * ink).astype(np.uint8)
    Image.fromarray(page).save("photo.png")
    assert tenfold_cli("read", "photo.png", "--single", "--always-answer").out == "1\n"
    done = tenfold_cli("train", "--data", "c", "--init", "default", "--out", "r", "--mix", 2000, "--epochs", 2)
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[-1] == "the run is in r; read with it: tenfold read photo.jpg --model r"
    assert float(lines[-2].split()[-1].rstrip("%")) > 98.5
    done = tenfold_cli("read", "photo.png", "--single", "--always-answer", "--model", "r")
    assert done.out == "7\n"
    described = tenfold.Reader("r/model.onnx").classifier.description
    assert described.rejects
    assert described.metadata["threshold_error"] is not None
