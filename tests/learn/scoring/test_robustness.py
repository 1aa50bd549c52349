from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tenfold.learn.digits.corruptions import CORRUPTIONS, corrupt
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import robustness
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources


def test_errors_are_those_of_the_corrupted_digits(trained: Run, data: Path) -> None:
    found = robustness.corrupted(trained, draw=False, seed=2)
    test = sources.load(data).parts["test"]
    images, network = torch.from_numpy(test.images), trained.model().network

    def error(changed: Tensor) -> float:
        return float((infer(network, changed).argmax(1).numpy() != test.labels).mean())

    assert found.n == 200
    assert found.clean == pytest.approx(error(images))
    assert list(found.errors["corruption"]) == list(CORRUPTIONS)
    for name in ("fog", "stripe", "zigzag"):
        assert found.errors["corruption"][name] == pytest.approx(error(corrupt(images, name, seed=2)))
    assert found.mean == pytest.approx(sum(found.errors["corruption"].values()) / 15)
    moved = torch.zeros(4, *images.shape, dtype=torch.uint8)
    moved[0, :, :, 3:], moved[1, :, :, :-3] = images[:, :, :-3], images[:, :, 3:]
    moved[2, :, 3:], moved[3, :, :-3] = images[:, :-3], images[:, 3:]
    assert found.errors["shift"]["3"] == pytest.approx(sum(map(error, moved)) / 4)
    assert list(found.errors["shift"]) == ["1", "2", "3", "4"]
    assert list(found.errors["rotation"]) == ["10", "20", "30", "45"]
    assert list(found.errors["scale"]) == ["0.7", "0.85", "1.15", "1.3"]
    assert found.errors["scale"]["0.7"] == found.errors["corruption"]["scale"]
    assert found.errors["shift"]["4"] > found.errors["shift"]["1"]
    assert (found.ratio, found.ratios, found.reference, found.figures) == (None, None, None, None)  # other digits
    assert not (trained.path / "corruptions.json").exists()


def test_ratios_are_to_the_measured_reference(trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"clean": 0.01, "mean": 0.1, "corruption": {"fog": 0.5, "stripe": 0.0}, "shift": {"1": 0.02}}
    monkeypatch.setattr(robustness, "reference", lambda: known)
    task = robustness.MNIST_TEST[1]
    assert robustness.corrupted(trained, draw=False).ratios is None
    data = f"{trained.recipe.data} (test)"
    monkeypatch.setattr(robustness, "MNIST_TEST", (data, task, 200))
    found = robustness.corrupted(trained, out=tmp_path)
    assert found.ratio == pytest.approx(found.mean / 0.1)
    assert found.ratios is not None
    assert found.ratios["corruption"] == {"fog": pytest.approx(found.errors["corruption"]["fog"] / 0.5)}
    assert found.ratios["shift"] == {"1": pytest.approx(found.errors["shift"]["1"] / 0.02)}
    assert found.ratios["rotation"] == found.ratios["scale"] == {}
    assert found.reference == "cnn"
    assert (tmp_path / "corruptions.png").is_file()


def test_the_reference_is_left_out_where_it_is_not_measured(tmp_path: Path) -> None:
    assert robustness.reference(tmp_path / "none.json") is None
    place = tmp_path / "r.json"
    place.write_text('{"fast": {"mean": 0.2}}')
    assert robustness.reference(place) is None
    place.write_text('{"cnn": {"mean": 0.2}}')
    assert robustness.reference(place) == {"mean": 0.2}


def test_examples_show_every_class_in_order() -> None:
    labels = np.array([1, 1, 0, 2, 0, 0, 1, 2, 2, 0, 0])
    assert robustness.examples(labels, 3).tolist() == [2, 4, 5, 9, 0, 1, 6, 3, 7, 8]
    assert robustness.examples(np.arange(10)[::-1].copy(), 10).tolist() == list(range(10))[::-1]
    assert robustness.examples(np.array([1, 1]), 10).tolist() == [0]
