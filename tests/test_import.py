import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import tenfold
from conftest import on_paper, write_number

HEAVY = {"torch", "numpy", "onnxruntime", "matplotlib", "PIL"}


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_tenfold_loads_nothing_heavy() -> None:
    assert not modules_after("import tenfold") & {"torch", "numpy", "PIL", "matplotlib", "typer", "rich"}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["help", "train"], []])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = f"import tenfold.cli\ntry: tenfold.cli.main({words})\nexcept SystemExit: pass"
    assert not modules_after(code) & HEAVY


def test_a_picture_is_read_without_what_other_verbs_need(tmp_path: Path) -> None:
    Image.fromarray(on_paper(write_number("407"))).save(path := tmp_path / "407.png")
    code = f"import tenfold.cli\ntry: tenfold.cli.main(['read', {str(path)!r}])\nexcept SystemExit: pass"
    loaded = modules_after(code)
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "scipy", "numpy.ma", "tenfold.cli.train", "tenfold.learn.recipes.recipe"}


def test_completion_loads_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TENFOLD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_CWORD", "3")
    for line in ("tenfold train --resume ", "tenfold study --against "):
        monkeypatch.setenv("COMP_WORDS", line)
        assert not modules_after("import tenfold.cli\ntry: tenfold.cli.main([])\nexcept SystemExit: pass") & HEAVY


def test_training_and_scoring_wait_for_no_figures_and_no_statistics(data: Path, tmp_path: Path) -> None:
    small = (
        f"epochs=1, hidden=(8,), final=True, batch_size=8, data={str(data)!r}, out={str(tmp_path / 'r')!r}, quiet=True"
    )
    code = f"import tenfold\ntenfold.evaluate(tenfold.train('mlp', {small}), draw=False)"
    assert not {name for name in modules_after(code) if name.split(".")[0] in ("matplotlib", "scipy")}


@pytest.mark.parametrize("name", tenfold.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(tenfold, name) is not None
    assert name in dir(tenfold)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = tenfold.trian


def test_without_torch_the_error_names_the_pip_command() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\nimport tenfold\ntry: tenfold.train\nexcept ImportError as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tenfold[train]'" in done.stdout


def test_without_torch_the_command_line_says_so_in_a_line() -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom tenfold.cli import main\nmain(['train'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "tenfold: this needs torch, which is not installed: pip install 'tenfold[train]'\n"
