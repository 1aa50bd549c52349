from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Cli
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training.runs import create

Complete = Callable[[str], list[str]]


@pytest.fixture
def complete(tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What bash is told when the last word of a line is to be completed."""

    def asked(line: str) -> list[str]:
        monkeypatch.setenv("_TENFOLD_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return tenfold_cli().out.split()

    return asked


def test_verbs_options_and_values_are_completed(complete: Complete) -> None:
    assert complete("tenfold tr") == ["train"]
    assert complete("tenfold train --epo") == ["--epochs"]
    for line in ("tenfold train ", "tenfold recipes ", "tenfold study mlp --against ", "tenfold tune "):
        assert complete(line) == list(RECIPES)
    assert "parity" in complete("tenfold train --task ")
    assert complete("tenfold train --optimizer ada") == ["adam", "adamw", "adadelta"]
    assert complete("tenfold save x --as s") == ["state", "safetensors"]
    assert complete("tenfold read ph") == []  # the shell's own: files


def test_runs_are_completed(complete: Complete, here: Path) -> None:
    assert complete("tenfold evaluate ") == []
    for name in ("one", "two"):
        create(RECIPES["mlp"], Path("runs") / name)
    for line in ("evaluate ", "predict ", "save ", "export ", "ensemble runs/one ", "train --resume "):
        assert sorted(complete(f"tenfold {line}")) == ["runs/one", "runs/two"]
    assert complete("tenfold train --init d") == ["default"]


def test_the_script_for_a_shell_is_shown(tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("zsh", "/bin/zsh"))
    done = tenfold_cli("--show-completion")
    assert done.status == 0
    assert done.out.startswith("#compdef tenfold")
