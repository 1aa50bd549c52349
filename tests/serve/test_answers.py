"""Answers in JSON, and errors in one line."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tenfold.serve.answers import Json, body, explained, problem, problems
from tenfold.serve.schemas import Inference, ReadOptions


def test_any_text_can_be_sent() -> None:
    answer = Json({"path": "caf\u00e9 \ud800"})  # half of a surrogate pair, as in names that are no UTF-8
    assert bytes(answer.body).isascii()
    assert json.loads(bytes(answer.body)) == {"path": "caf\u00e9 \ud800"}
    assert answer.headers["content-type"] == "application/json"


def test_a_problem() -> None:
    answer = problem(503, "wait", {"retry-after": "1"})
    assert (answer.status_code, bytes(answer.body)) == (503, b'{"error": "wait"}')
    assert answer.headers["retry-after"] == "1"
    assert set(problems(401, 503)) == {401, 503}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"threshold": 2}, "threshold: Input should be less than or equal to 1"),
        ({f"k{k}": 1 for k in range(500)}, "; ".join(f"k{k}: Extra inputs are not permitted" for k in range(3))),
        ([], "body: Input should be an object"),
    ],
)
def test_errors_in_one_line(given: Any, says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ReadOptions.model_validate_json(json.dumps(given))
    assert explained(raised.value.errors()) == says


def test_the_place_of_an_error() -> None:
    with pytest.raises(ValidationError) as raised:
        Inference.model_validate_json('{"inputs": [{"name": "image", "shape": [1, 1, 1, 1], "data": ["x"]}]}')
    assert explained(raised.value.errors()).startswith("inputs.0.datatype: Field required; inputs.0.data.0: Input")
    assert explained([{"loc": ("query", "query"), "msg": "Value error, no"}]) == "query: no"


def test_a_described_body_has_no_references() -> None:
    schema = body(Inference)["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(schema)
    assert schema["properties"]["inputs"]["prefixItems"][0]["properties"]["name"]["const"] == "image"
