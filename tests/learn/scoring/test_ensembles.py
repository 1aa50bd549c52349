import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tenfold
from conftest import draw_digits
from learn.trainings import TINY
from tenfold.errors import RunError, StorageError, UsageError
from tenfold.learn import networks
from tenfold.learn.export import weights
from tenfold.learn.export.onnx import export
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import ensembles
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources


def digits() -> torch.Tensor:
    return torch.from_numpy(draw_digits(100, seed=5).images)


def test_it_answers_with_the_mean_of_their_probabilities(members: list[Run], tmp_path: Path) -> None:
    run = ensembles.ensemble([run.path for run in members], tmp_path / "three")
    model = run.model()
    each = [
        (infer(member.network, digits()).double() / member.temperature).softmax(1)
        for member in (run.model() for run in members)
    ]
    logits = infer(model.network, digits()).double()
    torch.testing.assert_close(logits.exp(), torch.stack(each).mean(0), rtol=1e-4, atol=1e-6)
    assert [recipe.seed for recipe in model.members] == [0, 1, 2]
    assert model.recipe.name == "ensemble-of-3"
    assert json.loads((run.path / "members.json").read_text()) == [str(run.path) for run in members]
    validation = sources.load(members[0].recipe.data).split()[1]
    assert validation is not None
    answers = infer(model.network, torch.from_numpy(validation.images)).argmax(1).numpy()
    assert model.metrics["val_accuracy"] == pytest.approx((answers == validation.labels).mean())


def test_it_is_evaluated_exported_saved_and_joined_again(members: list[Run], tmp_path: Path, data: Path) -> None:
    two = ensembles.ensemble(members[:2], tmp_path / "two")
    assert tenfold.evaluate(two, draw=False).n == 200
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


def test_what_cannot_be_joined_is_told(members: list[Run], data: Path, tmp_path: Path) -> None:
    parity = tenfold.train("mlp", data=data, out=tmp_path / "parity", task="parity", epochs=1, **TINY)
    with pytest.raises(UsageError, match="two members or more"):
        ensembles.ensemble(members[:1])
    with pytest.raises(UsageError, match=r"the same question: one tells 0, 1, 2.* apart, another even, odd"):
        ensembles.ensemble([members[0], parity], tmp_path / "mixed")
    with pytest.raises(RunError):
        ensembles.ensemble([members[0], tmp_path / "nowhere"], tmp_path / "mixed")
    assert not (tmp_path / "mixed").exists()
    with pytest.raises(StorageError, match="is not empty"):
        ensembles.ensemble(members[:2], members[0].path)


def test_a_small_network_learns_what_the_ensemble_says(members: list[Run], tmp_path: Path) -> None:
    three = ensembles.ensemble(members, tmp_path / "three")
    teacher = three.model()
    few = {**TINY, "hidden": (8,), "epochs": 8, "lr": 0.01, "data": members[0].recipe.data}

    def apart(name: str, **changes: Any) -> float:
        """How far a student's probabilities are from the teacher's."""
        model = tenfold.train("mlp", out=tmp_path / name, **few, **changes).model()
        wanted = (infer(teacher.network, digits()) / teacher.temperature).softmax(1)
        return float((infer(model.network, digits()).softmax(1) - wanted).abs().mean())

    taught = apart("taught", teacher=str(three.path), teacher_weight=1.0, teacher_temperature=3.0)
    assert taught < 0.9 * apart("plain")


def test_members_without_a_recipe_are_refused(trained: Run, here: Path) -> None:
    other: Any = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    with pytest.raises(UsageError, match=r"members are runs, .*, not Sequential"):
        ensembles.ensemble([trained, other], "both")
    assert not Path("both").exists()
