"""What of an ONNX file is refused before onnxruntime sees it."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenfold.errors import FormatError, RunError
from tenfold.learn.export.graph import sealed
from tenfold.read import classifier, model_file
from tenfold.read.classifier import BUNDLED, Classifier

Change = Callable[[onnx.ModelProto], Any]


def changed(change: Change) -> bytes:
    proto = onnx.load(BUNDLED)
    change(proto)
    raw: bytes = proto.SerializeToString()
    return raw


def node(kind: str, *inputs: str, **attributes: Any) -> Change:
    return lambda proto: proto.graph.node.append(helper.make_node(kind, inputs, ["more"], **attributes))


def constant(values: Any) -> Change:
    return lambda proto: proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values), "c"))


def said(**texts: str) -> Change:
    def change(proto: onnx.ModelProto) -> None:
        now = {entry.key: entry.value for entry in proto.metadata_props}
        onnx.helper.set_model_props(proto, now | texts)

    return change


def weights_elsewhere(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    proto.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def of_no_bytes(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.append(TensorProto(name="c", data_type=1, dims=[2**20, 2**20]))


INNER = helper.make_graph([], "inner", [], [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (node("Loop", "", "", body=INNER), "operator Loop"),
        (node("If", "c", then_branch=INNER), "operator If"),
        (node("Relu", "image", body=INNER), "graph inside of a graph"),
        (node("SequenceEmpty"), "operator SequenceEmpty"),
        (node("Relu", "image", domain="com.example"), "operators of com.example"),
        (node("Re\nlu\x1b[2J", "image"), r"operator Re lu\\x1b\[2J is"),
        (node("Relu", "image", domain="com.\nexample"), "operators of com. example"),
        (weights_elsewhere, "in another file"),
        (of_no_bytes, "is said to have"),
        (constant(np.array([3_000_000_000])), "a shape of more than"),
        (constant(np.array([100_000, 100_000])), "a shape of more than"),
        (constant(np.array([1, np.nan], np.float32)), "no numbers"),
        (constant(np.array([1, np.inf])), "no numbers"),
        (lambda proto: proto.functions.add(name="f", domain="x"), "functions"),
        (said(temperature="0"), "its temperature"),
        (said(temperature="1e400"), "its temperature"),
        (said(threshold="1.5"), "its threshold"),
        (said(rejects="3"), "its rejects"),
        (said(classes='["a", "b"]'), "its logits are"),
        (said(classes="[" * 5000), "its classes"),
        (said(format="tenfold-reader 2"), "its SHA-256 is missing"),
    ],
)
def test_what_hurts_or_makes_no_sense_is_refused(change: Change, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", None)  # none is made
    with pytest.raises(RunError, match=says) as raised:
        Classifier(changed(change))
    assert "\n" not in str(raised.value)


def test_masks_and_ends_are_no_fault() -> None:
    for values in (np.array([-np.inf, 0.0], np.float32), np.array([2**63 - 1]), np.array([9], np.int32)):
        model_file.contents(changed(constant(values)))


def test_a_flipped_bit_is_found_and_a_file_that_others_wrote_anew_is_opened() -> None:
    raw = sealed(BUNDLED.read_bytes())
    assert Classifier(raw).classes == tuple("0123456789")
    for place in (0, 1, 5, 40, 76, 100, len(raw) // 2, len(raw) - 5):
        wrong = bytearray(raw)
        wrong[place] ^= 4
        with pytest.raises(FormatError):
            model_file.contents(bytes(wrong))
    anew = onnx.load_from_string(raw)
    anew.producer_name = "another"
    model_file.contents(anew.SerializeToString())


def test_what_a_graph_computes_in_is_bounded() -> None:
    def change(proto: onnx.ModelProto) -> None:
        names = ["image", "a", "b", "c", "d"]
        proto.graph.node.extend(helper.make_node("Concat", [a] * 64, [b], axis=3) for a, b in pairwise(names))
        proto.graph.node.append(helper.make_node("ReduceMax", [names[-1]], ["top"], keepdims=0))
        (last,) = (node for node in proto.graph.node if "logits" in node.output)
        last.output[:] = ["before"]
        proto.graph.node.append(helper.make_node("Add", ["before", "top"], ["logits"]))

    hungry = Classifier(changed(change), threads=1)
    with pytest.raises(RunError, match="cannot be run"):
        hungry.logits(np.zeros((1, 1, 28, 28), np.float32))
    assert classifier.MEMORY == 2**32


def test_answers_that_are_no_numbers_are_told() -> None:
    images = np.full((1, 1, 28, 28), np.nan, np.float32)
    with pytest.raises(RunError, match="no numbers"):
        Classifier().logits(images)
