"""The model file: what is one, what it says of itself, and batches of any size."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest

import tenfold
from tenfold.errors import DeviceError, RunError, TooCostlyError
from tenfold.mnist import embedded
from tenfold.read import limits
from tenfold.read.classifier import BUNDLED, CROP, Classifier, model_bytes, open_model, run, shrink
from tenfold.read.limits import CalledOff, Deadline


@pytest.mark.parametrize("name", ["missing.onnx", "text.onnx", "folder"])
def test_a_model_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match=name.split(".")[0]):
        tenfold.Reader(tmp_path / name)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="there is cpu"):
        tenfold.Reader(device="tpu")


def test_a_model_is_a_file_its_bytes_or_a_folder_it_was_exported_to(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(BUNDLED.read_bytes())
    assert model_bytes(tmp_path) == model_bytes()
    assert Classifier(model_bytes()).description == Classifier(tmp_path).description


def test_probabilities_add_up_and_no_digits_are_none(reader: tenfold.Reader) -> None:
    classifier = reader.classifier
    images = np.asarray(embedded.read("train").images[:150, None] / 255, np.float32)  # more than a batch
    probabilities = classifier.probabilities(images)
    assert probabilities.shape == (150, len(classifier.classes) + 1)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(probabilities[140:], classifier.probabilities(images[140:]), atol=1e-5)
    assert classifier.probabilities(images[:0]).shape == (0, len(classifier.classes) + 1)
    assert classifier.normalised(images[:0]).shape == (0, 1, 28, 28)


def test_crops_of_any_size_are_a_batch(reader: tenfold.Reader) -> None:
    inks = [np.ones(shape, np.float32) for shape in ((3, 5), (200, 100), (1, 900))]
    assert [shrink(ink, CROP).shape for ink in inks] == [(3, 5), (64, 32), (1, 64)]
    batch = reader.classifier.crops(inks)
    assert batch.shape == (3, 1, CROP, CROP)
    assert batch.sum(axis=(1, 2, 3)).tolist() == [15, 64 * 32, 64]


def test_a_model_that_takes_long_is_ended_at_the_deadline() -> None:
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    named = ["image", *(f"y{k}" for k in range(3000)), "logits"]
    nodes = [make.make_node("Softmax", [a], [b], axis=0) for a, b in itertools.pairwise(named)]
    shape = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N"]) for name in ("image", "logits")]
    graph = make.make_graph(nodes, "long", shape[:1], shape[1:])
    raw = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9).SerializeToString()
    session, _ = open_model(raw, "long.onnx", "cpu", 1, lambda contents: contents)
    images = np.zeros(1_000_000, np.float32)
    with limits.until(Deadline(0.2, "the page")), pytest.raises(TooCostlyError, match="the page takes more than"):
        run(session, "logits", {"image": images})
    deadline = Deadline(None)
    timer = threading.Timer(0.2, deadline.call_off)
    timer.start()
    with limits.until(deadline), pytest.raises(CalledOff):
        run(session, "logits", {"image": images})
