"""What requests and answers hold: pydantic models, which check requests and describe both in the OpenAPI document."""

import base64
import binascii
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from tenfold.serve.corrections import SIDE

MODEL, VERSION = "digits", "1"  # the names that the model is served under
MAX_SIDE = 2048  # pixels: images in a tensor are no higher and no wider
_SEVEN = base64.b64encode(bytes(300) + bytes([200] * 60) + bytes(424)).decode()
_CORRECTION: dict[str, Any] = {"label": "7", "input": _SEVEN, "answer": "1"}
_READING: dict[str, Any] = {
    "path": None,
    "text": "7?",
    "lines": ["7?"],
    "numbers": [],
    "digits": [
        {"value": "7", "probability": 0.9996, "box": [52, 40, 61, 88], "sure": True},
        {"value": "1", "probability": 0.6012, "box": [130, 42, 20, 85], "sure": False},
    ],
    "ignored": [],
}
_BASE64 = {"type": "string", "contentEncoding": "base64", "minLength": len(_SEVEN), "maxLength": len(_SEVEN)}
_TENSOR: dict[str, Any] = {"name": "image", "shape": [1, 1, 2, 2], "datatype": "FP32", "data": [0, 1, 0, 1]}


class Problem(BaseModel, json_schema_extra={"examples": [{"error": "there is no /v1/red"}]}):
    """What went wrong, in one line."""

    error: str


class ReadOptions(BaseModel, extra="forbid"):
    """How pictures are to be read."""

    single: bool = Field(default=False, description="The picture is one digit: all its ink is taken together.")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="The probability from which a number is sure; by default the models' own."
    )
    upright: bool = Field(
        default=False, description="The picture is the right way up: it is not tried turned by quarters."
    )
    digits_only: bool = Field(default=False, description="Leave out the signs between digits: 12/05 is 1205.")
    decimal: Literal[".", ","] | None = Field(
        default=None, description="The decimal separator of the numbers; where it is not known, 1.250 has two values."
    )
    annotate: bool = Field(
        default=False,
        description="Add the picture with a box around every digit: `annotated`, a PNG in base64. With "
        "`Accept: image/png` and one picture of one page the answer is that PNG.",
    )
    details: bool = Field(
        default=False,
        description="Add what a page needs to show: the size, the threshold, and of each digit all probabilities and "
        "what the network saw.",
    )


class Number(BaseModel):
    """A number in a picture."""

    text: str = Field(description="As it is written.")
    values: list[str] = Field(description="What it can mean, as decimals: two where points and commas leave it open.")


class Digit(BaseModel):
    """A digit in a picture, or a sign beside it: one of . , - / : + ( ) %, or ? for any other."""

    value: str
    probability: float = Field(ge=0, le=1)
    box: tuple[int, int, int, int] = Field(description="x, y, width and height in pixels of the picture.")
    sure: bool
    page: int | None = Field(default=None, description="Of a file with several pages.")
    line: int | None = Field(default=None, description="With `details`, as all that follows.")
    number: int | None = None
    probabilities: dict[str, float] | None = None
    none: float | None = Field(default=None, description="The probability of being no digit.")
    input: str | None = Field(default=None, description="What the network saw: 28 x 28 bytes in base64.")


class Reading(BaseModel, json_schema_extra={"examples": [_READING]}):
    """What was read in a picture."""

    path: str | None = Field(description="The name that it was sent under, if any.")
    text: str = Field(description="The lines, one under the other; ? is what is not sure.")
    lines: list[str]
    numbers: list[Number] = Field(default=[], description="What can be understood as numbers.")
    digits: list[Digit]
    error: str | None = Field(default=None, description="Why it could not be read, where several were sent.")
    annotated: str | None = None
    width: int | None = None
    height: int | None = None
    threshold: float | None = None
    ignored: list[tuple[int, int, int, int]] | None = Field(
        default=None, description="Ink that was taken for no sign: boxes as those of digits."
    )


class Route(BaseModel):
    """A way to ask."""

    method: str
    path: str
    summary: str


class Index(BaseModel):
    """What there is."""

    name: str
    version: str
    routes: list[Route]
    documentation: str


class Health(BaseModel):
    """That the service is up and can read."""

    status: Literal["ok"]


class Model(BaseModel, extra="allow"):
    """The metadata of the model file, and the limits of the service."""

    name: str
    threshold: float
    max_bytes: int
    max_pixels: int
    max_pictures: int
    max_seconds: float
    corrections: bool = Field(description="Whether corrections are kept.")
    note: str | None = Field(description="What the page is to say about this way of reading.")


def _input(text: Any) -> Any:
    """The bytes of an input of the network in base64. Raises ValueError for what is none, or has no ink."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ValueError("must be base64") from None
    if len(raw) != SIDE * SIDE or not any(raw):
        raise ValueError(f"must be {SIDE * SIDE} bytes in base64, {SIDE} x {SIDE}, some of them ink")
    return raw


class Correction(BaseModel, extra="forbid", json_schema_extra={"examples": [_CORRECTION]}):
    """The right value of a digit that was misread."""

    label: str = Field(description="What it is: one of the model's classes.")
    input: Annotated[bytes, BeforeValidator(_input), WithJsonSchema(_BASE64)] = Field(
        description="What the network saw, as `details` gave it: 784 bytes in base64, ink bright on 0."
    )
    answer: str | None = Field(default=None, max_length=100, description="What it was read as.")


class Kept(BaseModel):
    """How many corrections are kept, and the name of one that was sent."""

    saved: str | None = Field(default=None, examples=["7/20261121-093012-5e884898da280471.png"])
    count: int
    classes: dict[str, int]


# The Open Inference Protocol, as far as it is about this model


class Parameters(BaseModel, strict=True):
    """Which data follow the JSON instead of being in it."""

    binary_data_size: int | None = Field(default=None, description="Of an input: how many bytes of its data follow.")
    binary_data: bool | None = Field(default=None, description="Of an output: whether its data are to follow.")
    binary_data_output: bool = Field(
        default=False, description="Of a request: whether this is so of outputs by default."
    )


_Parameters = Annotated[Parameters, BeforeValidator(lambda given: {} if given is None else given)]
_Row = Annotated[list[float], Field(fail_fast=True)]
_Rows = Annotated[list[_Row], Field(fail_fast=True)]
_Planes = Annotated[list[_Rows], Field(fail_fast=True)]
_Images = Annotated[list[_Planes], Field(fail_fast=True)]


def _as_images(shape: list[int]) -> list[int]:
    """A shape as (N, 1, H, W). Raises ValueError."""
    if len(shape) != 4 or shape[1] != 1:
        match [side for side in shape if side != 1]:
            case [784] | [28, 28]:
                return [1, 1, 28, 28]
            case [count, 784] | [count, 28, 28]:
                return [count, 1, 28, 28]
        raise ValueError("must be [N, 1, H, W]; or [N, 28, 28] or [N, 784], of which N may be left out")
    if max(shape[2:]) > MAX_SIDE:
        raise ValueError(f"H and W must be {MAX_SIDE:,} or less")
    return shape


_Shape = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1, max_length=5), AfterValidator(_as_images)]


class Input(BaseModel, strict=True):
    """Images of one digit each, bright on 0: ink from 0 to 1, or in whole numbers grey values from 0 to 255."""

    name: Literal["image"]
    shape: _Shape = Field(
        description="N, 1, H, W; for images of 28 x 28 also N, 28, 28 or N, 784, of which N may be left out."
    )
    datatype: Literal["FP32", "UINT8", "INT32", "INT64"]
    parameters: _Parameters = Parameters()
    data: Annotated[_Row | _Rows | _Planes | _Images, Field(union_mode="left_to_right")] | None = Field(
        default=None, description="Flat or nested; left out where it follows the JSON."
    )


class Output(BaseModel, strict=True):
    """An output that is wanted."""

    name: Literal["logits", "normalised", "probabilities"]
    parameters: _Parameters = Parameters()


class Inference(BaseModel, strict=True, json_schema_extra={"examples": [{"inputs": [_TENSOR]}]}):
    """A request for inference."""

    id: str | None = None
    parameters: _Parameters = Parameters()
    inputs: tuple[Input]
    outputs: list[Output] | None = Field(
        default=None, max_length=10, description="Each once; by default logits and probabilities."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [output.name for output in self.outputs or ()]
        if len(set(names)) < len(names):
            raise ValueError("outputs must be named once each")
        return self


class Tensor(BaseModel):
    """An output; its data are flat, or binary after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[float] | None = None


class Inferred(BaseModel):
    """What was inferred."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[Tensor]
