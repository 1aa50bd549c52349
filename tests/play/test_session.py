"""What the page's buttons do."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from conftest import until
from play.conftest import BAR, SMALL
from serve.conftest import run
from tenfold.errors import DataError, UsageError
from tenfold.play.knobs import Knobs
from tenfold.play.session import DIVERGED, Session, Told


def enter(session: Session) -> str | None:
    async def coming() -> str | None:
        return session.enter(asyncio.Event())

    return run(coming())


def finish(session: Session) -> dict[str, Any]:
    """The whole of what is told once all has ended."""
    until(lambda: session.state == "ended")
    return session.frame(Told())


def test_a_training_from_its_start_to_its_end(session: Session, small: Knobs) -> None:
    assert (session.state, session.frame(Told())["tracks"]) == ("idle", [])
    drawn = session.draw([BAR, BAR])
    assert drawn["drawn"] == 1
    assert [len(base64.b64decode(one)) for one in drawn["digits"]] == [784, 784]
    session.train(small)
    (track,) = finish(session)["tracks"]
    assert (track["state"], track["trouble"], track["kept"]) == ("finished", None, None)
    assert (track["step"], track["epoch"], len(track["validated"])) == (30, 3, 3)
    assert (track["drawn"], len(track["now"])) == (1, 2)
    run = session.track(0).watch.run
    assert run is not None
    assert run.finished


def test_each_frame_tells_what_is_new(session: Session, small: Knobs) -> None:
    session.pace.slow_down(True)
    told = Told()
    session.train(small)
    assert session.pace.slow  # as it was asked for before
    rows: list[object] = []
    while session.state != "ended":
        if session.pace.slow:
            session.go("usual")
        for track in session.frame(told)["tracks"]:
            first, new = track["curve"]
            assert first == len(rows)
            rows += new
    (track,) = session.frame(told)["tracks"]
    rows += track["curve"][1]
    assert rows == finish(session)["tracks"][0]["curve"][1]
    session.draw([BAR])  # a past of its own, from its first row on
    assert session.frame(told)["tracks"][0]["minds"][0] == 0


def test_pausing_and_going_on(session: Session, small: Knobs) -> None:
    session.train(small)
    session.go("wait")
    until(lambda: session.state == "paused")
    step = session.frame(Told())["tracks"][0]["step"]
    session.go("step")
    until(lambda: session.frame(Told())["tracks"][0]["step"] == step + 1 and session.state == "paused")
    session.rate(0, 0.5)
    session.go("run")
    (track,) = finish(session)["tracks"]
    assert (track["state"], track["rate"]) == ("finished", 0.5)


def test_two_side_by_side_and_a_moment_of_both(session: Session, small: Knobs) -> None:
    session.draw([BAR])
    session.train(small, Knobs(**{**SMALL, "wrong": 0.5}))
    tracks = finish(session)["tracks"]
    assert [track["state"] for track in tracks] == ["finished", "finished"]
    assert tracks[0]["curve"][1][-1][2] > tracks[1]["curve"][1][-1][2]
    first, second = session.moment(0)
    assert (first["seen"], second["seen"]) == (0, 0)
    assert first["now"] == second["now"]  # the same fresh weights
    assert session.moment(None)[0]["now"] != first["now"]
    assert session.moment(700)[0]["step"] in (13, 14, 15)
    assert len(first["now"][0]) == 10


def test_leaving_stops_it_and_another_page_may_come(session: Session) -> None:
    assert enter(session) is not None
    assert enter(session) is None  # there is one already
    session.train(Knobs(**{**SMALL, "epochs": 100}))
    session.leave()
    assert finish(session)["tracks"][0]["state"] == "stopped"
    assert enter(session) is not None
    with pytest.raises(UsageError, match="has not finished"):
        session.once_finished(0, lambda track: {})


def test_training_anew_stops_what_is_under_way(session: Session, small: Knobs) -> None:
    session.train(Knobs(**{**SMALL, "epochs": 100}))
    folder = session.track(0).folder
    session.train(small)
    finish(session)
    assert (session.training, len(session.tracks)) == (2, 1)
    assert not folder.parent.exists()


def test_what_diverges_says_so(session: Session) -> None:
    session.train(Knobs(recipe="cnn-sgd", lr=100, batch_size=50, epochs=5, hidden=8))
    (track,) = finish(session)["tracks"]
    assert (track["state"], track["trouble"]) == ("failed", DIVERGED)


def test_what_cannot_be_asked(session: Session) -> None:
    with pytest.raises(UsageError, match="no training yet"):
        session.rate(0, 0.1)
    with pytest.raises(UsageError, match="a byte for each"):
        session.draw([(20, 20, b"1")])
    session.train(Knobs(recipe="fast", batch_size=256, digits=300))
    finish(session)
    session.train(Knobs(recipe="mlp", batch_size=512))  # more than there are of this data
    (track,) = finish(session)["tracks"]
    assert track["state"] == "failed"
    assert "a batch of 512" in track["trouble"]


def test_data_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        Session(str(tmp_path / "none"))


def test_without_pytorch_it_says_so(data: Path, small: Knobs, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(importlib, "import_module", absent)
    session = Session(str(data))
    assert session.state == "loading"
    session.load()
    assert session.state == "broken"
    with pytest.raises(UsageError, match="No module named 'torch'"):
        session.train(small)
