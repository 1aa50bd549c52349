import hashlib
import io
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

import tenfold
from tenfold import doctor
from tenfold.learn.scoring import selfcheck as learn
from tenfold.mnist import embedded

MODELS = Path(tenfold.__file__).parent / "models"


def found(part: Callable[..., Any], *given: Any) -> list[doctor.Check]:
    return list(part(*given))


def test_the_model_is_what_its_checksums_say() -> None:
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    assert {line.split()[1] for line in lines} == {"digits.onnx", "digits.safetensors", "lines.onnx"}
    for line in lines:
        sha256, name = line.split()
        assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == sha256


def test_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for file in MODELS.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(tenfold, "__file__", str(tmp_path / "__init__.py"))
    assert [check.state for check in found(doctor._model)] == ["good"]
    with open(folder / "digits.onnx", "r+b") as damaged:
        damaged.seek(1000)
        damaged.write(b"?")
    (check,) = found(doctor._model)
    assert (check.state, check.found) == ("FAULT", "digits.onnx: missing or damaged")
    (folder / "digits.safetensors").unlink()
    assert found(doctor._model)[0].found == "digits.onnx, digits.safetensors: missing or damaged"


def test_damaged_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    for name in embedded.SHA256:
        (tmp_path / name).write_bytes(b"" if name.startswith("train-l") else b"?")
    (check,) = found(doctor._mnist)
    assert check.state == "FAULT"
    assert "train-labels-idx1-ubyte.gz" in check.found


def test_a_model_that_reads_badly(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = doctor._some()
    assert len(digits) == 40
    monkeypatch.setattr(doctor, "_some", lambda: digits.take(np.roll(np.arange(40), 10)))
    assert found(doctor._reading)[0].state == "good"
    turned = type(digits)(digits.images, (digits.labels + 1) % 10)
    monkeypatch.setattr(doctor, "_some", lambda: turned)
    assert found(doctor._reading)[0].state == "FAULT"


def test_a_device_that_computes_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    real = learn.logits
    monkeypatch.setattr(learn, "logits", lambda *given: real(*given) + 0.2)
    monkeypatch.setattr(learn, "steps", lambda *_: [2.3, float("nan")])
    states = {check.name: check for check in found(doctor._learning)}
    assert states["cpu logits"].state == "FAULT"
    assert states["cpu logits"].found == "2e-01 from onnxruntime's"
    assert states["cpu training"].found == "loss 2.30 to nan"
    assert "do not trust this device" in states["cpu training"].do


def test_a_device_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available\nfor execution on the device")

    monkeypatch.setattr(learn, "logits", fail)
    (check,) = [check for check in found(doctor._learning) if check.state == "FAULT"]
    assert check.found == "CUDA error: no kernel image is available for execution on the device"


def test_steps_learn_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    losses = learn.steps(doctor._some(), torch.device("cpu"))
    assert len(losses) == learn.STEPS + 1
    assert losses[-1] < losses[0]
    assert torch.equal(torch.get_rng_state(), before)


def _versions(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    real = doctor._version
    there = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(doctor, "_version", lambda name: there.get(name) or real(name))


def test_packages_that_are_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    _versions(monkeypatch, numpy="1.24.4")
    (check,) = [check for check in found(doctor._packages) if check.name == "numpy"]
    assert (check.state, check.found) == ("FAULT", "1.24.4, where >=1.26 is needed")
    assert check.do == 'pip install --upgrade "numpy>=1.26"'


def test_an_old_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    _versions(monkeypatch, tenfold="0.0.1")
    check = found(doctor._packages)[0]
    assert (check.state, check.found) == ("FAULT", f"{tenfold.__version__}, installed 0.0.1")


def test_two_onnxruntimes(monkeypatch: pytest.MonkeyPatch) -> None:
    _versions(monkeypatch, onnxruntime_gpu="1.23.0")
    assert [check.found for check in found(doctor._packages) if check.state == "FAULT"] == [
        "onnxruntime and onnxruntime-gpu overwrite each other"
    ]


def test_extras_that_are_there_and_not(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"": [], "train": ["torch>=2.6"], "far": ["no-such-package", "torch>=2.6"], "dev": ["x"]}
    monkeypatch.setattr(
        doctor, "_requirements", lambda: {name: list(map(Requirement, rows)) for name, rows in needed.items()}
    )
    states = {check.name: check for check in found(doctor._packages)}
    assert states["[train]"].state == "good"
    assert (states["[far]"].state, states["[far]"].found) == ("-", "1 of 2")
    assert states["[far]"].do == "pip install 'tenfold[far]'"
    assert "[dev]" not in states


def test_what_extras_need_is_read_from_the_package() -> None:
    needed = {extra: {str(one.name) for one in rows} for extra, rows in doctor._requirements().items()}
    assert "numpy" in needed[""]
    assert "torch" in needed["train"]
    assert "optuna" in needed["tune"]
    assert not needed["train"] & needed[""]
    assert not any("tenfold" in names for names in needed.values())


@pytest.mark.parametrize(
    ("cuda", "visible", "state", "says"),
    [
        (None, None, "FAULT", "torch is built for CPUs alone"),
        ("12.8", None, "FAULT", "no GPU for CUDA 12.8"),
        (None, "-1", "note", "hidden by CUDA_VISIBLE_DEVICES=-1"),
    ],
)
def test_an_nvidia_gpu_that_is_not_used(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, visible: str | None, state: str, says: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    (check,) = [check for check in found(doctor._gpus, torch, ["cpu"]) if check.name == "cuda"]
    assert check.state == state
    assert says in check.found
    assert found(doctor._gpus, torch, ["cuda", "cpu"]) == []


def test_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert [c.name for c in found(doctor._gpus, torch, ["cpu"]) if c.state == "FAULT" and c.name == "mps"] == ["mps"]
    assert [c for c in found(doctor._gpus, torch, ["mps", "cpu"]) if c.name == "mps"] == []
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "version", lambda: "Darwin Kernel Version 23: root:xnu~1/RELEASE_ARM64_T6000")
    assert found(doctor._python)[0].found.endswith("for Intel on Apple silicon")


def test_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_usable", lambda: 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    check = doctor._device(torch, "cpu")
    assert (check.state, check.found) == ("FAULT", "8 threads on 1 core")
    assert "set OMP_NUM_THREADS=1" in check.do


@pytest.mark.parametrize(("given", "state"), [("2", "note"), ("lots", "FAULT"), ("9,2", "FAULT")])
def test_omp_num_threads(monkeypatch: pytest.MonkeyPatch, given: str, state: str) -> None:
    monkeypatch.setattr(doctor, "_usable", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert found(doctor._cores)[0].state == state


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000\n", 2), ("max 100000\n", 8), ("900000 100000\n", 8)])
def test_the_share_of_a_container(monkeypatch: pytest.MonkeyPatch, quota: str, cores: int) -> None:
    monkeypatch.setattr("tenfold.engines.jobs.cores", lambda: 8)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: quota)
    assert doctor._usable() == cores


def test_a_busy_machine_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.getloadavg", lambda: (90.0, 0.0, 0.0))
    (check,) = found(doctor._cores)
    assert (check.state, check.name) == ("note", "cores")
    assert "OMP_WAIT_POLICY=PASSIVE" in check.do


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    def refuse(**_: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    assert found(doctor._runs)[0].state == "good"
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    (check,) = found(doctor._runs)
    assert (check.state, check.found) == ("FAULT", "cannot write here: Permission denied")


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    usage = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert found(doctor._runs)[0].found == "5 MB free"


def test_what_fails_in_a_check_is_a_fault_and_the_others_go_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libonnx.so: cannot open\n shared object")

    monkeypatch.setattr(doctor, "_reading", broken)
    broken.__name__ = "_reading"
    states = {check.name: check for check in doctor.checks()}
    assert (states["reading"].state, states["reading"].found) == ("FAULT", "libonnx.so: cannot open shared object")
    assert states["runs"].state == "good"
