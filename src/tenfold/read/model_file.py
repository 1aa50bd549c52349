"""What an ONNX file holds, looked at before onnxruntime opens it: a network for images, and nothing that hurts.

Only the few fields of ONNX's protobuf that this takes are read: https://onnx.ai/onnx/repo-docs/IR.html. The numbers of
fields are those of onnx.proto3.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import FormatError

LARGEST = 2**29  # bytes of a file: a network of 128 million parameters
_NODES = 20_000
_ELEMENTS = 2**27  # of what a graph may make of a shape that it holds
_SHAPE = 8  # integers: no more are a shape
_ENDS = (2**31 - 1, 2**62)  # what stands for "to the end"
_FLOATS = {1: np.float32, 10: np.float16, 11: np.float64}
# What exporters write for networks of images. None of it repeats, calls or opens anything.
_WORDS = (
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization BitShift "
    "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Compress Concat "
    "Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Det "
    "Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather "
    "GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual "
    "GridSample GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN "
    "LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul "
    "MatMulInteger Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonZero Not OneHot "
    "Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 "
    "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare "
    "Relu Reshape Resize RotaryEmbedding Round ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh "
    "Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu "
    "Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor"
)
OPERATORS = frozenset(_WORDS.split())


@dataclass
class Contents:
    """What a model file says: its metadata, and the name and sizes of each input and output; 0 is any size."""

    metadata: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    nodes: int = 0


def contents(raw: bytes) -> Contents:
    """What a model file holds. Raises FormatError for what is damaged, or no network for images alone."""
    if len(raw) > LARGEST:
        raise FormatError(f"it has {len(raw):,} bytes, and {LARGEST:,} are the most")
    found, said, rest = Contents(), None, memoryview(raw)
    view = memoryview(raw)
    try:
        for number, value, begin, after in _fields(view):
            if number == 7:
                _graph(value, found)
            elif number == 14:
                pair = {k: bytes(v).decode() for k, v, _, _ in _fields(value)}
                found.metadata[pair.get(1, "")] = pair.get(2, "")
                if begin == 0 and "sha256" in found.metadata:
                    said, rest = found.metadata["sha256"], view[after:]
            elif number in (20, 25):
                raise FormatError("it has functions or a training of its own, which are not run")
    except (ValueError, IndexError, TypeError, KeyError, AttributeError) as error:
        raise FormatError("its bytes are none of ONNX") from error
    if "sha256" not in found.metadata and found.metadata.get("format", "").endswith(" 2"):
        raise FormatError("its SHA-256 is missing")
    if said is not None and said != hashlib.sha256(rest).hexdigest():
        raise FormatError("it is not what its SHA-256 says")
    return found


def _graph(raw: memoryview, found: Contents) -> None:
    for number, value, _, _ in _fields(raw):
        if number == 1:
            found.nodes += 1
            _node(value)
        elif number == 5:
            _tensor(value)
        elif number == 11:
            _described(value, found.inputs)
        elif number == 12:
            _described(value, found.outputs)
        elif number == 15:
            raise FormatError("it has sparse weights, which are not read")
    if found.nodes > _NODES:
        raise FormatError(f"its graph has {found.nodes:,} nodes, and {_NODES:,} are the most")


def _node(raw: memoryview) -> None:
    for number, value, _, _ in _fields(raw):
        if number == 4 and bytes(value).decode() not in OPERATORS:
            raise FormatError(f"its operator {bytes(value[:40]).decode()} is none of networks for images")
        if number == 7 and bytes(value) not in (b"", b"ai.onnx"):
            raise FormatError(f"its operators of {bytes(value[:40]).decode()} are not run")
        if number == 5:
            for part, inner, _, _ in _fields(value):
                if part in (6, 11, 22, 23):
                    raise FormatError("it has a graph inside of a graph, or sparse weights, which are not run")
                if part in (5, 10):
                    _tensor(inner)


def _described(raw: memoryview, into: dict[str, tuple[int, ...]]) -> None:
    """Note the name and sizes of an input or output."""
    name, sizes = "", list[int]()
    for number, value, _, _ in _fields(raw):
        if number == 1:
            name = bytes(value).decode()
        for kind, tensor, _, _ in _fields(value) if number == 2 else ():
            for part, shape, _, _ in _fields(tensor) if kind == 1 else ():
                for _, dimension, _, _ in _fields(shape) if part == 2 else ():
                    sizes.append(next((v for k, v, _, _ in _fields(dimension) if k == 1), 0))
    into[name] = tuple(sizes)


def _tensor(raw: memoryview) -> None:
    """Look at a constant: its size must be that of its values, which are numbers, and no shape of too much."""
    sizes, values, kind, count, finite = list[int](), list[int](), 0, 0, True
    data = memoryview(b"")
    for number, value, _, _ in _fields(raw):
        if number == 1:
            sizes += _integers(value)
        elif number == 2:
            kind = value
        elif number == 13 or (number == 14 and value):
            raise FormatError("its weights are in another file, which is not read")
        elif number == 9:
            data = value
        elif number in (4, 10):  # floats and doubles, packed or one by one
            floats = np.frombuffer(value, "<f4" if number == 4 else "<f8")
            count += len(floats)
            finite = finite and _finite(floats)
        elif number in (5, 7, 11):
            some = _integers(value)
            count += len(some)
            values += some[: _SHAPE + 1]
        elif number == 6:
            count += 1
    wanted = math.prod(sizes)
    if not 0 <= wanted <= max(count, 2 * len(data)) or any(size < 0 for size in sizes):
        raise FormatError(f"a constant of it is said to have {wanted:,} values, and has not")
    if kind in _FLOATS:
        finite = finite and _finite(np.frombuffer(data, np.dtype(_FLOATS[kind]).newbyteorder("<")))
    if not finite:
        raise FormatError("it has weights that are no numbers, or infinite")
    if kind == 7 and wanted <= _SHAPE:
        if len(data):
            values = np.frombuffer(data, "<i8").tolist()
        if math.prod(v for v in values if 1 < v < _ENDS[1] and v != _ENDS[0]) > _ELEMENTS:
            raise FormatError(f"it has a shape of more than {_ELEMENTS:,} values")


def _finite(values: NDArray[Any]) -> bool:
    """Whether weights are numbers; of infinities a mask is made, and where nothing is padded."""
    return bool(np.isfinite(values).all()) or bool((np.isinf(values) | (values == 0)).all())


def _integers(value: Any) -> list[int]:
    """The integers of a field that has one, or some packed; those of 64 bits with their sign."""
    if isinstance(value, int):
        return [_signed(value)]
    found, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        found.append(_signed(number))
    return found


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _fields(raw: memoryview) -> Iterator[tuple[int, Any, int, int]]:
    """The fields of a message: number, value (an integer, or bytes), and where each begins and ends."""
    place = 0
    while place < len(raw):
        begin = place
        tag, place = _varint(raw, place)
        number, kind = tag >> 3, tag & 7
        value: Any
        if kind == 0:
            value, place = _varint(raw, place)
        elif kind == 2:
            size, place = _varint(raw, place)
            value = raw[place : place + size]
            place += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value = raw[place : place + size]
            place += size
        else:
            raise ValueError(kind)
        if place > len(raw) or not number:
            raise ValueError(place)
        yield number, value, begin, place


def _varint(raw: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value & (2**64 - 1), place
        shift += 7
        if shift > 63:
            raise ValueError(place)
