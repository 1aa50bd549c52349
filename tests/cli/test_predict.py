"""`tenfold predict`: what is written."""

from pathlib import Path

import pytest

from conftest import Cli

pytest.importorskip("torch")

from tenfold.learn.scoring import prediction


def test_names_with_commas_are_one_column(here: Path, tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "answers", lambda *_, **__: ["one, or two", "3"])
    assert tenfold_cli("predict", "-o", "answers.csv").status == 0
    assert (here / "answers.csv").read_text() == 'ImageId,Label\n1,"one, or two"\n2,3\n'
