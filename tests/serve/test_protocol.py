"""The Open Inference Protocol: as its text says, as tritonclient speaks it, and what is no such request."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from conftest import Client, Service, draw_digits, write_number
from tenfold.read.reader import Reader


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw_digits(5, seed=3).images[:, None].astype(np.float32) / 255


def request(images: np.ndarray, **changed: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "FP32", "shape": list(images.shape), "data": images.ravel().tolist()}
    return {"inputs": [{**tensor, **changed}]}


INFER = "/v2/models/digits/infer"


def test_health_and_metadata(client: Client) -> None:
    start = client()
    assert start.get("/v2/health/live").status_code == 200
    assert start.get("/v2/health/ready").status_code == 200
    server = start.get("/v2").json()
    assert server["name"] == "tenfold"
    assert "binary_tensor_data" in server["extensions"]
    for path in ("/v2/models/digits", "/v2/models/digits/versions/1"):
        assert start.get(f"{path}/ready").status_code == 200
        model = start.get(path).json()
        assert (model["name"], model["versions"]) == ("digits", ["1"])
        assert model["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, -1, -1]}]
        assert {output["name"]: output["shape"] for output in model["outputs"]} == {
            "logits": [-1, 10],
            "normalised": [-1, 1, 28, 28],
            "probabilities": [-1, 11],
        }
    for path in ("/v2/models/letters", "/v2/models/digits/versions/2", "/v2/models/letters/ready"):
        answer = start.get(path)
        assert answer.status_code == 404
        assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("path", [INFER, "/v2/models/digits/versions/1/infer"])
def test_json(client: Client, images: np.ndarray, path: str) -> None:
    reader = Reader(threads=1)
    answer = client().post(path, json={"id": "mine", **request(images)})
    assert answer.status_code == 200
    answered = answer.json()
    assert (answered["model_name"], answered["model_version"], answered["id"]) == ("digits", "1", "mine")
    outputs = {output["name"]: output for output in answered["outputs"]}
    assert list(outputs) == ["logits", "probabilities"]
    assert outputs["logits"]["shape"] == [5, 10]
    logits = np.array(outputs["logits"]["data"], np.float32).reshape(5, 10)
    assert logits == pytest.approx(reader.classifier.logits(images), abs=1e-5)
    probabilities = np.array(outputs["probabilities"]["data"], np.float32).reshape(5, 11)
    assert probabilities == pytest.approx(reader.classify(images), abs=1e-6)


def test_nested_data_and_other_sizes(client: Client) -> None:
    ink = write_number("4", size=40)[None, None]
    nested = client().post(INFER, json={**request(ink, data=ink.tolist()), "outputs": [{"name": "probabilities"}]})
    answered = nested.json()["outputs"]
    assert [output["name"] for output in answered] == ["probabilities"]
    assert np.argmax(answered[0]["data"]) == 4


def test_binary(client: Client, images: np.ndarray) -> None:
    raw = images.astype("<f4").tobytes()
    given = request(images, parameters={"binary_data_size": len(raw)})
    del given["inputs"][0]["data"]
    given["outputs"] = [{"name": "normalised", "parameters": {"binary_data": True}}, {"name": "logits"}]
    head = json.dumps(given).encode()
    headers = {"inference-header-content-length": str(len(head))}
    answer = client().post(INFER, content=head + raw, headers=headers)
    assert answer.status_code == 200
    length = int(answer.headers["inference-header-content-length"])
    answered = json.loads(answer.content[:length])
    normalised, logits = answered["outputs"]
    assert normalised["parameters"]["binary_data_size"] == len(answer.content) - length == 4 * 5 * 28 * 28
    values = np.frombuffer(answer.content[length:], "<f4").reshape(normalised["shape"])
    reader = Reader(threads=1)
    assert values == pytest.approx(reader.classifier.normalised(images), abs=1e-6)
    assert np.reshape(logits["data"], (5, 10)) == pytest.approx(reader.classifier.logits(images), abs=1e-5)


@pytest.mark.parametrize("datatype", ["UINT8", "INT32", "INT64"])
def test_grey_values(client: Client, images: np.ndarray, datatype: str) -> None:
    start = client()
    wanted = start.post(INFER, json=request(images)).json()
    grey = (images * 255).round().astype(datatype.lower())
    given = request(grey, datatype=datatype)
    assert start.post(INFER, json=given).json() == wanted
    del given["inputs"][0]["data"]
    given["inputs"][0]["parameters"] = {"binary_data_size": grey.nbytes}
    head = json.dumps(given).encode()
    headers = {"inference-header-content-length": str(len(head))}
    assert start.post(INFER, content=head + grey.tobytes(), headers=headers).json() == wanted
    for value in (-1, 256, 0.5, 1e300):
        answer = start.post(INFER, json=request(np.full((1, 1, 2, 2), value), datatype=datatype))
        assert answer.status_code == 400, value
        assert "0 to 255" in answer.json()["error"]
    assert "UINT8" in start.post(INFER, json=request(grey)).json()["error"]


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 784), (5, 28, 28, 1), (5, 1, 784)])
def test_images_of_28_by_28_in_other_shapes(client: Client, images: np.ndarray, shape: tuple[int, ...]) -> None:
    start = client()
    for some, other in ((images, images.reshape(shape)), (images[:1], images[:1].reshape(shape[1:]))):
        assert start.post(INFER, json=request(other)).json() == start.post(INFER, json=request(some)).json()


def wrong(images: np.ndarray) -> Iterator[dict[str, Any] | list[Any] | str]:
    yield "text"
    yield []
    yield {}
    yield {"inputs": []}
    yield {"inputs": [1]}
    yield {**request(images), "id": 7}
    yield {**request(images), "outputs": "logits"}
    yield {**request(images), "outputs": [1]}
    yield {**request(images), "outputs": [{"name": "none"}]}
    yield {**request(images), "parameters": []}
    yield {**request(images), "outputs": [{"name": "logits"}] * 2}
    yield {"inputs": request(images)["inputs"] * 2}
    changes: tuple[dict[str, Any], ...] = (
        {"name": "picture"},
        {"name": None},
        {"datatype": "FP64"},
        {"datatype": 32},
        {"shape": None},
        {"shape": [5, 27, 28]},
        {"shape": [5 * 784]},
        {"shape": []},
        {"shape": [5, 2, 28, 14]},
        {"shape": [-5, 1, -28, 28]},
        {"shape": [0, 1, 28, 28]},
        {"shape": [5.0, 1, 28, 28]},
        {"shape": [True, 1, 28, 28]},
        {"shape": [5, 1, 28, 29]},
        {"shape": [10**30, 1, 28, 28]},
        {"data": None},
        {"data": "zeros"},
        {"data": [0.5]},
        {"data": [[0.5], [0.5, 0.5]]},
        {"data": ["0.5"] * (5 * 784)},
        {"data": [None] * (5 * 784)},
        {"data": [True] * (5 * 784)},
        {"data": [{}] * (5 * 784)},
        {"data": [1e300] * (5 * 784)},
        {"data": [10**400] * (5 * 784)},
        {"data": [255.0] * (5 * 784)},
        {"data": ["x" * 100_000] * 784},
        {"data": [[[[[0.5]]]]] * (5 * 784)},
        {"shape": [1, 1, 1, 5 * 784]},
        {"parameters": {"binary_data_size": 12}},
        {"parameters": {"binary_data_size": 10**4000}},
        {"shape": [10**4000, 1, 28, 28]},
        {"shape": [1, 1, 10**4000, 28]},
        {"parameters": {"binary_data_size": "12"}},
        {"parameters": 7},
    )
    for changed in changes:
        yield request(images, **changed)


def test_what_does_not_follow_the_protocol(client: Client, images: np.ndarray) -> None:
    start = client()
    for given in wrong(images):
        answer = start.post(INFER, content=json.dumps(given))
        assert answer.status_code in (400, 413), str(given)[:100]
        assert list(answer.json()) == ["error"]
    for body in (b"", b"{", b"\xff", b"[" * 100_000, b'{"inputs": [{"name": "image", "data": ' + b"[" * 50_000, b"NaN"):
        assert start.post(INFER, content=body).status_code == 400, body[:20]
    nan = json.dumps(request(images)).replace("0.0,", "NaN,", 1).encode()
    assert start.post(INFER, content=nan).status_code == 400
    for length in ("-1", "x", "99999999999999999999", "5", "", "1e3", "²", "0" * 5000):
        headers = {b"inference-header-content-length": length.encode()}
        answer = start.post(INFER, content=json.dumps(request(images)), headers=headers)
        assert answer.status_code == 400, length
    assert start.post("/v2/models/letters/infer", json=request(images)).status_code == 404
    assert start.post("/v2/models/digits/versions/2/infer", json=request(images)).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        *('"inputs": [{"data": [*]}]', '"inputs": [{"shape": [*]}]', '"inputs": [*]', '"outputs": [*]', '"more": [*]'),
        '"inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 1, 2, 2], "data": [*]}]',
    ],
)
@pytest.mark.parametrize("item", ["{}", "[[[]]]", "0.5"])
def test_a_request_takes_no_more_memory_than_its_numbers(client: Client, fields: str, item: str) -> None:
    start = client()
    start.get("/healthz")
    body = f"{{{fields.replace('*', ', '.join([item] * (1_000_000 // (len(item) + 2))))}}}".encode()
    tracemalloc.start()
    try:
        answer = start.post(INFER, content=body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 400
    assert len(answer.json()["error"]) < 200
    assert peak < 10e6  # a million bytes of {} are 20 million as objects, and of [[[]]] more


def test_data_are_nested_as_the_shape_says(client: Client) -> None:
    start = client()
    ink = np.zeros((2, 1, 28, 28), np.float32)
    ink[:, :, 5:20, 12:15] = 1
    wanted = start.post(INFER, json=request(ink)).json()
    for shape in ((2, 28, 28), (2, 784), (2, 1, 784), (2, 28, 28, 1)):
        given = request(ink, shape=list(shape), data=ink.reshape(shape).tolist())
        assert start.post(INFER, json=given).json() == wanted
    rows = ink.reshape(2, 784).tolist()
    for data in ([*rows, []], [rows[0][:-1], [*rows[1], 0]], [[rows]], rows[0] + [rows[1]]):
        answer = start.post(INFER, json=request(ink, data=data))
        assert answer.status_code == 400
        assert "1568 numbers" in answer.json()["error"]


def test_a_batch_is_limited(client: Client) -> None:
    images = np.full((9, 1, 2, 2), 0.5, np.float32)
    assert client(max_batch=8).post(INFER, json=request(images)).status_code == 413
    assert client(max_batch=9).post(INFER, json=request(images)).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient(running: Service, images: np.ndarray, binary: bool) -> None:
    triton = tritonclient.http.InferenceServerClient(running.address.removeprefix("http://"))
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("digits")
    assert triton.is_model_ready("digits", "1")
    assert not triton.is_model_ready("digits", "2")
    assert triton.get_server_metadata()["name"] == "tenfold"
    assert triton.get_model_metadata("digits")["inputs"][0]["name"] == "image"
    given = tritonclient.http.InferInput("image", list(images.shape), "FP32")
    given.set_data_from_numpy(images, binary_data=binary)
    wanted = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "logits")]
    answered = triton.infer("digits", [given], outputs=wanted, request_id="one")
    assert answered.get_response()["id"] == "one"
    assert answered.as_numpy("probabilities") == pytest.approx(Reader(threads=1).classify(images), abs=1e-6)
    assert answered.as_numpy("logits").shape == (5, 10)
    # No outputs named: all there are by default, as binary data.
    assert triton.infer("digits", [given], model_version="1").as_numpy("probabilities").shape == (5, 11)
    for packing in ("gzip", "deflate"):
        packed = triton.infer("digits", [given], outputs=wanted, request_compression_algorithm=packing)
        assert packed.as_numpy("probabilities").shape == (5, 11)
    waiting = triton.async_infer("digits", [given], outputs=wanted)
    assert waiting.get_result().as_numpy("logits").shape == (5, 10)
    wrong_name = tritonclient.http.InferInput("picture", list(images.shape), "FP32")
    wrong_name.set_data_from_numpy(images)
    with pytest.raises(InferenceServerException, match="image"):
        triton.infer("digits", [wrong_name])
    with pytest.raises(InferenceServerException, match="letters"):
        triton.infer("letters", [given])
    triton.close()
