from pathlib import Path

import pytest
import torch
from torch import nn

from conftest import draw_digits
from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.export import weights
from tenfold.learn.networks.inference import infer
from tenfold.learn.training import models
from tenfold.learn.training.runs import Run


def test_other_programs_read_the_weights_and_the_whole_network(trained: Run, here: Path) -> None:
    model, images = trained.model(), torch.from_numpy(draw_digits(20).images)
    wanted = infer(model.network, images)
    assert weights.export(model, "state") == Path("mnist_model_state.pth")
    network = networks.build(model.recipe, 10)
    network.load_state_dict(torch.load("mnist_model_state.pth", weights_only=True))
    assert torch.equal(infer(network, images), wanted)
    assert weights.export(model, "full") == Path("mnist_model_full.pth")
    complete = torch.load("mnist_model_full.pth", weights_only=False)
    assert isinstance(complete, nn.Sequential)
    assert torch.equal(infer(complete, images), wanted)
    again = models.load(weights.export(model, "safetensors", here / "m.safetensors"))
    assert torch.equal(infer(again.network, images), wanted)


def test_an_unknown_format_is_named(trained: Run) -> None:
    with pytest.raises(UsageError, match="unknown format 'stat': did you mean 'state'"):
        weights.export(trained.model(), "stat")
