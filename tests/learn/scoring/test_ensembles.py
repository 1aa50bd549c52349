import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tenfold
from conftest import Cli, draw_digits
from tenfold.errors import RunError, UsageError
from tenfold.learn import networks
from tenfold.learn.export import weights
from tenfold.learn.export.onnx import export
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import ensembles
from tenfold.learn.training import losses
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources

TINY: dict[str, Any] = {"epochs": 1, "hidden": (16,), "batch_size": 50, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def members(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("members")
    return [
        tenfold.train("mlp", data=data, out=folder / f"{seed}", seed=seed, **TINY | {"epochs": 1 + seed})
        for seed in range(3)
    ]


def digits() -> torch.Tensor:
    return torch.from_numpy(draw_digits(100, seed=5).images)


def test_it_answers_with_the_mean_of_their_probabilities(members: list[Run], tmp_path: Path) -> None:
    run = ensembles.ensemble([run.path for run in members], tmp_path / "three")
    model = run.model()
    each = [
        (infer(member.network, digits()).double() / member.temperature).softmax(1)
        for member in (run.model() for run in members)
    ]
    found = infer(model.network, digits()).double()
    torch.testing.assert_close(found.exp(), torch.stack(each).mean(0), rtol=1e-4, atol=1e-6)
    assert [recipe.seed for recipe in model.members] == [0, 1, 2]
    assert model.recipe.name == "ensemble-of-3"
    assert json.loads((run.path / "members.json").read_text()) == [str(run.path) for run in members]
    validation = sources.load(members[0].recipe.data).split()[1]
    assert validation is not None
    answers = infer(model.network, torch.from_numpy(validation.images)).argmax(1).numpy()
    assert model.metrics["val_accuracy"] == pytest.approx((answers == validation.labels).mean())


def test_it_is_evaluated_exported_saved_and_joined_again(members: list[Run], tmp_path: Path, data: Path) -> None:
    two = ensembles.ensemble(members[:2], tmp_path / "two")
    found = tenfold.evaluate(two)
    assert found.n == 200
    assert Path(str(found.report)).is_file()
    reader = tenfold.Reader(export(two, tmp_path / "two.onnx"))
    assert reader.classifier.classes == tuple("0123456789")
    ink = draw_digits(20, seed=5).images.astype(np.float32)[:, None] / 255
    logits, seen = reader.classifier.session.run(["logits", "normalised"], {"image": ink})
    with torch.no_grad():
        wanted = two.model().network((torch.from_numpy(seen) - networks.MEAN) / networks.STD)
    np.testing.assert_allclose(logits, wanted.numpy(), rtol=1e-3, atol=1e-4)
    again = ensembles.ensemble([two, members[2]], tmp_path / "three")
    assert len(again.model().members) == 3
    three = ensembles.ensemble(members, tmp_path / "all")
    assert torch.equal(infer(again.model().network, digits()), infer(three.model().network, digits()))
    weights.export(two.model(), "state", tmp_path / "two.pth")
    with pytest.raises(UsageError, match="save it as state"):
        weights.export(two.model(), "full", tmp_path / "full.pth")


def test_what_is_no_digit_stays_so() -> None:
    torch.manual_seed(0)
    parts = [networks.build("mlp", 10, hidden=(8,)).eval() for _ in range(2)]
    ink = torch.randn(5, 1, 28, 28)
    found = networks.Average(parts, [1.0, 2.0], rejects=True)(ink)
    padded = torch.nn.functional.pad(found, (0, 1)).softmax(1)
    each = [
        torch.nn.functional.pad(part(ink) / heat, (0, 1)).softmax(1) for part, heat in zip(parts, (1, 2), strict=True)
    ]
    torch.testing.assert_close(padded, torch.stack(each).mean(0))


def test_what_cannot_be_joined_is_told(members: list[Run], data: Path, tmp_path: Path, tenfold_cli: Cli) -> None:
    parity = tenfold.train("mlp", data=data, out=tmp_path / "parity", task="parity", **TINY)
    with pytest.raises(UsageError, match="two members or more"):
        ensembles.ensemble(members[:1])
    with pytest.raises(UsageError, match=r"the same question: one tells 0, 1, 2.* apart, another even, odd"):
        ensembles.ensemble([members[0], parity], tmp_path / "mixed")
    with pytest.raises(RunError):
        ensembles.ensemble([members[0], tmp_path / "nowhere"], tmp_path / "mixed")
    assert not (tmp_path / "mixed").exists()
    status, _, err = tenfold_cli("ensemble", members[0].path, members[1].path, "-o", members[0].path)
    assert (status, "is not empty" in err) == (1, True)


def test_a_small_network_learns_what_the_ensemble_says(
    members: list[Run], tmp_path: Path, here: Path, tenfold_cli: Cli
) -> None:
    recipe = tmp_path / "small.json"
    small = {"name": "small", "network": "mlp", "hidden": [8], "epochs": 8, "batch_size": 50, "lr": 0.01}
    recipe.write_text(json.dumps(small | {"data": members[0].recipe.data}))
    done = tenfold_cli("ensemble", *(run.path for run in members), "-o", "runs/three", "--distil", recipe)
    assert done.status == 0, done.err
    assert "3 members" in done.out
    taught = Run.open("runs/three-small")
    assert taught.recipe.teacher == str(Path("runs/three").absolute())
    assert (taught.recipe.teacher_weight, taught.recipe.teacher_temperature) == (1.0, 3.0)
    plain = tenfold.train(str(recipe), out="runs/plain", quiet=True)
    teacher = Run.open("runs/three").model()

    def apart(run: Run) -> float:
        """How far the run's probabilities are from the teacher's."""
        model = run.model()
        wanted = (infer(teacher.network, digits()) / teacher.temperature).softmax(1)
        return float((infer(model.network, digits()).softmax(1) - wanted).abs().mean())

    assert apart(taught) < 0.9 * apart(plain)


def test_what_a_teacher_says_pulls_no_harder_than_labels_can(members: list[Run]) -> None:
    teacher, images = members[0].model(), torch.randn(40, 1, 28, 28)
    for temperature in (1.0, 3.0, 10.0):
        logits = (20 * torch.randn(40, 10)).requires_grad_()
        losses.distillation(logits, images, teacher, temperature).backward()
        assert logits.grad is not None
        pull = 40 * logits.grad.abs().sum(1)  # of each image; of a label's cross-entropy it is 2 at most
        assert 0.1 < pull.max() < 2.001, temperature


def test_a_teacher_of_another_question_is_refused(members: list[Run], data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="that is another task"):
        tenfold.train("mlp", data=data, task="parity", teacher=str(members[0].path), out=tmp_path / "x", **TINY)
    with pytest.raises(UsageError, match="outliers"):
        tenfold.train("mlp", data=data, outliers=10, teacher=str(members[0].path), out=tmp_path / "x", **TINY)
