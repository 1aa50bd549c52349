from pathlib import Path
from typing import Any

import pytest

from learn.trainings import TINY
from tenfold.errors import UsageError
from tenfold.learn.train import train
from tenfold.learn.training import trackers
from tenfold.learn.training.watchers import Watcher


class Named(Watcher):
    """Notes that it was there."""

    def __init__(self, notes: list[str], name: str) -> None:
        self.notes, self.name = notes, name

    def end(self, *_: Any) -> None:
        self.notes.append(self.name)


def test_watchers_by_name_come_after_those_that_are_given(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenfold.learn.explain import film

    notes: list[str] = []
    monkeypatch.setattr(trackers, "named", lambda names: [Named(notes, name) for name in names.split(",")])
    monkeypatch.setattr(film, "Watch", lambda source: Named(notes, "film"))
    mine = Named(notes, "mine")
    options = {**TINY, "data": data, "epochs": 1}
    train("mlp", out=tmp_path / "a", track="one,two", watch=True, watchers=[mine], **options)
    assert notes == ["mine", "one", "two", "film"]


def test_an_unknown_tracker_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'mlflow'"):
        train("mlp", data=data, out=tmp_path / "a", track="mlfow", **TINY)
    assert list(tmp_path.iterdir()) == []
