"""The programs in examples/ do what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, folder: Path, *words: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_mnist_in_80_lines_reaches_99_percent(tmp_path: Path) -> None:
    code = (EXAMPLES / "mnist_in_80_lines.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 80
    assert set(re.findall(r"tenfold\.(\w+)", code.partition('"""\n\n')[2])) == {"MNIST"}
    found = re.search(r"([\d.]+)% of 10,000 test digits right", run("mnist_in_80_lines.py", tmp_path))
    assert found
    assert float(found[1]) >= 99


@pytest.mark.slow
def test_a_vision_transformer_is_compared_with_fast(tmp_path: Path) -> None:
    out = run("vision_transformer.py", tmp_path, "2", "1")
    assert re.search(r"vit: [89]\d\.\d\d% .*, n = 2\nfast: 9[89]\.\d\d% .*, n = 2\ndifference -", out), out
    assert "95 % interval" in out
    assert (tmp_path / "runs" / "vit-against-fast" / "study.png").is_file()
