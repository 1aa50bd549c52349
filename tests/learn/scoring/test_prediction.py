from pathlib import Path

import numpy as np
import pytest

import tenfold
from conftest import Cli
from tenfold.errors import UsageError
from tenfold.learn.scoring.evaluation import caption
from tenfold.learn.scoring.prediction import picture, predict
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


def test_digits_without_labels_are_answered_in_a_table(trained: Run, data: Path, here: Path, tenfold_cli: Cli) -> None:
    test = sources.load(data).parts["test"]
    np.savetxt(here / "test.csv", test.images.reshape(len(test), -1), "%d", ",")
    status, out, err = tenfold_cli("predict", trained.path, "--data", "test.csv", "-o", "answers.csv")
    assert status == 0, err
    assert out == "200 answers in answers.csv\n"
    answers = dict(line.split(",") for line in (here / "answers.csv").read_text().splitlines())
    assert answers.pop("ImageId") == "Label"
    assert list(answers) == [str(k) for k in range(1, 201)]
    labelled = predict(trained, count=200, data=data)
    assert {str(p.index + 1): p.answer for p in labelled} == answers
    shown = predict(trained, count=3, data="test.csv")
    assert [p.label for p in shown] == [None] * 3
    status, out, _ = tenfold_cli("predict", trained.path, "--data", "test.csv", "-o", "answers.png")
    assert (status, out.splitlines()[-1]) == (0, "the picture: answers.png")
    for words, says in (
        (["predict", trained.path, "--wrong"], "--wrong needs labels"),
        (["evaluate", trained.path], "has no labels: tenfold predict answers"),
        (["train", "mlp"], "has no labels: there is nothing to train on"),
    ):
        status, _, err = tenfold_cli(*words, "--data", "test.csv")
        assert status == 1 or "--wrong" in words
        assert says in err
    assert tenfold_cli("data", "show", "--data", "test.csv").out == (
        "test.csv: 200 digits without labels; tenfold predict answers them\n"
    )
