"""The Open Inference Protocol, version 2, over REST: the model for tensors, in JSON or with binary data.

https://github.com/kserve/open-inference-protocol, and its extension for binary tensors.
"""

import math
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from tenfold.errors import one_line
from tenfold.read.classifier import Classifier
from tenfold.serve import service
from tenfold.serve.answers import Json, body, problems
from tenfold.serve.schemas import MODEL, VERSION, Inference, Inferred, Input, Output

_STORED = {"FP32": "<f4", "UINT8": "u1", "INT32": "<i4", "INT64": "<i8"}
LENGTH = "inference-header-content-length"  # of the JSON, where binary data follows it
_BESIDE = 100_000  # bytes of a request's JSON beside its data
_Raw = msgspec.Raw | msgspec.UnsetType  # JSON as it was sent: to make objects of 20 MB of it would fill the memory


class _Tensor(msgspec.Struct, omit_defaults=True):
    """The fields of an input, whatever they hold."""

    name: _Raw = msgspec.UNSET
    shape: _Raw = msgspec.UNSET
    datatype: _Raw = msgspec.UNSET
    parameters: _Raw = msgspec.UNSET
    data: _Raw = msgspec.UNSET


class _Asked(msgspec.Struct, omit_defaults=True):
    """The fields of a request, whatever they hold."""

    id: _Raw = msgspec.UNSET
    parameters: _Raw = msgspec.UNSET
    inputs: tuple[_Tensor] | msgspec.UnsetType = msgspec.UNSET
    outputs: _Raw = msgspec.UNSET


async def _known(model: str, version: str = VERSION) -> None:
    if model != MODEL or version != VERSION:
        raise HTTPException(404, f"there is no model {model!r} of version {version!r}: there is {MODEL!r}, {VERSION!r}")


router: APIRouter = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])
R = TypeVar("R", bound=Callable[..., Any])


def _of_model(method: str, path: str, **options: Any) -> Callable[[R], R]:
    """A route below the model's address, and below that of its version."""

    def add(route: R) -> R:
        for address in ("/models/{model}", "/models/{model}/versions/{version}"):
            router.add_api_route(address + path, route, methods=[method], dependencies=[Depends(_known)], **options)
        return route

    return add


@router.get("", summary="The server", responses=problems(401))
async def server() -> dict[str, Any]:
    """The server's metadata."""
    return {"name": "tenfold", "version": version("tenfold"), "extensions": ["binary_tensor_data"]}


@router.get("/health/live", summary="Whether the server answers")
async def live() -> dict[str, bool]:
    """That the server answers."""
    return {"live": True}


@router.get("/health/ready", summary="Whether the server can infer", responses=problems(503))
@_of_model("GET", "/ready", summary="Whether the model can infer", responses=problems(401, 404, 503))
async def ready(request: Request) -> Response:
    """Whether there are threads to infer in."""
    return Json({"ready": True}) if service.of(request).threads else Json({"error": "not ready"}, 503)


@_of_model("GET", "", summary="The model: its inputs and outputs", responses=problems(401, 404))
async def metadata(request: Request) -> dict[str, Any]:
    """The model's metadata."""
    classes = len(service.of(request).reader.classifier.classes)
    outputs = {"logits": [-1, classes], "normalised": [-1, 1, 28, 28], "probabilities": [-1, classes + 1]}
    return {
        "name": MODEL,
        "versions": [VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, -1, -1]}],
        "outputs": [{"name": name, "datatype": "FP32", "shape": shape} for name, shape in outputs.items()],
    }


@_of_model(
    "POST",
    "/infer",
    summary="Logits, probabilities and what the network sees, of images with one digit each",
    response_model=Inferred,
    responses=problems(400, 401, 403, 404, 408, 413, 415, 422, 431, 503),
    openapi_extra=body(Inference),
)
async def infer(request: Request) -> Response:
    """Infer, and answer in JSON, with binary data after it where that is wanted."""
    serving = service.of(request)
    raw, length = await request.body(), request.headers.get(LENGTH)
    async with serving.reading(request) as run:
        answer: Response = await run(_inferred, serving.reader.classifier, serving.settings.max_batch, raw, length)
    return answer


def _inferred(classifier: Classifier, most: int, raw: bytes, length: str | None) -> Response:
    """The answer to a request. Raises HTTPException, ValidationError."""
    end = len(raw)
    if length is not None:
        if not (length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= len(raw)):
            raise HTTPException(
                400, f"Inference-Header-Content-Length: {length[:30]!r} is not a length inside the body"
            )
        end = int(length)
    inference, data, sides = _parted(raw[:end])
    images = _images(inference.inputs[0], data, sides, raw[end:], most)
    outputs, binary = [], []
    for wanted in inference.outputs or (Output(name="logits"), Output(name="probabilities")):
        values: NDArray[np.float32] = getattr(classifier, wanted.name)(images)
        output: dict[str, Any] = {"name": wanted.name, "datatype": "FP32", "shape": list(values.shape)}
        own = wanted.parameters.binary_data
        if inference.parameters.binary_data_output if own is None else own:
            binary.append(values.astype("<f4").tobytes())
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = values.ravel().tolist()
        outputs.append(output)
    named = {} if inference.id is None else {"id": inference.id}
    answer = Json({"model_name": MODEL, "model_version": VERSION, **named, "outputs": outputs})
    if not binary:
        return answer
    parts = [bytes(answer.body), *binary]
    return Response(b"".join(parts), headers={LENGTH: str(len(parts[0]))}, media_type="application/octet-stream")


def _parted(raw: bytes) -> tuple[Inference, bytes, list[int]]:
    """A request without its data, those as JSON, empty where there are none, and the shape as it was sent.

    Raises HTTPException, ValidationError.
    """
    try:
        asked = msgspec.json.decode(raw, type=_Asked)
    except (msgspec.DecodeError, RecursionError) as error:
        raise HTTPException(400, one_line(error).replace("`", "")) from None
    data = b""
    if not isinstance(asked.inputs, msgspec.UnsetType):
        (tensor,) = asked.inputs
        data = b"" if isinstance(tensor.data, msgspec.UnsetType) else bytes(tensor.data)
        tensor.data = msgspec.UNSET
    rest = msgspec.json.encode(asked)
    if len(rest) > _BESIDE:
        raise HTTPException(400, f"the request has more than {_BESIDE:,} bytes beside its data")
    inference = Inference.model_validate_json(rest)
    return inference, b"" if data == b"null" else data, msgspec.json.decode(rest)["inputs"][0]["shape"]


def _numbers(data: bytes, shape: list[int], sides: list[int]) -> NDArray[np.float32]:
    """The numbers in data of a shape, which are flat, or nested as that or the `sides` that were sent.

    Raises HTTPException for any others.
    """
    count = math.prod(shape)
    compact = data.translate(None, b" \t\r\n")
    nesting = compact.translate(None, b"0123456789+-.eE")
    shapes = [count], sides, shape, [side for side in sides if side != 1]
    if nesting.count(b",") != count - 1 or nesting not in map(_nesting, shapes):
        raise HTTPException(400, f"data: it must be {count} numbers, flat or nested as the shape says")
    return np.fromstring(compact.translate(None, b"[]"), np.float32, sep=",")  # which is JSON, as msgspec has seen


def _nesting(shape: list[int]) -> bytes:
    """The brackets and commas of an array in JSON."""
    text = b""
    for side in reversed(shape):
        text = b"[" + ((text + b",") * side)[:-1] + b"]"
    return text


def _images(given: Input, data: bytes, sides: list[int], binary: bytes, most: int) -> NDArray[np.float32]:
    """The input of a request: ink (N, 1, H, W). Raises HTTPException."""
    if given.shape[0] > most:
        raise HTTPException(413, f"shape: there are more images than the limit of {most:,} in a request")
    count = math.prod(given.shape)
    stored = np.dtype(_STORED[given.datatype])
    size = given.parameters.binary_data_size
    if size is not None:
        wanted = stored.itemsize * count
        if not size == len(binary) == wanted:
            why = f"it must be {wanted}, of {stored.itemsize} for each value, and that many bytes must follow"
            raise HTTPException(400, f"binary_data_size: {why}")
        values = np.frombuffer(binary, stored)
    elif binary:
        raise HTTPException(400, "there is binary data after the JSON that no input has")
    else:
        values = _numbers(data, given.shape, sides)
    if given.datatype == "FP32":
        if not (values.min() >= -0.5 and values.max() <= 1.5):  # also false for NaN
            raise HTTPException(400, "data: FP32 must be ink in [0, 1], bright on 0; grey values to 255 are UINT8")
    elif values.min() < 0 or values.max() > 255 or (values != values.round()).any():
        raise HTTPException(400, f"data: {given.datatype} must be whole grey values from 0 to 255, bright ink on 0")
    else:
        values = values.astype(np.float32) / 255
    return values.astype(np.float32, copy=False).reshape(given.shape)
