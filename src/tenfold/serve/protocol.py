"""The Open Inference Protocol, version 2, over REST: the model for tensors, in JSON or with binary data.

https://github.com/kserve/open-inference-protocol, and its extension for binary tensors.
"""

import json
import math
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from itertools import chain
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from tenfold.read.reader import Reader
from tenfold.serve.settings import Settings

NAME = "digits"
VERSION = "1"
LENGTH = "inference-header-content-length"  # of the JSON, where binary data follows it
SIDE = 2048  # pixels: images in a tensor are no higher and no wider
Work = Callable[..., Awaitable[Any]]


class Fault(Exception):
    """A request that does not follow the protocol: its status and why."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Tensor(BaseModel):
    """A tensor by name; `data` is flat or nested, or binary after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class Output(BaseModel):
    """An output that is wanted."""

    name: str
    parameters: dict[str, Any] | None = None


class Inference(BaseModel):
    """A request for inference."""

    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[Tensor] = Field(min_length=1)
    outputs: list[Output] | None = None


class Inferred(BaseModel):
    """What was inferred."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[Tensor]


class Problem(BaseModel):
    """What went wrong, in one line."""

    error: str


def router(reader: Reader, settings: Settings, work: Work, ready: Callable[[], bool]) -> APIRouter:
    """Everything under `/v2`."""
    api = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])
    classes = len(reader.classifier.classes)
    outputs = {"logits": [-1, classes], "normalised": [-1, 1, 28, 28], "probabilities": [-1, classes + 1]}
    problems: dict[int | str, dict[str, Any]] = {401: {"model": Problem}}
    no_model: dict[int | str, dict[str, Any]] = {**problems, 404: {"model": Problem}}

    def known(model: str, version: str) -> None:
        if model != NAME or version != VERSION:
            raise Fault(f"there is no model {model!r} of version {version!r}: there is {NAME!r}, {VERSION!r}", 404)

    @api.get("", summary="The server", responses=problems)
    async def server() -> dict[str, Any]:
        return {"name": "tenfold", "version": version("tenfold"), "extensions": ["binary_tensor_data"]}

    @api.get("/health/live", summary="Whether the server answers")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @api.get("/health/ready", summary="Whether the server can infer", responses={503: {"model": Problem}})
    async def server_ready() -> Response:
        return _ready(ready())

    @api.get("/models/{model}", summary="The model: its inputs and outputs", responses=no_model)
    @api.get("/models/{model}/versions/{version}", summary="The model: its inputs and outputs", responses=no_model)
    async def metadata(model: str, version: str = VERSION) -> dict[str, Any]:
        known(model, version)
        return {
            "name": NAME,
            "versions": [VERSION],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, -1, -1]}],
            "outputs": [{"name": name, "datatype": "FP32", "shape": shape} for name, shape in outputs.items()],
        }

    @api.get(
        "/models/{model}/ready", summary="Whether the model can infer", responses={**no_model, 503: {"model": Problem}}
    )
    @api.get(
        "/models/{model}/versions/{version}/ready",
        summary="Whether the model can infer",
        responses={**no_model, 503: {"model": Problem}},
    )
    async def model_ready(model: str, version: str = VERSION) -> Response:
        known(model, version)
        return _ready(ready())

    body = {"required": True, "content": {"application/json": {"schema": _whole(Inference.model_json_schema())}}}
    faults: dict[int | str, dict[str, Any]] = {s: {"model": Problem} for s in (400, 401, 404, 408, 413, 415, 503)}

    @api.post(
        "/models/{model}/infer",
        summary="Logits, probabilities and what the network sees, of images with one digit each",
        response_model=Inferred,
        responses=faults,
        openapi_extra={"requestBody": body},
    )
    @api.post(
        "/models/{model}/versions/{version}/infer",
        summary="Logits, probabilities and what the network sees, of images with one digit each",
        response_model=Inferred,
        responses=faults,
        openapi_extra={"requestBody": body},
    )
    async def infer(request: Request, model: str, version: str = VERSION) -> Response:
        known(model, version)
        answer, length = await work(
            _infer, reader, settings.max_batch, await request.body(), request.headers.get(LENGTH)
        )
        if length is None:
            return Response(answer, media_type="application/json")
        return Response(answer, media_type="application/octet-stream", headers={LENGTH: str(length)})

    return api


def _whole(schema: Any, known: dict[str, Any] | None = None) -> Any:
    """A schema with its parts in their places instead of references to them."""
    if isinstance(schema, list):
        return [_whole(part, known) for part in schema]
    if not isinstance(schema, dict):
        return schema
    known = schema.get("$defs", {}) if known is None else known
    if "$ref" in schema:
        return _whole(known[schema["$ref"].rpartition("/")[2]], known)
    return {name: _whole(part, known) for name, part in schema.items() if name != "$defs"}


def _ready(ready: bool) -> Response:
    if ready:
        return Response('{"ready": true}', media_type="application/json")
    return Response('{"error": "not ready"}', 503, media_type="application/json")


def _infer(reader: Reader, most: int, body: bytes, length: str | None) -> tuple[bytes, int | None]:
    """The answer to a request, and how long its JSON is if binary data follows it. Raises Fault."""
    asked, rest = _parted(body, length)
    images = _images(asked, rest, most)
    wanted = _wanted(asked)
    classifier = reader.classifier
    makers = {
        "logits": classifier.logits,
        "normalised": classifier.normalised,
        "probabilities": classifier.probabilities,
    }
    for name, _ in wanted:
        if name not in makers:
            raise Fault(f"there is no output {name!r}: there are {', '.join(makers)}")
    answer: dict[str, Any] = {"model_name": NAME, "model_version": VERSION}
    if "id" in asked:
        answer["id"] = asked["id"]
    answer["outputs"], packed = [], []
    for name, binary in wanted:
        values = makers[name](images)
        output: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": list(values.shape)}
        if binary:
            packed.append(values.astype("<f4").tobytes())
            output["parameters"] = {"binary_data_size": len(packed[-1])}
        else:
            output["data"] = values.ravel().tolist()
        answer["outputs"].append(output)
    text = json.dumps(answer).encode()
    return b"".join([text, *packed]), len(text) if packed else None


def _parted(body: bytes, length: str | None) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request, and the binary data after it."""
    end = len(body)
    if length is not None:
        if not (length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= len(body)):
            raise Fault(f"Inference-Header-Content-Length: {length[:30]!r} is not a length inside the body")
        end = int(length)
    try:
        asked = json.loads(body[:end])
    except (ValueError, RecursionError):
        raise Fault("the request is not JSON") from None
    if not isinstance(asked, dict):
        raise Fault("the request must be a JSON object")
    if not isinstance(asked.get("id", ""), str):
        raise Fault("id: it must be a string")
    return asked, body[end:]


def _images(asked: dict[str, Any], rest: bytes, most: int) -> NDArray[np.float32]:
    """The input of a request: ink (N, 1, H, W)."""
    inputs = asked.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Fault("inputs: there must be one, named 'image'")
    given = inputs[0]
    if given.get("name") != "image":
        raise Fault("inputs: there must be one, named 'image'")
    if given.get("datatype") != "FP32":
        raise Fault("datatype: it must be 'FP32'")
    shape = given.get("shape")
    if not isinstance(shape, list) or len(shape) != 4 or not all(type(side) is int and side > 0 for side in shape):
        raise Fault("shape: it must be [N, 1, H, W], all above 0")
    if shape[1] != 1 or max(shape[2:]) > SIDE:
        raise Fault(f"shape: it must be [N, 1, H, W], H and W at most {SIDE:,}")
    if shape[0] > most:
        raise Fault(f"shape: there are more images than the limit of {most:,} in a request", 413)
    count = math.prod(shape)
    size = _parameters(given).get("binary_data_size")
    if size is not None:
        if type(size) is not int or size != len(rest) or size != 4 * count:
            raise Fault(f"binary_data_size: it must be {4 * count}, 4 bytes for each value, and that much must follow")
        values = np.frombuffer(rest, "<f4")
    else:
        if rest:
            raise Fault("there is binary data after the JSON that no input has")
        with np.errstate(over="ignore"):  # what is too large for FP32 is told below
            values = _numbers(given.get("data"), count)
    if not np.isfinite(values).all() or float(values.min()) < -0.5 or float(values.max()) > 1.5:
        raise Fault("data: ink in [0, 1] is wanted, bright on 0")
    return values.astype(np.float32).reshape(shape)


def _numbers(data: Any, count: int) -> NDArray[np.float32]:
    """`count` numbers that are flat, or nested in up to four lists, as a tensor may be written."""
    for _ in range(3):
        if isinstance(data, list) and data and all(type(part) is list for part in data):
            data = list(chain.from_iterable(data))
    if not isinstance(data, list) or len(data) != count or not {type(value) for value in data} <= {int, float}:
        raise Fault(f"data: {count} numbers are wanted, flat or nested as the shape says")
    try:
        return np.array(data, np.float64).astype(np.float32)
    except OverflowError:
        raise Fault("data: ink in [0, 1] is wanted, bright on 0") from None


def _wanted(asked: dict[str, Any]) -> list[tuple[str, bool]]:
    """The outputs that are wanted, and whether as binary data; the logits and probabilities where none is named."""
    binary = _parameters(asked).get("binary_data_output", False) is True
    outputs = asked.get("outputs")
    if outputs is None or outputs == []:
        return [("logits", binary), ("probabilities", binary)]
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs) or len(outputs) > 10:
        raise Fault("outputs: it must be a list of objects with a name")
    if len({str(output.get("name"))[:50] for output in outputs}) < len(outputs):
        raise Fault("outputs: each may be named once")
    return [
        (str(output.get("name"))[:50], _parameters(output).get("binary_data", binary) is True) for output in outputs
    ]


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    found = given.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Fault("parameters: it must be an object")
    return found
