from pathlib import Path

import pytest
import torch

from lesson.conftest import Shown
from tenfold.lesson import begin, compare


def test_the_lesson_begins_in_an_empty_folder_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    monkeypatch.chdir(here)  # and back in the end
    begin(3)
    assert Path.cwd() != here
    assert list(Path().iterdir()) == []
    assert torch.equal(torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(3)))


def test_candidates_are_trained_once_for_each_seed(shown: list[Shown], capsys: pytest.CaptureFixture[str]) -> None:
    def candidate(more: float) -> list[dict[str, float]]:
        return [{"val_accuracy": 0.0}, {"val_accuracy": more + 0.1 * torch.rand(1).item()}]

    scores = compare({"a": lambda: candidate(0.5), "b": lambda: candidate(0.8)}, "Two", seeds=2)
    assert [b - a for a, b in zip(scores["a"], scores["b"], strict=True)] == pytest.approx([0.3, 0.3])
    assert len(set(scores["a"])) == 2
    compare({"one": lambda: candidate(0.5)}, "One", seeds=1)
    first, _, one = capsys.readouterr().out.splitlines()
    assert "±" in first
    assert "±" not in one
    assert [each.alt.split(".")[0] for each in shown] == ["Two", "One"]
