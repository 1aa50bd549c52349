import dataclasses
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

import tenfold
from tenfold.errors import RunError, UsageError
from tenfold.learn.export import weights
from tenfold.learn.networks.inference import infer
from tenfold.learn.training import models
from tenfold.learn.training.runs import Run, all_runs, find_model, newest


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("run") / "r"
    return tenfold.train("fast", data=data, out=place, epochs=3, batch_size=50, quiet=True, task="0-4/5-9")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(0, 256, (20, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_the_file_describes_itself(run: Run) -> None:
    with safe_open(run.model_file, framework="pt") as file:
        metadata = file.metadata()
    assert {"recipe", "classes", "normalisation", "metrics", "data", "versions", "temperature"} <= metadata.keys()
    assert metadata["classes"] == '["0-4", "5-9"]'
    assert '"mean": 0.1307' in metadata["normalisation"]


def test_loading_gives_the_same_answers(run: Run, images: torch.Tensor, tmp_path: Path) -> None:
    model = run.model()
    assert not model.network.training
    again = models.load(weights.export(model, "safetensors", tmp_path / "m.safetensors"))
    assert torch.equal(infer(model.network, images), infer(again.network, images))
    assert dataclasses.replace(again, network=model.network) == model


def test_weights_and_whole_network_for_others(run: Run, images: torch.Tensor, here: Path) -> None:
    model = run.model()
    wanted = infer(model.network, images)
    state = weights.export(model, "state")
    assert state == Path("mnist_model_state.pth")
    network = tenfold.learn.networks.build(model.recipe, 2)
    network.load_state_dict(torch.load(state, weights_only=True))
    assert torch.equal(infer(network, images), wanted)
    full = weights.export(model, "full")
    assert full == Path("mnist_model_full.pth")
    whole = torch.load(full, weights_only=False)
    assert isinstance(whole, nn.Sequential)
    assert torch.equal(infer(whole, images), wanted)
    with pytest.raises(UsageError, match="unknown format 'stat': did you mean 'state'"):
        weights.export(model, "stat")


def test_inference_does_not_depend_on_the_batch_and_keeps_the_mode(run: Run, images: torch.Tensor) -> None:
    network = run.model().network.train()
    seen: list[int] = []

    def track(batches: Iterable[torch.Tensor], _: str) -> Iterator[torch.Tensor]:
        for batch in batches:
            yield batch
            seen.append(len(batch))

    assert torch.allclose(infer(network, images, batch_size=7, track=track), infer(network, images), atol=1e-5)
    assert seen == [7, 7, 6]
    assert network.training


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_a_pickle_is_refused_and_not_executed(run: Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = weights.export(run.model(), "full")
    for path in (full, here / "evil.pth"):
        if path.name == "evil.pth":
            path.write_bytes(pickle.dumps(Evil()))
        says = "pickled object, which could run any program" if path == full else "pickled object|cannot read"
        for refuse in (models.read_weights, find_model):
            with pytest.raises(RunError, match=says):
                refuse(path)  # type: ignore[operator]
    assert "executed" not in capsys.readouterr().out


def test_damaged_and_foreign_files(run: Run, here: Path) -> None:
    with pytest.raises(RunError, match="there is no file"):
        models.load("none.safetensors")
    cut = here / "cut.safetensors"
    cut.write_bytes(run.model_file.read_bytes()[:-100])
    with pytest.raises(RunError, match="damaged, or not a safetensors file"):
        models.load(cut)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, here / "foreign.safetensors")
    with pytest.raises(RunError, match="no description of tenfold's"):
        models.load(here / "foreign.safetensors")
    with safe_open(run.model_file, framework="pt") as file:
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


def test_runs_are_found_newest_first(data: Path, here: Path) -> None:
    assert newest() is None
    with pytest.raises(RunError, match="there is no finished run in runs: `tenfold train` makes one"):
        find_model(None)
    first = tenfold.train("mlp", data=data, epochs=1, batch_size=50, quiet=True)
    second = tenfold.train("fast", data=data, epochs=1, batch_size=50, quiet=True)
    (here / "runs" / "broken").mkdir()
    (here / "runs" / "broken" / "recipe.json").write_text("{")
    assert [r.path for r in all_runs()] == [second.path, first.path]
    (second.model_file).unlink()
    found = newest()
    assert found is not None
    assert found.path == first.path
    assert Run.open(first.path.name).path == first.path
    with pytest.raises(RunError, match="has no model yet: resume it with `tenfold train --resume"):
        find_model(second.path)
    model, its_run, _ = find_model(first.model_file)
    assert its_run is not None  # a file in a run stands for the run
    assert its_run.path == first.path
    (here / "alone.safetensors").write_bytes(first.model_file.read_bytes())
    model, its_run, _ = find_model(here / "alone.safetensors")
    assert its_run is None
    assert model.recipe.name == "mlp"
