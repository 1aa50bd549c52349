"""From a trained network to the one file that reads pictures: an ONNX graph that normalises and classifies."""

import copy
import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold import files
from tenfold.errors import DataError, UsageError, nearest
from tenfold.learn import networks
from tenfold.learn.digits import dataset, outliers, pens, pictures
from tenfold.learn.digits.normalisation import Normalisation
from tenfold.learn.export import lines
from tenfold.learn.export.graph import Decisions, graph, sealed, silence
from tenfold.learn.lines.dataset import held_out
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import grey
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.recipes.tasks import LINES
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run, Target, find_model
from tenfold.mnist.digits import Digits
from tenfold.progress import track

FORMAT = "tenfold-reader 1"
QUANTIZATIONS = ("int8",)
_CHECKED = 5000  # validation digits that temperature and threshold are fitted on
# How digits are changed there, whatever the network was taught: about what pictures do to them.
_CHANGES = Augmentation(rotate=10, shear=10, scale=0.1, elastic=0.7)


class Reading(nn.Module):
    """A network with everything before it: ink float (N, 1, H, W) in [0, 1], bright on 0, to logits (N, classes).

    What the network sees, (N, 1, 28, 28), is returned too, to be shown.
    """

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.normalisation: Normalisation = Normalisation()
        self.network: nn.Sequential = networks.stock(network)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of digits of any size, and the digits normalised."""
        ink = self.normalisation(image)
        return self.network((ink - networks.MEAN) / networks.STD), ink


def export(
    run: Target = None,
    path: str | Path | None = None,
    *,
    quantize: str | None = None,
    normalise: tuple[float, float] | None = None,
) -> Path:
    """Write a model as ONNX, normalisation included, and return the path, by default model.onnx in its run.

    It is a run, or whatever else `evaluate` takes, with `normalise` as there.

    The graph: input `image`, float32 (N, 1, H, W), ink in [0, 1], bright on 0, any N, H and W; output `logits`, float32
    (N, classes); a second output `normalised`, (N, 1, 28, 28), is what the network sees. Its metadata holds the
    classes, the temperature, the threshold for "unsure", whether it tells what is no digit (then that has a logit of 0
    beside the classes'), the recipe, the data, the metrics and the version.
    A network for lines has inputs `image`, float32 (N, 1, 40, W), and `widths`, int64 (N,), and the output `scores`,
    the logarithms of each step's probabilities, (N, W / 2, classes + 1); its metadata says how they are decoded.
    With quantize="int8" convolutions and products are computed in 8 bits, calibrated on validation digits.

    Raises RunError for a model that cannot be used, UsageError for an unknown quantization, StorageError when the file
    cannot be written, MissingExtra without the packages that write ONNX.
    """
    if quantize is not None and quantize not in QUANTIZATIONS:
        raise UsageError(nearest("quantization", quantize, QUANTIZATIONS))
    run = run if run is None or isinstance(run, str | Path | Run) else copy.deepcopy(run)  # which goes to the CPU
    model, its_run, folder = find_model(run, lines=True, normalise=normalise)
    path = Path(path) if path is not None else (its_run.path if its_run else folder) / "model.onnx"
    if model.task == LINES:
        if quantize:
            raise UsageError("--quantize is for networks that read one digit")
        files.content(path, sealed(lines.to_onnx(model, lines.decide(model, held_out(model.recipe)))))
        return path
    digits = _validation(model)
    unmeasured = Decisions(model.temperature, calibration.UNSURE, None, None)
    raw = to_onnx(model, unmeasured if digits is None else decide(*observed(model, digits)))
    if quantize:
        raw = _quantized(raw, digits)
    files.content(path, sealed(raw))
    return path


def to_onnx(model: Model, decisions: Decisions) -> bytes:
    """The ONNX file of a model. It has been through onnx.checker. Raises MissingExtra without the packages for it."""
    sizes = {0: torch.export.Dim("n"), 2: torch.export.Dim("height", min=1), 3: torch.export.Dim("width", min=1)}
    example = {"image": torch.rand(2, 1, 31, 37)}
    outputs = ["logits", "normalised"]
    return graph(Reading(model.network), example, outputs, {"image": sizes}, _metadata(model, decisions))


def observed(model: Model, digits: Digits, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (N, K) and labels (N,) of digits as pictures show them; where the model tells them, outliers are added.

    The logits have a last column for "no digit", and outliers its number for a label, if the model tells those.
    """
    rejects = model.recipe.outliers > 0
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    if rejects:
        # What a digit of a group of digits would be on its side is not known.
        known = digits if model.task.name == "digits" else Digits(digits.images, np.full(len(digits), -1))
        shapes = outliers.draw(len(digits) // 5, known, np.random.default_rng(seed + 1))
        images = torch.cat([images, torch.from_numpy(shapes)])
        labels = torch.cat([labels, torch.full((len(shapes),), len(model.task.classes))])
    distances = pens.distances(images, track)
    device = next(model.network.parameters()).device
    found = []
    with torch.no_grad():
        for index in track(torch.arange(len(images)).split(250), "fitting the threshold"):  # type: ignore[no-untyped-call]
            ink = pictures.distort(grey(images[index]), distances[index], _CHANGES, generator)
            found.append(model.network(((ink - networks.MEAN) / networks.STD).to(device)).float().cpu())
    logits = torch.cat(found)
    return F.pad(logits, (0, 1)) if rejects else logits, labels


def decide(logits: Tensor, labels: Tensor, error: float = calibration.ERROR) -> Decisions:
    """The temperature, and the lowest threshold above which no more than `error` of the answers are wrong.

    See `threshold` on the method. An answered outlier is a wrong answer.
    """
    temperature = calibration.fit_temperature(logits, labels)
    probabilities = calibration.probabilities(logits, temperature)
    classes = int(labels.max()) if logits.shape[1] > int(labels.max()) + 1 else logits.shape[1]
    confidence, answers = probabilities.max(1)
    order = confidence.argsort(descending=True)
    answered = order[answers[order] < classes]
    wrong = answers[answered] != labels[answered]
    least, risk, count = calibration.threshold(confidence[answered], wrong, error)
    sure = answered[:count]
    coverage = float((labels[sure] < classes).sum() / (labels < classes).sum())
    return Decisions(temperature, least, risk, round(coverage, 5))


def _validation(model: Model) -> Digits | None:
    """Digits that the model did not learn from, as its task labels them; None when there are none any more."""
    try:
        digits = dataset.held_out(model.recipe, model.data.get("sha256"))
    except DataError:
        return None
    if digits is None:
        return None
    some = np.random.default_rng(0).permutation(len(digits))[:_CHECKED]
    return Digits(digits.images[some], digits.labels[some])


def _metadata(model: Model, decisions: Decisions) -> dict[str, str]:
    described: dict[str, Any] = {
        "format": FORMAT,
        "classes": model.task.classes,
        "task": {"name": model.task.name, "groups": model.task.groups},
        "rejects": model.recipe.outliers > 0,
        "temperature": decisions.temperature,
        "threshold": decisions.threshold,
        "threshold_error": decisions.error,
        "threshold_coverage": decisions.coverage,
        "recipe": {
            k: Path(v).name if k in ("data", "init", "teacher") and v else v for k, v in model.recipe.as_dict().items()
        },
        "data": {k: Path(v).name if k == "name" else v for k, v in model.data.items()},
        "metrics": model.metrics,
        "version": version("tenfold"),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in described.items()}


def _quantized(raw: bytes, digits: Digits | None) -> bytes:
    """The graph with 8-bit convolutions and products with weights, calibrated on digits; normalisation stays exact."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    if digits is None:
        raise DataError("there are no validation digits to calibrate the 8 bits on: the run learnt from all of them")
    images = digits.images[:500].astype(np.float32)[:, None] / 255

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        batches = iter(np.split(images, range(50, len(images), 50)))

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"image": batch}

    with tempfile.TemporaryDirectory() as folder, silence():
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(raw)
        graph = onnx.load_from_string(raw).graph
        weights = {constant.name for constant in graph.initializer}
        quantize_static(
            *(before, after, Batches(), QuantFormat.QDQ),
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            nodes_to_exclude=[node.name for node in graph.node if not weights & set(node.input)],
            per_channel=True,
            # Products of whole numbers with signs overflow on processors without instructions for them (VNNI).
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QUInt8,
        )
        return _compact(after.read_bytes())


def _compact(raw: bytes) -> bytes:
    """The same graph with short names, each constant once, and no notes: half the file of a small network."""
    import onnx

    proto = onnx.load_from_string(raw)
    graph = proto.graph
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    first: dict[bytes, str] = {}  # of constants that are equal, the name of the first

    def short(name: str) -> str:
        return names.setdefault(name, f"{len(names):x}") if name else name  # an input that is left out has no name

    for constant in list(graph.initializer):
        name, constant.name = constant.name, ""
        same = first.setdefault(constant.SerializeToString(), name)
        constant.name = names[name] = short(same)
        if same != name:
            graph.initializer.remove(constant)
    for node in graph.node:
        node.name = ""
        node.input[:] = map(short, node.input)
        node.output[:] = map(short, node.output)
    del graph.value_info[:]
    graph.name = "g"
    proto.ClearField("producer_name")
    proto.ClearField("producer_version")
    used = {node.domain for node in graph.node}
    for opset in [opset for opset in proto.opset_import if opset.domain not in used]:
        proto.opset_import.remove(opset)
    onnx.checker.check_model(proto, full_check=True)
    compact: bytes = proto.SerializeToString()
    return compact
