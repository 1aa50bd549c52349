from pathlib import Path

import pytest

import tenfold
from tenfold.errors import UsageError
from tenfold.learn.scoring.evaluation import caption
from tenfold.learn.scoring.prediction import picture
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources


def test_predictions_are_answers_for_random_test_digits(trained: Run, data: Path) -> None:
    test = sources.load(data).parts["test"]
    some = tenfold.predict(trained, count=10, seed=1)
    assert len(some) == 10
    for p in some:
        assert (p.image == test.images[p.index]).all()
        assert p.label == str(test.labels[p.index])
        assert p.answer == max(p.probabilities, key=lambda name: p.probabilities[name])
        assert sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert p.confidence == pytest.approx(p.probabilities[p.answer])
    assert [p.index for p in some] == [p.index for p in tenfold.predict(trained, count=10, seed=1)]
    assert [p.index for p in some] != [p.index for p in tenfold.predict(trained, count=10, seed=2)]
    wrong = tenfold.predict(trained, count=1000, wrong=True)
    assert len(wrong) == len(tenfold.evaluate(trained, draw=False).mistakes)
    assert not any(p.right for p in wrong)
    with pytest.raises(UsageError, match="--count must be 1 or more, not 0"):
        tenfold.predict(trained, count=0)


def test_a_picture_has_a_panel_for_each_prediction(trained: Run) -> None:
    some = tenfold.predict(trained, count=3, seed=1)
    titles = [axis.get_title() for axis in picture(some).axes]
    assert [title for title in titles if title] == [caption(p.label, p.answer, p.confidence) for p in some]
    assert picture([]).axes  # which says that there are none
