"""The model file for lines: parity with PyTorch, what it says about itself, the threshold, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.export import lines as export
from tenfold.learn.export import onnx
from tenfold.learn.lines import ctc
from tenfold.learn.lines.alphabet import CLASSES, decode, encode
from tenfold.learn.lines.dataset import normalised
from tenfold.learn.networks.calibration import UNSURE
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.tasks import LINES
from tenfold.learn.training import models
from tenfold.learn.training.models import Model
from tenfold.mnist import DIGITS
from tenfold.read.lines import LineModel


@pytest.fixture(scope="module")
def model() -> Model:
    """A network that has learnt nothing."""
    recipe = RECIPES["lines"].changed(channels=(4, 4, 8, 40), final=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = networks.build(recipe, len(CLASSES)).eval()
        last = network[-2]
        assert isinstance(last, torch.nn.Conv2d)
        last.weight.data *= 30  # so that not everything is blank
    return Model(network, recipe, LINES, DIGITS)


def test_onnxruntime_reads_what_torch_does(model: Model) -> None:
    raw = export.to_onnx(model, export.decide(model, []))
    read = LineModel(raw)
    assert (read.classes, read.threshold) == (CLASSES, UNSURE)
    assert str(Path(networks.__file__).parent).encode() not in raw  # no path of this machine
    noise = np.random.default_rng(0)
    for width in (12, 64, 65, 300):
        line = noise.integers(0, 255, (40, width), np.uint8)
        padded = np.zeros((1, 1, 40, max(2, -(-width // 32)) * 32), np.float32)
        padded[0, 0, :, :width] = normalised(255 - line)
        with torch.no_grad():
            scores = model.network(torch.from_numpy(padded))[0, : -(-width // 2)].log_softmax(1).numpy()
        (ours,) = read._scores([np.float32(1) - line.astype(np.float32) / np.float32(255)], padded.shape[3])
        assert np.abs(ours - scores).max() < 0.05  # large weights are in half precision
        assert len(ours) == len(scores) == -(-width // 2)


def test_the_threshold_lets_five_in_a_hundred_be_wrong(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines whose logits say a text with more or less doubt: those in doubt are read with a fault."""
    doubts = torch.linspace(0.5, 8, 400)
    logits = torch.zeros(400, 8, len(CLASSES) + 1)
    logits[:, :, encode("7")[0]] = doubts[:, None]
    labels = torch.tensor([encode("7" if k >= 200 else "1") for k in range(400)])
    answers = iter([logits])

    class Told(torch.nn.Sequential):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            return next(answers)

    told = Model(Told(torch.nn.Linear(1, 1)), model.recipe, LINES, DIGITS)
    found = export.decide(told, [(torch.zeros(400, 1, 40, 64), labels)])
    assert decode(ctc.best(logits[-1:])[0, :1].tolist()) == "7"
    assert found.error is not None
    assert 0.03 < found.error <= 0.05
    assert found.coverage == pytest.approx(0.525, abs=0.01)
    assert 0 < found.threshold < 1


def test_a_run_is_exported(model: Model, tmp_path: Path) -> None:
    models.save(model, tmp_path / "lines.safetensors")
    path = onnx.export(tmp_path / "lines.safetensors", tmp_path / "lines.onnx")
    assert LineModel(path).metadata["recipe"]["network"] == "line"
    with pytest.raises(UsageError, match="read one digit"):
        onnx.export(tmp_path / "lines.safetensors", tmp_path / "small.onnx", quantize="int8")
    assert not (tmp_path / "small.onnx").exists()
