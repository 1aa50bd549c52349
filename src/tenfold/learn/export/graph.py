"""What every model file has in common: how a module becomes an ONNX graph, and how sure it must be."""

import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from tenfold.errors import UsageError, missing_extra

OPSET = 18


@dataclass(frozen=True)
class Decisions:
    """How sure the model must be: measured on validation digits as pictures show them, and shapes that are none."""

    temperature: float
    threshold: float  # the probability from which an answer counts as sure
    error: float | None  # share of the sure answers that are wrong; None where nothing was measured
    coverage: float | None  # share of the digits that are answered surely


def graph(
    module: nn.Module,
    example: dict[str, Tensor],
    outputs: list[str],
    sizes: dict[str, dict[int, Any]],
    metadata: dict[str, str],
) -> bytes:
    """A module as an ONNX file: its inputs as `example` names them, `sizes` those of their dimensions that vary.

    It has been through onnx.checker. Raises UsageError for what no graph can be made of, for any of these sizes;
    MissingExtra without the packages for it.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train") from error
    how = (
        "its forward must do the same for any images and any number of them, without an if or a len that looks at them"
    )
    try:
        with silence(), redirect_stderr(io.StringIO()), torch.no_grad():
            program = torch.onnx.export(
                module.cpu().eval(),
                tuple(example.values()),
                input_names=list(example),
                output_names=outputs,
                dynamic_shapes=sizes,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # of a user's own, which may do anything
        reason = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)
        raise UsageError(f"the network cannot be written as a graph: {how} ({reason})") from error
    assert program is not None
    proto = program.model_proto
    for given, free in zip(proto.graph.input, sizes.values(), strict=True):
        its = given.type.tensor_type.shape.dim
        if fixed := [its[k].dim_value for k in free if not its[k].dim_param]:
            raise UsageError(f"the network would be written as a graph for a size of {fixed[0]} alone: {how}")
    onnx.helper.set_model_props(proto, metadata)
    proto.producer_name, proto.producer_version = "tenfold", version("tenfold")
    graph = proto.graph
    # The exporter's notes on where each came from hold paths of this machine.
    for value in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    del graph.metadata_props[:]
    onnx.checker.check_model(proto, full_check=True)
    raw: bytes = proto.SerializeToString()
    return raw


def sealed(raw: bytes) -> bytes:
    """An ONNX file that begins with its SHA-256, as one more entry of its metadata; its format is 2 then, not 1.

    Where another program writes the file anew, the entry is no longer the first, and says nothing of it.
    """
    import onnx

    proto, first = onnx.load_from_string(raw), onnx.ModelProto()
    for entry in proto.metadata_props:
        if entry.key == "format":
            entry.value = entry.value.replace(" 1", " 2")
    whole: bytes = proto.SerializeToString()
    onnx.helper.set_model_props(first, {"sha256": hashlib.sha256(whole).hexdigest()})
    return bytes(first.SerializeToString()) + whole  # which is one message, whatever its order


@contextmanager
def silence() -> Iterator[None]:
    """The exporters speak to their developers; what a user must know is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
