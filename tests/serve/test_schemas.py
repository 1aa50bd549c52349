"""The models of requests: what they take, and what is an error."""

import base64
import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from tenfold.serve import schemas
from tenfold.serve.schemas import Correction, Inference, ReadOptions

SEEN = base64.b64encode(bytes(300) + bytes([200] * 60) + bytes(424)).decode()
IMAGE = {"name": "image", "shape": [1, 1, 1, 2], "datatype": "FP32", "data": [0, 1.0]}


def wrong(model: type[BaseModel], given: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as raised:
        model.model_validate_json(json.dumps(given))
    return str(raised.value)


def test_every_example_is_valid() -> None:
    models = [
        value for value in vars(schemas).values() if isinstance(value, type(BaseModel)) and value is not BaseModel
    ]
    examples = [(model, example) for model in models for example in model.model_json_schema().get("examples", ())]
    assert {model.__name__ for model, _ in examples} >= {"Correction", "Inference", "Reading", "Problem"}
    for model, example in examples:
        model.model_validate_json(json.dumps(example))


def test_read_options() -> None:
    assert ReadOptions(threshold=0.5).threshold == 0.5
    assert "threshold" in wrong(ReadOptions, {"threshold": 1.5})
    assert "treshold" in wrong(ReadOptions, {"treshold": 0.5})


def test_a_correction_holds_the_bytes_of_its_input() -> None:
    correction = Correction.model_validate_json(json.dumps({"label": "7", "input": SEEN}))
    assert correction.input == base64.b64decode(SEEN)
    for given, says in (("%%", "base64"), (None, "base64"), ("AAAA", "784 bytes"), ("A" * 1048, "784 bytes")):
        assert says in wrong(Correction, {"label": "7", "input": given})


@pytest.mark.parametrize("data", [[0, 1.0], [[0, 1.0]], [[[0], [1.0]]], [[[[0, 1.0]]]], None, []])
def test_data_are_flat_or_nested(data: Any) -> None:
    (image,) = Inference.model_validate_json(json.dumps({"inputs": [{**IMAGE, "data": data}]})).inputs
    assert image.data == data


@pytest.mark.parametrize("data", ["zeros", [True], ["0"], [None], [{}], [[[[[0.5]]]]], [[0], 1], {"0": 1}])
def test_data_are_numbers(data: Any) -> None:
    assert "data" in wrong(Inference, {"inputs": [{**IMAGE, "data": data}]})


def test_types_are_not_converted() -> None:
    for changed in ({"shape": [1.0, 1, 1, 2]}, {"shape": [True, 1, 1, 2]}, {"shape": ["1", 1, 1, 2]}):
        assert "shape" in wrong(Inference, {"inputs": [{**IMAGE, **changed}]})
    assert "binary_data_size" in wrong(Inference, {"inputs": [{**IMAGE, "parameters": {"binary_data_size": "8"}}]})


def test_parameters_may_be_null() -> None:
    given = {"inputs": [{**IMAGE, "parameters": None}], "parameters": None, "outputs": [{"name": "logits"}]}
    request = Inference.model_validate_json(json.dumps(given))
    assert request.parameters.binary_data_output is False
    assert request.inputs[0].parameters.binary_data_size is None


def test_outputs_are_named_once() -> None:
    assert "once" in wrong(Inference, {"inputs": [IMAGE], "outputs": [{"name": "logits"}] * 2})
