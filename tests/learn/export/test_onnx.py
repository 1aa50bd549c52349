"""The ONNX file: parity with PyTorch, what it says about itself, and the threshold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from tenfold.errors import UsageError
from tenfold.learn.export import onnx as export
from tenfold.learn.training import runs
from tenfold.learn.training.runs import Run
from tenfold.learn.training.start import train
from tenfold.mnist import embedded
from tenfold.read.classifier import Classifier

Images = NDArray[np.float32]  # (N, 1, H, W)
SMALL: dict[str, Any] = {"batch_size": 50, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A network that rejects, trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "small"
    train("pictures", out=out, data=data, **SMALL, channels=(8, 8, 8), epochs=2, styles=33, outliers=60)
    return out


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    return export.export(run)


def logits(run: Path, images: Images) -> Images:
    model, _, _ = runs.find_model(run)
    with torch.no_grad():
        values: Images = export.Reading(model.network).eval()(torch.from_numpy(images))[0].numpy()
    return values


@pytest.fixture(scope="module")
def digits() -> Images:
    """Some of MNIST's digits as ink."""
    return embedded.read("train").images[:300, None].astype(np.float32) / np.float32(255)


@pytest.mark.parametrize(("count", "size"), [(1, (28, 28)), (7, (1, 1)), (3, (64, 64)), (2, (13, 90)), (64, (200, 31))])
def test_onnxruntime_agrees_with_torch(run: Path, exported: Path, count: int, size: tuple[int, int]) -> None:
    images = (np.random.default_rng(count).random((count, 1, *size)) ** 4).astype(np.float32)
    ours = Classifier(exported).logits(images)
    assert ours.shape == (count, 10)
    assert np.abs(ours - logits(run, images)).max() < 1e-4


def test_it_agrees_on_mnist(run: Path, exported: Path, digits: Images) -> None:
    classifier = Classifier(exported)
    assert np.abs(classifier.logits(digits) - logits(run, digits)).max() < 1e-4
    seen = classifier.normalised(digits)
    assert seen.shape == (300, 1, 28, 28)
    assert np.abs(seen - digits).mean() < 0.04


def test_the_graph_is_sound_and_says_what_it_is(run: Path, exported: Path) -> None:
    assert exported == run / "model.onnx"
    graph = onnx.load(exported)
    onnx.checker.check_model(graph, full_check=True)
    assert [value.name for value in graph.graph.input] == ["image"]
    assert graph.graph.output[0].name == "logits"
    assert next(o.version for o in graph.opset_import if o.domain == "") == 18
    assert str(Path(__file__).parents[3]) not in str(graph)  # no paths of this machine
    said = {p.key: p.value for p in graph.metadata_props}
    assert json.loads(said["classes"]) == list("0123456789")
    assert json.loads(said["recipe"])["channels"] == [8, 8, 8]
    assert len(json.loads(said["data"])["sha256"]) == 64
    assert {"temperature", "threshold", "metrics", "version", "rejects"} <= set(said)
    described = Classifier(exported).description
    assert described.rejects
    assert 0 < described.threshold <= 1


def test_a_plain_network_does_not_reject(trained: Run, tmp_path: Path) -> None:
    classifier = Classifier(export.export(trained, tmp_path / "plain.onnx"))
    shares = classifier.probabilities(np.random.default_rng(0).random((5, 1, 40, 40)).astype(np.float32))
    assert shares.shape == (5, 11)
    assert not shares[:, -1].any()
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_eight_bits_are_smaller_and_nearly_as_good(run: Path, exported: Path, tmp_path: Path, digits: Images) -> None:
    small = export.export(run, tmp_path / "small.onnx", quantize="int8")
    before, after = Classifier(exported).logits(digits), Classifier(small).logits(digits)
    assert (before.argmax(1) == after.argmax(1)).mean() > 0.9
    assert small.stat().st_size < exported.stat().st_size / 2
    seen, same = (Classifier(file).normalised(digits) for file in (exported, small))
    assert np.array_equal(seen, same)  # normalisation is not done in 8 bits
    with pytest.raises(UsageError, match="int8"):
        export.export(run, quantize="int4")


def test_a_compact_graph_is_the_same_graph(run: Path, exported: Path, tmp_path: Path) -> None:
    raw = exported.read_bytes()
    compact = tmp_path / "compact.onnx"
    compact.write_bytes(export._compact(raw))
    assert len(raw) - compact.stat().st_size > 6_000
    images = np.random.default_rng(0).random((3, 1, 40, 30)).astype(np.float32)
    assert np.array_equal(Classifier(exported).logits(images), Classifier(compact).logits(images))
    before, after = onnx.load(exported), onnx.load(compact)
    assert before.metadata_props == after.metadata_props
    assert [node.op_type for node in before.graph.node] == [node.op_type for node in after.graph.node]
    assert after.graph.input == before.graph.input


def test_four_thousand_parameters_in_eight_bits_are_a_file_of_16_kb(data: Path, tmp_path: Path) -> None:
    few = {**SMALL, "channels": (16, 24, 24, 24, 28), "hidden": (), "epochs": 1}
    run = train(network="separable", out=tmp_path / "run", data=data, **few)
    small = export.export(run, quantize="int8")
    assert small.stat().st_size < 16_000 + len(str(data))  # whose name is in it


def test_the_threshold_holds_its_error() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (4000,), generator=generator)
    logits_ = torch.randn(4000, 10, generator=generator) * 1.5
    logits_[torch.arange(4000), labels] += 4
    found = export.decide(logits_, labels, error=0.02)
    probabilities = (logits_ / found.temperature).softmax(1)
    confidence, answers = probabilities.max(1)
    sure = confidence >= found.threshold
    assert (answers[sure] != labels[sure]).float().mean() <= 0.02
    assert (answers != labels).float().mean() > 0.04  # which it is not without
    assert found.coverage is not None
    assert abs(float(sure.float().mean()) - found.coverage) < 0.01


def test_an_answered_outlier_is_a_mistake() -> None:
    labels = torch.tensor([0] * 90 + [2] * 10)
    logits_ = torch.zeros(100, 3)
    logits_[:, 0] = 3.0
    logits_[90:95, 0] = 5.0  # five outliers that look more like a digit than any digit
    found = export.decide(logits_, labels, error=0.2)
    assert found.coverage is not None
    assert found.error is not None
    assert 0.05 < found.error <= 0.2
