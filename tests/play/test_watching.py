"""What is seen of a training, and that looking changes nothing of it."""

import base64
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from learn.trainings import TINY, last, same, weights  # noqa: E402 - after torch is known to be there
from tenfold.learn.recipes.presets import RECIPES  # noqa: E402
from tenfold.learn.recipes.recipe import Recipe  # noqa: E402
from tenfold.learn.train import train  # noqa: E402
from tenfold.learn.training.watchers import StopTraining  # noqa: E402
from tenfold.play import pace, watching  # noqa: E402
from tenfold.play.pace import Pace  # noqa: E402
from tenfold.play.watching import Diverged, Watch  # noqa: E402

QUIET = {name: value for name, value in TINY.items() if name == "quiet"}
FIELDS = {name: value for name, value in TINY.items() if name != "quiet"}


def recipe(data: Path, name: str = "mlp", **changes: Any) -> Recipe:
    return RECIPES[name].changed(data=str(data), **{**FIELDS, "epochs": 2, **changes})


def watched(of: Recipe, out: Path, drawn: Any = None, at: Pace | None = None, number: int = 0) -> Watch:
    """A watch of a training that has gone to its end."""
    watch = Watch(number, of, at or Pace(), lambda: None)
    if drawn is not None:
        watch.redraw(drawn, 1)
    train(of, out=out, watchers=[watch], **QUIET)
    return watch


@pytest.fixture
def drawn(digits: Any) -> Any:
    return torch.from_numpy(digits.images[:3])


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and looks at each step, whatever they take."""
    monkeypatch.setattr(watching, "OFTEN", 0.0)
    monkeypatch.setattr(watching, "SHARE", 1e9)


@pytest.mark.parametrize("name", ["mlp", "fast"])
def test_a_watched_training_gives_the_same_weights(data: Path, tmp_path: Path, drawn: Any, name: str) -> None:
    of = recipe(data, name, dropout=0.2, augment="rotate=10")
    alone = train(of, out=tmp_path / "alone", **QUIET)
    watched(of, tmp_path / "watched", drawn)
    assert same(weights(alone), weights(tmp_path / "watched"))


def test_two_that_take_turns_give_the_weights_of_each_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLICE", 0.0)
    both = [recipe(data, dropout=0.5), recipe(data, dropout=0.2, augment="shift=1")]
    at = Pace(2)

    def learn(number: int) -> None:
        at.begin(number)
        watched(both[number], tmp_path / f"beside{number}", at=at, number=number)

    threads = [threading.Thread(target=learn, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for number, of in enumerate(both):
        alone = train(of, out=tmp_path / f"alone{number}", **QUIET)
        assert same(weights(alone), weights(tmp_path / f"beside{number}"))


def test_what_is_seen(data: Path, tmp_path: Path, drawn: Any, digits: Any) -> None:
    watch = watched(recipe(data, epochs=10, lr=0.01), tmp_path / "run", drawn)
    seen = watch.seen(0, -1, 0)
    assert (seen["epoch"], seen["epochs"], seen["steps"], seen["step"], seen["seen"]) == (10, 10, 10, 100, 5000)
    first, rows = seen["curve"]
    assert (first, len(rows)) == (0, 100)
    assert [row[0] for row in rows] == list(range(50, 5001, 50))
    assert rows[-1][1] < rows[0][1]
    run = watch.run
    assert run is not None
    assert sum(row[1] for row in rows[-10:]) / 10 == pytest.approx(last(run, "train_loss"), rel=1e-4)
    assert seen["validated"][-1] == pytest.approx((5000, last(run, "val_loss"), last(run, "val_accuracy")), abs=1e-6)
    # What it thinks of the drawn digits, and when it changed its mind.
    answers = [max(range(10), key=p.__getitem__) for p in seen["now"]]
    assert answers == digits.labels[:3].tolist()
    for changes, final in zip(seen["changes"], answers, strict=True):
        assert changes[-1][2] == final
        assert all(one[2] != next_one[2] for one, next_one in pairwise(changes))
    _, minds = seen["minds"]
    assert len(base64.b64decode(minds[-1][1])) == 3 * 10
    levels = base64.b64decode(seen["filters"]["levels"])
    assert (seen["filters"]["size"], len(levels)) == ([16, 28, 28], 16 * 784)
    assert min(levels) == 1 or max(levels) == 255  # the largest weight is the unit
    # The next is told from there on.
    assert watch.seen(100, 1, len(minds))["curve"] == [100, []]
    assert watch.seen(100, 1, len(minds))["minds"] == [len(minds), []]


def test_moments_are_few_and_evenly_spaced(data: Path, tmp_path: Path, drawn: Any) -> None:
    watch = watched(recipe(data, epochs=13), tmp_path / "run", drawn)
    steps = [moment.step for moment in watch.moments]
    assert 15 < len(steps) <= watching.MOMENTS + 1
    assert (steps[0], steps[-1]) == (0, 130)
    apart = {after - before for before, after in pairwise(steps[:-1])}
    assert len(apart) == 1
    network, moment = watch.at(0)
    assert moment.step == 0
    final, now = watch.at()
    assert now.step == 130
    images = drawn.float()[:, None]
    assert not torch.equal(network(images), final(images))
    assert same(final.state_dict(), weights(tmp_path / "run"))
    assert not torch.equal(watch.at(3000)[0](images), final(images))


def test_digits_that_are_drawn_later_have_a_past_too(data: Path, tmp_path: Path, drawn: Any) -> None:
    watch = watched(recipe(data, epochs=3), tmp_path / "run", drawn)
    watch.redraw(drawn[:1], 2)
    seen = watch.seen(0, 1, 7)
    first, minds = seen["minds"]
    assert (first, seen["drawn"], len(seen["now"])) == (0, 2, 1)
    assert [row[0] for row in minds] == [moment.seen for moment in watch.moments]
    assert seen["step"] == 30
    watch.redraw(drawn[:0], 3)
    assert watch.seen(0, 3, 0)["now"] == []


def test_a_learning_rate_that_is_changed_on_the_way(data: Path, tmp_path: Path) -> None:
    of = recipe(data, epochs=2, schedule="constant")
    at, told = Pace(1), list[float]()

    class Changing(Watch):
        def step(self, state: Any, steps: int) -> None:
            told.append(state.optimizer.param_groups[0]["lr"])
            if len(told) == 5:
                self.change_rate(1e-9)
            super().step(state, steps)

    watch = Changing(0, of, at, lambda: None)
    train(of, out=tmp_path / "run", watchers=[watch], **QUIET)
    assert told[4] == pytest.approx(of.lr)
    assert told[5:] == [pytest.approx(1e-9)] * len(told[5:])
    before, after = watch.at(4 * 50)[0].state_dict(), watch.at()[0].state_dict()
    assert all(torch.allclose(before[name], after[name], atol=1e-5) for name in before)


def test_what_diverges_is_ended_at_once(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        watched(recipe(data, optimizer="sgd", lr=1e30, epochs=50), tmp_path / "run")


def test_stopping(data: Path, tmp_path: Path) -> None:
    at = Pace(1)
    at.stop()
    with pytest.raises(StopTraining):
        watched(recipe(data), tmp_path / "run", at=at)


def test_looking_takes_no_more_than_its_share(
    data: Path, tmp_path: Path, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SHARE", 0.0)
    looks = list[int]()

    class Counting(Watch):
        def _look(self, network: Any) -> None:
            looks.append(1)
            super()._look(network)

    of = recipe(data, epochs=2)
    watch = Counting(0, of, Pace(1), lambda: None)
    watch.redraw(drawn, 1)
    train(of, out=tmp_path / "run", watchers=[watch], **QUIET)
    assert len(looks) == 1 + 2 * 2  # before the first step; after each epoch's last step, and when it is validated
