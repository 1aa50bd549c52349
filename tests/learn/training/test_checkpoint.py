from pathlib import Path

import pytest
import torch
from torch import nn

from learn.trainings import same
from tenfold.errors import RunError
from tenfold.learn.training import checkpoint
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Epoch


def state() -> State:
    """After an epoch and two steps."""
    network = nn.Sequential(nn.Linear(2, 2))
    optimizer = torch.optim.Adam(network.parameters())
    torch.autograd.backward(network(torch.ones(1, 2)).sum())
    optimizer.step()
    history = [Epoch(1, 0.5, 0.9, None, None, 0.1, 1.0)]
    return State(network, optimizer, ["a", "b"], "abc", {"lr": 0.1}, epoch=1, step=2, history=history)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    before = state()
    checkpoint.save(before, tmp_path / "last.ckpt")
    after = checkpoint.load(tmp_path / "last.ckpt")
    assert same(after["network"], before.network.state_dict())
    assert int(after["optimizer"]["state"][0]["step"]) == 1
    for name in ("classes", "data", "recipe", "epoch", "step", "history"):
        assert after[name] == getattr(before, name)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no checkpoint to resume"):
        checkpoint.load(tmp_path / "last.ckpt")
    checkpoint.save(state(), tmp_path / "last.ckpt")
    (tmp_path / "last.ckpt").write_bytes((tmp_path / "last.ckpt").read_bytes()[:500])
    with pytest.raises(RunError, match="damaged"):
        checkpoint.load(tmp_path / "last.ckpt")
    torch.save({"epoch": 1, "history": []}, tmp_path / "last.ckpt")
    with pytest.raises(RunError):
        checkpoint.load(tmp_path / "last.ckpt")


def test_the_best_epoch_has_the_lowest_validation_loss() -> None:
    some = state()
    some.history = [Epoch(k, 0, 0, loss, 0, 0, 0) for k, loss in enumerate((0.5, 0.2, 0.2, 0.4), 1)]
    assert some.best_epoch == 1  # the earlier of the two


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    some = state()
    checkpoint.save(some, path)
    assert torch.load(path, weights_only=True)["epoch"] == 1  # as anybody else opens it
    raw = path.read_bytes()
    weights = raw.index(next(some.network.parameters()).detach().numpy().tobytes())
    for place in (weights, raw.index(b"epoch") + 2, raw.index(b"abc")):
        wrong = bytearray(raw)
        wrong[place] ^= 1
        path.write_bytes(wrong)
        with pytest.raises(RunError, match="damaged"):
            checkpoint.load(path)


def test_what_zip_files_may_be_and_checkpoints_are_not(tmp_path: Path) -> None:
    """Of the record with the SHA-256: another compression, and that it is encrypted."""
    path = tmp_path / "last.ckpt"
    checkpoint.save(state(), path)
    raw = path.read_bytes()
    entry = raw.rindex(b"archive/.sha256") - 46  # in the list of what is in the archive
    assert raw[entry : entry + 4] == b"PK\1\2"
    for place, value in ((entry + 10, 99), (entry + 8, 1)):
        wrong = bytearray(raw)
        wrong[place] = value
        path.write_bytes(wrong)
        with pytest.raises(RunError, match="damaged"):
            checkpoint.load(path)


def test_a_checkpoint_without_a_checksum_is_opened(tmp_path: Path) -> None:
    checkpoint.save(state(), tmp_path / "last.ckpt")
    plain = torch.load(tmp_path / "last.ckpt", weights_only=True)
    del plain["sealed"]
    torch.save(plain, tmp_path / "last.ckpt")
    assert checkpoint.load(tmp_path / "last.ckpt")["step"] == 2


def test_what_does_not_fit_a_network_or_is_no_number_is_refused(tmp_path: Path) -> None:
    path, before = tmp_path / "last.ckpt", state()
    checkpoint.save(before, path)
    other = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RunError, match="of another network"):
        checkpoint.restore(checkpoint.load(path), other, torch.optim.Adam(other.parameters()))
    with torch.no_grad():
        before.network[0].weight[0, 0] = torch.nan  # type: ignore[operator]
    checkpoint.save(before, path)
    with pytest.raises(RunError, match=r"0\.weight have values that are no numbers"):
        checkpoint.load(path)
    before = state()
    before.epoch = -1
    checkpoint.save(before, path)
    with pytest.raises(RunError, match=r"not a checkpoint of this version.*epoch"):
        checkpoint.load(path)
