"""Another training that begins with the weights of the one before."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from conftest import until
from tenfold.errors import UsageError
from tenfold.learn.training import models
from tenfold.play import finished
from tenfold.play.initial import INITIAL
from tenfold.play.knobs import Knobs
from tenfold.play.session import Session, Told


def weights(session: Session, number: int, seen: int | None) -> dict[str, torch.Tensor]:
    return session.track(number).watch.at(seen)[0].state_dict()


def alike(ones: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    return ones.keys() == others.keys() and all(torch.equal(ones[name], others[name]) for name in ones)


def test_it_begins_with_the_weights_of_a_moment(session: Session, small: Knobs, here: Path) -> None:
    session.train(small)
    until(lambda: session.state == "ended")
    wanted, last = weights(session, 0, 500), weights(session, 0, None)
    step = session.moment(500)[0]["step"]
    changed = small.model_copy(update={"dropout": 0.5, "batch_size": 25, "epochs": 1})
    session.train(changed, changed.model_copy(update={"lr": 0.5}), onward=True, seen=500)
    until(lambda: session.state == "ended")
    assert [track["begun_from"] for track in session.frame(Told())["tracks"]] == [step, step]
    assert alike(weights(session, 0, 0), wanted)
    assert alike(weights(session, 1, 0), wanted)  # both, as there was one before
    assert not alike(weights(session, 0, None), last)
    kept = Path(finished.keep(session.track(0))["kept"])
    assert alike(models.read_weights(kept / INITIAL), wanted)
    session.train(small, onward=True)  # from what there is now
    until(lambda: session.state == "ended")
    assert session.frame(Told())["tracks"][0]["begun_from"] == 20  # of 25 digits
    session.train(small)
    assert session.frame(Told())["tracks"][0]["begun_from"] is None


def test_weights_that_do_not_fit_or_are_no_numbers_leave_all_as_it_was(session: Session, small: Knobs) -> None:
    with pytest.raises(UsageError, match="no training yet"):
        session.train(small, onward=True)
    session.train(small)
    until(lambda: session.state == "ended")
    for other in (Knobs(recipe="tiny"), small.model_copy(update={"hidden": 8})):
        with pytest.raises(UsageError, match="of another network: choose its recipe and width"):
            session.train(other, onward=True)
    network = session.track(0).watch.network
    assert network is not None
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    with pytest.raises(UsageError, match="no numbers any more: choose an earlier moment"):
        session.train(small, onward=True)
    assert (session.state, session.training) == ("ended", 1)
    session.train(small, onward=True, seen=0)
    assert session.training == 2
