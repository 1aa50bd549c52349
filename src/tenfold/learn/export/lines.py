"""From a trained network for lines to its model file: an ONNX graph that normalises rows, with how to decode them."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tenfold.learn import networks
from tenfold.learn.export.graph import Decisions, graph
from tenfold.learn.lines import ctc, dataset
from tenfold.learn.lines.alphabet import BLANK, OTHER
from tenfold.learn.lines.writing import HEIGHT
from tenfold.learn.networks.calibration import ERROR_OF_LINES, UNSURE, threshold
from tenfold.learn.training.models import Model
from tenfold.progress import track

FORMAT = "tenfold-lines 1"
STEP = 2  # pixels: columns of a line that make a step of the sequence
_LARGE = 1000  # weights: from so many on they are stored in half precision


class LineReading(nn.Module):
    """A network for lines with its normalisation before it, and the logarithm of the softmax after it."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.network: nn.Sequential = networks.stock(network)

    def forward(self, image: Tensor, widths: Tensor) -> Tensor:
        """From ink float (N, 1, 40, W) in [0, 1], bright, of `widths` (N,) columns each, to (N, W / 2, classes + 1)."""
        inside = (torch.arange(image.shape[3]) < widths[:, None]).float()[:, None, None]  # (N, 1, 1, W)
        count = widths[:, None, None, None].float() * HEIGHT
        mean = (image * inside).sum((1, 2, 3), keepdim=True) / count
        away = (image - mean) * inside
        deviation = (away.square().sum((1, 2, 3), keepdim=True) / count).sqrt().clamp(min=dataset.FLAT)
        logits: Tensor = self.network(away / deviation)
        return logits.log_softmax(2)


def to_onnx(model: Model, decisions: Decisions) -> bytes:
    """The ONNX file of a model for lines, its large weights in half precision. Raises MissingExtra."""
    rows, wide = torch.export.Dim("n"), torch.export.Dim("w", min=2)
    sizes = {"image": {0: rows, 3: 32 * wide}, "widths": {0: rows}}
    example = {"image": torch.rand(2, 1, HEIGHT, 96), "widths": torch.tensor([96, 70])}
    raw = graph(LineReading(model.network), example, ["scores"], sizes, _metadata(model, decisions))
    return _halved(raw)


def decide(model: Model, batches: Sequence[dataset.Batch]) -> Decisions:
    """The lowest probability of a text from which no more than 5 % of the lines are read with a fault in their digits.

    The probability is that of the text, summed over its alignments. See `threshold` on the method. Points do not count,
    of which paper hides some.
    """
    if not batches:
        return Decisions(1.0, UNSURE, None, None)
    probabilities, wrong = ctc.faults(model.network, track(batches, "fitting the threshold"))
    least, risk, count = threshold(probabilities, wrong, ERROR_OF_LINES)
    return Decisions(1.0, least, risk, round(count / len(wrong), 5))


def _metadata(model: Model, decisions: Decisions) -> dict[str, str]:
    described: dict[str, Any] = {
        "format": FORMAT,
        "classes": model.task.classes,
        "blank": BLANK,
        "other": OTHER,
        "height": HEIGHT,
        "step": STEP,
        "decoding": "ctc",
        "threshold": decisions.threshold,
        "threshold_error": decisions.error,
        "threshold_coverage": decisions.coverage,
        "recipe": model.recipe.as_dict(),
        "metrics": model.metrics,
        "version": version("tenfold"),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in described.items()}


def _halved(raw: bytes) -> bytes:
    """The graph with its large weights stored in half precision, and made single again when it is loaded."""
    import onnx

    proto = onnx.load_from_string(raw)
    inner, casts = proto.graph, []
    for weights in inner.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= _LARGE:
            name, half = weights.name, f"{weights.name}.half"
            weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    rest = list(inner.node)
    del inner.node[:]
    inner.node.extend([*casts, *rest])
    onnx.checker.check_model(proto, full_check=True)
    halved: bytes = proto.SerializeToString()
    return halved
