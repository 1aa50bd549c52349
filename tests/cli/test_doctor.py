import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import tenfold
from conftest import Cli
from tenfold import doctor
from tenfold.cli.doctor import WIDTH


@pytest.fixture
def well(here: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which nothing is wrong, whatever there is about the one that runs the tests."""
    monkeypatch.setattr(doctor, "_gpus", lambda *_: iter(()))
    monkeypatch.setattr(doctor, "_usable", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return monkeypatch


def test_all_is_well(tenfold_cli: Cli, well: pytest.MonkeyPatch) -> None:
    done = tenfold_cli("doctor")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[-1] == "all is well"
    assert max(map(len, lines)) <= WIDTH
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
    report = json.loads(tenfold_cli("doctor", "--json").out)
    assert report["well"] is True
    assert report["versions"]["tenfold"] == tenfold.__version__
    assert report["versions"]["python"] == platform.python_version()
    assert report["versions"]["torch"] == metadata.version("torch")
    assert {"name": "MNIST", "state": "good", "found": "4 files, SHA-256 as published", "do": ""} in report["checks"]


def test_a_fault_says_what_to_do_and_is_in_the_status(tenfold_cli: Cli, well: pytest.MonkeyPatch) -> None:
    well.setenv("OMP_NUM_THREADS", "512")
    done = tenfold_cli("doctor")
    assert done.status == 1
    assert "FAULT  threads        512 wanted, 64 cores\n" in done.out
    assert "do: unset OMP_NUM_THREADS, or set it to 64" in done.out
    assert done.out.endswith("1 fault: threads\n")
    assert max(map(len, done.out.splitlines())) <= WIDTH
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
