"""The scores of a network for lines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import Cli, on_paper, write_number
from tenfold.learn import networks
from tenfold.learn.lines import ctc, dataset, glyphs
from tenfold.learn.lines.alphabet import BLANK, CLASSES
from tenfold.learn.networks.calibration import UNSURE
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.tasks import LINES
from tenfold.learn.scoring import lines
from tenfold.learn.scoring.lines import edits
from tenfold.learn.training import models
from tenfold.learn.training.models import Model
from tenfold.mnist import DIGITS, embedded


@pytest.mark.parametrize(
    ("one", "other", "count"), [("", "", 0), ("", "123", 3), ("12", "12", 0), ("1234", "124", 1), ("12", "21", 2)]
)
def test_edits(one: str, other: str, count: int) -> None:
    assert edits([*map(int, one)], [*map(int, other)]) == edits([*map(int, other)], [*map(int, one)]) == count


def test_edits_as_the_plain_recursion_has_them() -> None:
    generator = np.random.default_rng(0)

    def plain(one: list[int], other: list[int]) -> int:
        if not one or not other:
            return len(one) + len(other)
        change = plain(one[1:], other[1:]) + (one[0] != other[0])
        return min(change, plain(one[1:], other) + 1, plain(one, other[1:]) + 1)

    for _ in range(30):
        one, other = (generator.integers(0, 3, generator.integers(0, 6)).tolist() for _ in range(2))
        assert edits(one, other) == plain(one, other)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a network that has learnt nothing."""
    recipe = RECIPES["lines"].changed(channels=(4, 4, 8, 40), final=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = networks.build(recipe, len(CLASSES)).eval()
    path = tmp_path_factory.mktemp("lines") / "model.safetensors"
    models.save(Model(network, recipe, LINES, DIGITS), path)
    return path


def test_lines_of_test_digits_are_scored(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = embedded.read
    monkeypatch.setattr(embedded, "read", lambda part: read(part).take(np.arange(100)))
    monkeypatch.setattr(dataset, "VALIDATION", 2)
    monkeypatch.setattr(glyphs, "DRAWN", dict.fromkeys(glyphs.DRAWN, 400))
    found = lines.evaluate(weights, out=tmp_path, device="cpu")
    assert (found.n, found.accuracy) == (128, 0.0)
    assert found.sign_error > 0.9
    assert found.threshold == UNSURE
    assert json.loads((tmp_path / "evaluation.json").read_text()) == json.loads(found.as_json())


def test_own_lines_are_scored(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli) -> None:
    for text in ("407", "12.5"):
        Image.fromarray(on_paper(write_number(text.replace(".", "")))).save(tmp_path / f"{text}.png")
    (tmp_path / "labels.csv").write_text("file,text\n407.png,407\n12.5.png,12.5\n")

    def read(network: torch.nn.Module, batches: Any) -> Any:
        for _, labels in batches:
            texts = labels.clone()
            texts[1, 2] = BLANK
            yield texts, labels, torch.tensor([0.99, 0.95])

    monkeypatch.setattr(ctc, "read", read)
    found = lines.evaluate(weights, data=tmp_path, out=tmp_path / "out")
    assert (found.n, found.accuracy, found.sure, found.sure_wrong) == (2, 0.5, 1.0, 0.5)
    assert found.sign_error == pytest.approx(1 / 7)
    printed = tenfold_cli("evaluate", weights, "--data", tmp_path, "--out", tmp_path / "out")
    assert printed.status == 0
    assert "2 lines\naccuracy 50.00%" in printed.out
    assert "sure of 100.00%, 50.00% of those wrong" in printed.out
    refused = tenfold_cli("evaluate", weights, "--corrupt")
    assert refused.status == 2
    assert "corrupted already" in refused.err
