import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import Cli, draw_digits, write_idx

FEW = ("--batch-size", 50, "--hidden", 16, "--device", "cpu")


def test_a_line_for_each_epoch_and_the_curves(tenfold_cli: Cli, data: Path, here: Path) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--epochs", 2, "--out", "r", *FEW)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("epoch 1/2  train loss ")
    assert " val loss " in lines[1]
    assert lines[-1] == "the run is in r; score it on the test set: tenfold evaluate r"
    assert Path("r/curves.png").stat().st_size > 10_000
    recipe = json.loads(Path("r/recipe.json").read_text())
    assert (recipe["network"], recipe["hidden"], recipe["epochs"], recipe["data"]) == ("mlp", [16], 2, str(data))


def test_quiet_is_silent(tenfold_cli: Cli, data: Path, here: Path) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--epochs", 1, "--quiet", *FEW)
    assert (done.status, done.out, done.err) == (0, "", "")


def test_notes_on_the_data_are_shown(tenfold_cli: Cli, here: Path) -> None:
    some = draw_digits(60)
    np.savez("d.npz", images=255 - some.images[:, ::2, ::2].repeat(2, 0)[:60], labels=some.labels)
    done = tenfold_cli("train", "mlp", "--data", "d.npz", "--epochs", 1, "--out", "r", *FEW)
    assert "d.npz: train images of 14 x 14 pixels were fitted into 28 x 28" in done.out
    assert "inverted" in done.out


def test_an_unknown_tracker_is_refused_before_anything_is_made(data: Path, here: Path, tenfold_cli: Cli) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--track", "tensorbord", "--out", "run")
    assert (done.status, "did you mean 'tensorboard'" in done.err) == (2, True)
    assert not Path("run").exists()


def test_a_full_disk_while_training_is_one_line(
    tenfold_cli: Cli, data: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.fsync, 0

    def full_later(number: int) -> None:
        nonlocal count
        count += 1
        if count > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr(os, "fsync", full_later)
    done = tenfold_cli("train", "mlp", "--data", data, "--out", "r", "--epochs", 3, *FEW)
    assert done.status == 1
    assert "No space left on device; free some space" in done.err
    assert not [p for p in Path("r").iterdir() if p.name.startswith(".")]
    monkeypatch.setattr(os, "fsync", real)
    done = tenfold_cli("train", "--resume", "r")
    assert done.status == 0
    assert "epoch 3/3" in done.out


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits")
@pytest.mark.parametrize(("limit", "left"), [(300_000, False), (3_000_000, True)])
def test_files_that_the_system_refuses(here: Path, limit: int, left: bool) -> None:
    # The first checkpoint of `mlp` has 2.1 MB, the next, with Adam's state, 6.4: one limit strikes early, one late.
    write_idx(here / "data", draw_digits(100))
    words = ["train", "mlp", "--data", "data", "--batch-size", "9", "--out", "r"]
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from tenfold.cli import main
main({words!r})"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "tenfold: cannot write r/last.ckpt: File too large; free some space or choose another place\n"
    assert Path("r").exists() == left
    if left:
        kept = ["last.ckpt", "metrics.csv", "recipe.json", "steps.csv"]
        assert sorted(p.name for p in Path("r").iterdir()) == kept
