"""`tenfold export`: a model file, or a page; which path is the folder, which the model, and what cannot be meant."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import Cli
from tenfold.cli.export import model_file
from tenfold.errors import RunError
from tenfold.learn.training.runs import Run
from tenfold.read.classifier import BUNDLED
from tenfold.serve import site


@pytest.fixture
def runtime(here: Path) -> Path:
    """Something like onnxruntime-web, unpacked."""
    (here / "ort" / "dist").mkdir(parents=True)
    (here / "ort" / "package.json").write_text(json.dumps({"name": site.NAME, "version": site.VERSION}))
    for name in site.WANTED:
        (here / "ort" / "dist" / name).write_text("")
    return here / "ort"


def test_the_bundled_model(tenfold_cli: Cli, here: Path, runtime: Path) -> None:
    done = tenfold_cli("export", "--format", "web", "a/page", "--runtime", runtime)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("saved a/page, ")
    assert "python -m http.server -b 127.0.0.1 -d a/page" in done.out
    assert Path("a/page/digits.onnx").read_bytes() == BUNDLED.read_bytes()
    assert tenfold_cli("export", "--format", "web", "-o", "b", "--runtime", runtime).status == 0
    assert Path("b/index.html").is_file()


def test_a_run_in_c(tenfold_cli: Cli, here: Path, run: Run) -> None:
    done = tenfold_cli("export", "r", "--format", "c", "-o", "d.h")
    assert (done.status, done.err) == (0, "")
    first, constants, products, use = done.out.splitlines()
    assert first == "saved d.h, C99 in whole numbers, for the classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert "their weights in 8 bits; " in constants
    assert products.endswith(" multiplications an image")
    assert '#include "d.h"' in use
    assert "static int tenfold_digit(const uint8_t image[784], int32_t *scores)" in Path("d.h").read_text()
    assert tenfold_cli("export", "r", "--format", "c").out.startswith("saved r/digit.h, ")
    refused = tenfold_cli("export", "r", "--format", "c", "--quantize", "int8")
    assert (refused.status, refused.out) == (2, "")
    assert "--quantize is for ONNX files" in refused.err


def test_what_c_has_not_is_said_and_nothing_is_written(tenfold_cli: Cli, here: Path) -> None:
    Path("odd.py").write_text(
        "from torch import nn\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.GELU(), nn.Linear(784, 10))\n"
    )
    made = tenfold_cli(
        "train", "mlp", "--network", "odd.py:net", "--epochs", "1", "--out", "odd", "--val-size", "59000"
    )
    assert made.status == 0, made.err
    done = tenfold_cli("export", "odd", "--format", "c")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("tenfold: GELU cannot be computed in whole numbers")
    assert not Path("odd/digit.h").exists()


def test_a_run_as_a_file_and_as_a_page(tenfold_cli: Cli, here: Path, runtime: Path, run: Run) -> None:
    done = tenfold_cli("export", "r", "-o", "digits.onnx")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("saved digits.onnx, ")
    assert done.out.endswith("read with it: tenfold read photo.jpg --model digits.onnx\n")
    done = tenfold_cli("export", "r", "--format", "web", "-o", "a", "--runtime", runtime)
    assert done.status == 0, done.err
    assert "exporting r/model.safetensors" in done.err
    assert Path("a/digits.onnx").read_bytes() == Path("r/model.onnx").read_bytes()
    assert json.loads(Path("a/model.json").read_text())["recipe"]["network"] == "mlp"
    done = tenfold_cli("export", "--format", "web", "b", "--model", "r/model.onnx", "--runtime", runtime)
    assert (done.status, done.err) == (0, "")
    # A model is exported once.
    written = Path("r/model.onnx").stat().st_mtime_ns
    assert model_file(Path("r/model.safetensors")) == model_file(Path("r")) == Path("r/model.onnx")
    assert Path("r/model.onnx").stat().st_mtime_ns == written
    assert model_file(None) is None
    with pytest.raises(RunError, match="does not exist"):
        model_file(Path("nothing"))


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("--format web", 2, "name the folder to write: tenfold export --format web DIR"),
        ("--format wbe a", 2, "did you mean 'web'"),
        ("--format web a --quantize int8", 2, "--quantize is for ONNX files"),
        ("r --format web -o a --model m.onnx", 2, "cannot both be meant"),
        ("--format web r", 2, "r is a model, and the folder to write is missing: add -o DIR"),
        ("damaged.onnx --format web", 2, "damaged.onnx is a model, and the folder to write is missing"),
        ("--format web -o r --runtime ort", 1, "r exists already and is not empty"),
        ("nowhere", 1, "nowhere does not exist"),
        ("r --quantize int3", 2, "int8"),
        ("r --model m.onnx", 2, "--model is for --format web"),
        ("r --runtime ort", 2, "--runtime is for --format web"),
        ("--format web a --model none", 1, "none does not exist"),
        ("--format web a --model none.onnx --runtime ort", 1, "there is no model file none.onnx"),
        ("--format web a --model damaged.onnx --runtime ort", 1, "cannot use damaged.onnx"),
        ("--format web full --runtime ort", 1, "full exists already and is not empty"),
        ("--format web a --runtime none.tgz", 1, "there is no runtime none.tgz"),
        ("--format web a --runtime damaged.onnx", 1, "its checksum is wrong"),
    ],
)
def test_what_cannot_be_done(tenfold_cli: Cli, here: Path, runtime: Path, words: str, status: int, says: str) -> None:
    for folder, name in (("r", "recipe.json"), ("full", "mine")):
        (here / folder).mkdir()
        (here / folder / name).write_text("")
    (here / "damaged.onnx").write_bytes(np.random.default_rng(0).bytes(1000))
    before = sorted(str(path) for path in here.rglob("*"))
    done = tenfold_cli("export", *words.split())
    assert (done.status, done.out) == (status, "")
    assert says in done.err
    assert done.err.count("\n") == 1
    assert sorted(str(path) for path in here.rglob("*")) == before


@pytest.mark.slow
def test_no_torch_is_needed(here: Path, runtime: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'matplotlib', 'fastapi']))\n"
        "from tenfold import cli; cli.main(['export', '--format', 'web', 'a', '--runtime', 'ort'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert (here / "a" / "index.html").is_file()
