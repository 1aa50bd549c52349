import dataclasses
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save as to_safetensors

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


def rewritten(trained: Run, path: Path, **changes: object) -> Path:
    """The model of a run as version 0.1.0 wrote it, with other texts or weights."""
    with safe_open(trained.model_file, framework="pt") as file:
        texts = {name: text for name, text in file.metadata().items() if name != "sha256"} | {"format": "tenfold 1"}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, value in changes.items():
        if isinstance(value, torch.Tensor):
            weights[name] = value
        else:
            texts[name] = str(value)
    path.write_bytes(to_safetensors(weights, texts))
    return path


def test_a_file_without_a_checksum_is_opened(trained: Run, tmp_path: Path) -> None:
    assert models.load(rewritten(trained, tmp_path / "old.safetensors")).recipe == trained.recipe


def test_a_flipped_bit_is_found(trained: Run, tmp_path: Path) -> None:
    raw = trained.model_file.read_bytes()
    for place in (raw.index(b"temperature") + 15, raw.index(b"sha256") + 2, raw.index(b"tenfold 2") + 8, len(raw) - 5):
        wrong = bytearray(raw)
        wrong[place] ^= 1
        (tmp_path / "m.safetensors").write_bytes(wrong)
        with pytest.raises(RunError, match=r"m\.safetensors"):
            models.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("temperature", "0", "temperature"),
        ("temperature", "1e400", "no number of JSON"),
        ("temperature", "9" * 400, "temperature"),
        ("classes", "3", "classes"),
        ("classes", "[]", "classes"),
        ("task", '{"name": "digits", "groups": [[0], [1]]}', "10 classes and 2 groups"),
        ("task", '{"name": "digits", "groups": [[-1]]}', "groups"),
        ("recipe", "[" * 100_000, "nested too deeply"),
        ("recipe", '{"network": "mlp", "hidden": [40000, 40000]}', "100,000,000 at most"),
        ("recipe", '{"network": "mlp", "hidden": [4000]}', "its weights .* and its recipe's"),
        ("1.weight", torch.full((16, 784), torch.nan), "have values that are no numbers"),
        ("1.weight", torch.zeros(16, 785), r"1\.weight are \(16, 785\)"),
    ],
)
def test_nothing_is_made_of_what_makes_no_sense(
    trained: Run, name: str, value: object, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rewritten(trained, tmp_path / "m.safetensors", **{name: value})
    monkeypatch.setattr(models, "_built", None)
    with pytest.raises(RunError, match=says) as raised:
        models.load(path)
    assert "\n" not in str(raised.value)


def test_an_archive_of_more_than_its_bytes_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**22))
    with pytest.raises(RunError, match="damaged"):
        models.read_weights(tmp_path / "bomb.pth")
