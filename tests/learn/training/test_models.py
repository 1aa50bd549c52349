import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from conftest import draw_digits
from tenfold.errors import RunError
from tenfold.learn.export import weights
from tenfold.learn.networks.inference import infer
from tenfold.learn.training import models
from tenfold.learn.training.runs import Run, find_model


def test_the_file_describes_itself(trained: Run) -> None:
    with safe_open(trained.model_file, framework="pt") as file:
        metadata = file.metadata()
    assert {"recipe", "classes", "normalisation", "metrics", "data", "versions", "temperature"} <= metadata.keys()
    assert metadata["classes"] == '["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]'
    assert '"mean": 0.1307' in metadata["normalisation"]


def test_loading_gives_the_same_answers(trained: Run, tmp_path: Path) -> None:
    model, images = trained.model(), torch.from_numpy(draw_digits(20).images)
    assert not model.network.training
    again = models.load(weights.export(model, "safetensors", tmp_path / "m.safetensors"))
    assert torch.equal(infer(model.network, images), infer(again.network, images))
    assert dataclasses.replace(again, network=model.network) == model


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_a_pickle_is_refused_and_not_executed(trained: Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = weights.export(trained.model(), "full")
    for path in (full, here / "evil.pth"):
        if path.name == "evil.pth":
            path.write_bytes(pickle.dumps(Evil()))
        says = "pickled object, which could run any program" if path == full else "pickled object|cannot read"
        refusals: tuple[Callable[[Path], object], ...] = (models.read_weights, find_model)
        for refuse in refusals:
            with pytest.raises(RunError, match=says):
                refuse(path)
    assert "executed" not in capsys.readouterr().out


def test_damaged_and_foreign_files(trained: Run, here: Path) -> None:
    with pytest.raises(RunError, match="there is no file"):
        models.load("none.safetensors")
    cut = here / "cut.safetensors"
    cut.write_bytes(trained.model_file.read_bytes()[:-100])
    with pytest.raises(RunError, match="damaged, or not a safetensors file"):
        models.load(cut)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, here / "foreign.safetensors")
    with pytest.raises(RunError, match="no description of tenfold's"):
        models.load(here / "foreign.safetensors")
    with safe_open(trained.model_file, framework="pt") as file:
        metadata = file.metadata()
    save_file({"a": torch.zeros(2)}, here / "wrong.safetensors", metadata)
    with pytest.raises(RunError, match="does not fit this version"):
        models.load(here / "wrong.safetensors")
    for raw in (b".", b"\x80\x02(.", b"\x80\x02]q\x00K\x01s.", b""):
        (here / "bad.pth").write_bytes(raw)
        with pytest.raises(RunError, match="damaged"):
            models.read_weights(here / "bad.pth")
    torch.save([1, 2], here / "list.pth")
    with pytest.raises(RunError, match="not a state dict"):
        models.read_weights(here / "list.pth")
