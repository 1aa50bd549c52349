import hashlib
import io
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tenfold
from conftest import Cli
from tenfold.cli import doctor
from tenfold.learn.scoring import selfcheck as learn
from tenfold.mnist import embedded

MODELS = Path(tenfold.__file__).parent / "models"


@pytest.fixture
def well(here: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which nothing is wrong, whatever there is about the one that runs the tests."""
    monkeypatch.setattr(doctor, "_builds", lambda: iter(()))
    monkeypatch.setattr(doctor, "_gpus", lambda *_: iter(()))
    monkeypatch.setattr(doctor, "_usable", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return monkeypatch


def found(part: Callable[..., Any], *given: Any) -> list[doctor.Check]:
    return list(part(*given))


def test_all_is_well(tenfold_cli: Cli, well: pytest.MonkeyPatch) -> None:
    done = tenfold_cli("doctor")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[-1] == "all is well"
    assert max(map(len, lines)) <= doctor.WIDTH
    for word in (
        "python",
        "tenfold",
        "onnxruntime",
        "MNIST",
        "model",
        "reading",
        "torch",
        "cpu logits",
        "cpu training",
    ):
        assert any(line.startswith(f"good   {word} ") for line in lines), word
    assert not list(Path().iterdir())  # it writes nothing


def test_json_says_the_same_and_the_versions(tenfold_cli: Cli, well: pytest.MonkeyPatch) -> None:
    told = json.loads(tenfold_cli("doctor", "--json").out)
    assert told["well"] is True
    assert told["versions"]["tenfold"] == tenfold.__version__
    assert told["versions"]["python"] == platform.python_version()
    assert told["versions"]["torch"] == metadata.version("torch")
    assert {"name": "MNIST", "state": "good", "found": "4 files, SHA-256 as published", "do": ""} in told["checks"]


def test_a_fault_says_what_to_do_and_is_in_the_status(tenfold_cli: Cli, well: pytest.MonkeyPatch) -> None:
    well.setenv("OMP_NUM_THREADS", "512")
    done = tenfold_cli("doctor")
    assert done.status == 1
    assert "FAULT  threads        512 wanted, 64 cores\n" in done.out
    assert "do: unset OMP_NUM_THREADS, or set it to 64" in done.out
    assert done.out.endswith("1 fault: threads\n")
    assert max(map(len, done.out.splitlines())) <= doctor.WIDTH
    assert json.loads(tenfold_cli("doctor", "--json").out)["well"] is False


def test_without_torch_the_reading_wing_is_checked(here: Path) -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom tenfold.cli import main\nmain(['doctor', '--json'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    states = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert states["reading"]["state"] == "good"
    assert states["learning"] == {
        "name": "learning",
        "state": "-",
        "found": "needs PyTorch",
        "do": "pip install 'tenfold[train]'",
    }


def test_the_model_is_what_its_checksums_say() -> None:
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    assert {line.split()[1] for line in lines} == {"digits.onnx", "digits.safetensors"}
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
    with open(folder / "digits.onnx", "r+b") as file:
        file.seek(1000)
        file.write(b"?")
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
    assert (check.state, check.found) == ("FAULT", "1.24.4 is older than 1.26")
    assert check.do == 'pip install --upgrade "numpy>=1.26"'


def test_an_old_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    _versions(monkeypatch, tenfold="0.0.1")
    check = found(doctor._packages)[0]
    assert (check.state, check.found) == ("FAULT", f"{tenfold.__version__}, installed 0.0.1")


def test_extras_that_are_there_and_not(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        "": [],
        "train": [("torch", "2.6")],
        "far": [("no-such-package", "0"), ("torch", "2.6")],
        "dev": [("x", "0")],
    }
    monkeypatch.setattr(doctor, "_needs", lambda: {name: list(rows) for name, rows in needs.items()})
    states = {check.name: check for check in found(doctor._packages)}
    assert states["[train]"].state == "good"
    assert (states["[far]"].state, states["[far]"].found) == ("-", "1 of 2")
    assert states["[far]"].do == "pip install 'tenfold[far]'"
    assert "[dev]" not in states


def test_what_extras_need_is_read_from_the_package() -> None:
    needs = doctor._needs()
    assert ("numpy", "1.26") in needs[""]
    assert ("torch", "2.6") in needs["train"]
    assert ("numpy", "1.26") not in needs["train"]


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.13.0+cpu", (2, 13, 0)), ("1.26", (1, 26)), ("3.0rc1", (3, 0)), ("", ())]
)
def test_numbers_of_versions(version: str, numbers: tuple[int, ...]) -> None:
    assert doctor._numbers(version) == numbers


def test_two_onnxruntimes(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    _versions(monkeypatch, onnxruntime_gpu="1.23.0")
    (check,) = [check for check in found(doctor._builds) if check.name == "onnxruntime"]
    assert check.found == "onnxruntime and onnxruntime-gpu overwrite each other"


@pytest.mark.parametrize(
    ("torch_version", "vision", "state"),
    [
        ("2.13.0+cpu", "0.28.0+cpu", "good"),
        ("2.13.0", "0.28.0+cpu", "good"),
        ("2.13.0+cpu", "0.28.0+cu126", "FAULT"),
        ("2.12.0+cpu", "0.28.0+cpu", "FAULT"),
    ],
)
def test_torchvision(monkeypatch: pytest.MonkeyPatch, here: Path, torch_version: str, vision: str, state: str) -> None:
    _versions(monkeypatch, torch=torch_version, torchvision=vision)
    real = metadata.requires
    monkeypatch.setattr(metadata, "requires", lambda n: ["torch==2.13.0"] if n == "torchvision" else real(n))
    (check,) = [check for check in found(doctor._builds) if check.name == "torchvision"]
    assert check.state == state


def test_a_file_that_hides_a_package(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    (here / "torch.py").write_text("")
    (check,) = [check for check in found(doctor._builds) if check.name == "this folder"]
    assert (check.state, check.found) == ("FAULT", "torch.py here hides the package torch")


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
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
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
    monkeypatch.setattr("tenfold.engines.local.cores", lambda: 8)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: quota)
    assert doctor._usable() == cores


def test_a_busy_machine_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (90.0, 0.0, 0.0))
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
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert found(doctor._runs)[0].found == "5 MB free"


def test_what_fails_in_a_check_is_a_fault_and_the_others_go_on(well: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libonnx.so: cannot open\n shared object")

    well.setattr(doctor, "_reading", broken)
    broken.__name__ = "_reading"
    states = {check.name: check for check in doctor.checks()}
    assert (states["reading"].state, states["reading"].found) == ("FAULT", "libonnx.so: cannot open shared object")
    assert states["runs"].state == "good"
