"""What is published: the sdist and the wheel, and the wheel in an environment with nothing else."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import draw_digits
from tenfold import __version__

ROOT = Path(__file__).parent.parent
MEGABYTES = 25  # that a wheel may have
USERS = """
import tenfold

reader = tenfold.Reader()
reading = reader.read("photo.jpg")
reveal_type(reading.text)
reveal_type(tenfold.MNIST().data)
reveal_type(reading.digits[0].probability)
reading.nothing
"""


def run(*command: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made from it."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^cff-version: 1\.2\.0$", text, re.M)
    assert re.search(r"^version: (.*)$", text, re.M)[1] == __version__  # type: ignore[index]
    fields = set(re.findall(r"^([a-z-]+):", text, re.M))
    assert {"message", "title", "authors", "license"} <= fields


@pytest.mark.slow
def test_both_are_as_the_index_wants_them(built: Path) -> None:
    pytest.importorskip("twine")
    assert sorted(file.name for file in built.iterdir()) == [
        f"tenfold-{__version__}-py3-none-any.whl",
        f"tenfold-{__version__}.tar.gz",
    ]
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())


@pytest.mark.slow
def test_what_is_inside(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.stat().st_size < MEGABYTES * 10**6
    names = zipfile.ZipFile(wheel).namelist()
    assert {"tenfold/py.typed", "tenfold/models/digits.onnx", "tenfold/serve/site/finding.js"} <= {*names}
    assert sum(name.startswith("tenfold/mnist/files/") and name.endswith(".gz") for name in names) == 4
    assert {name.partition("/")[0] for name in names} == {"tenfold", f"tenfold-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name]
    sources = {file.relative_to(ROOT / "src").as_posix() for file in (ROOT / "src").rglob("*.py")}
    assert sources == {name for name in names if name.endswith(".py")}
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {"main.ipynb", "README.md", "LICENSE", "NOTICE", "CITATION.cff", "tests/conftest.py"} <= packed


def installed(folder: Path, *wanted: object, python: str | Path = sys.executable) -> tuple[Path, dict[str, Any]]:
    """A new environment with some packages: where its programs are, and how they are run there and by themselves."""
    run(python, "-m", "venv", folder / "venv")
    (binaries,) = [place for name in ("bin", "Scripts") if (place := folder / "venv" / name).is_dir()]
    flags = shlex.split(os.environ.get("PIP_FLAGS", ""))
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *flags, *wanted)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    digits = draw_digits(10)
    number = int((digits.labels == 4).argmax())
    Image.fromarray(255 - digits.images[number]).resize((280, 280)).save(folder / "four.png")
    return binaries, {"cwd": folder, "env": environment}


@pytest.mark.slow
def test_the_wheel_reads_a_picture_where_nothing_else_is(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    binaries, alone = installed(tmp_path, "-c", ROOT / "constraints.txt", wheel)
    text = run(binaries / "tenfold", "read", "four.png", "--json", **alone)
    assert json.loads(text)["text"] == "4"
    assert (
        run(binaries / "python", "-c", "import tenfold; print(tenfold.Reader().read('four.png').text)", **alone)
        == "4\n"
    )
    assert run(binaries / "tenfold", "data", "verify", **alone).count("good") == 4
    have = run(binaries / "python", "-m", "pip", "list", "--format=freeze", **alone).lower()
    assert not re.search(r"^(torch|matplotlib|fastapi|ray|optuna)==", have, re.M)
    # Its types, as a user's mypy sees them.
    (tmp_path / "users.py").write_text(USERS)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", binaries / "python", "users.py"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **alone,
    ).stdout
    for line, shown in ((6, "str"), (8, "float")):
        assert f'users.py:{line}: note: Revealed type is "{shown}"' in checked.replace("builtins.", "")
    assert 'users.py:9: error: "Reading" has no attribute "nothing"' in checked


def interpreter(version: str) -> Path:
    """A Python of a version, on the path or as pyenv has it; skips where there is none."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    known = [shutil.which(f"python{version}"), *map(str, sorted(kept.glob(f"{version}.*/bin/python{version}")))]
    for place in [Path(one) for one in known if one]:
        if subprocess.run([place, "-c", "import venv, ssl"], capture_output=True, check=False).returncode == 0:
            return place
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_later_pythons_read_and_serve(version: str, built: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
    (wheel,) = built.glob("*.whl")
    extras = "serve,pdf,heic,parquet"
    python = interpreter(version)
    binaries, alone = installed(tmp_path, "-c", ROOT / "constraints.txt", f"{wheel}[{extras}]", python=python)
    assert run(binaries / "python", "--version", **alone).startswith(f"Python {version}.")
    reads_and_serves(binaries, alone, tmp_path)
    warned = "-W", "error::DeprecationWarning:tenfold"
    told = run(binaries / "python", *warned, "-m", "tenfold", "read", "four.png", "--json", **alone)
    assert json.loads(told)["text"] == "4"


@pytest.mark.slow
def test_the_lowest_versions_work(built: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ("serve", "pdf", "heic", "parquet")
    wanted = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    found = [re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", one) for one in wanted]
    lowest = [f"{one[1]}=={one[2]}" for one in found if one is not None]
    assert len(lowest) == len(wanted)
    (tmp_path / "lowest.txt").write_text("\n".join(lowest))
    (wheel,) = built.glob("*.whl")
    binaries, alone = installed(tmp_path, "-c", tmp_path / "lowest.txt", f"{wheel}[{','.join(extras)}]")
    reads_and_serves(binaries, alone, tmp_path)


def reads_and_serves(binaries: Path, alone: dict[str, Any], folder: Path) -> None:
    """Pictures and documents into a file, and a request to the service."""
    with Image.open(folder / "four.png") as four:
        four.save(folder / "four.pdf")
    tenfold = binaries / "tenfold"
    assert "Usage: tenfold read" in run(tenfold, "read", "--help", **alone)
    run(tenfold, "read", "four.png", "four.pdf", "-o", "rows.parquet", **alone)
    texts = "import pyarrow.parquet; print(pyarrow.parquet.read_table('rows.parquet')['text'].to_pylist())"
    assert run(binaries / "python", "-c", texts, **alone) == "['4', '4']\n"
    command = [tenfold, "serve", "--port", "0", "--quiet"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, **alone) as process:
        assert process.stdout is not None
        address = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert address is not None
        request = urllib.request.Request(f"{address[0]}/v1/read", (folder / "four.png").read_bytes())
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["text"] == "4"
        process.terminate()
    assert process.returncode == 0
