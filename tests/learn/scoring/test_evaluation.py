from pathlib import Path

import numpy as np
import pytest
import torch

import tenfold
from conftest import draw_digits, write_idx
from learn.trainings import TINY
from tenfold.errors import DataError
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import evaluation
from tenfold.learn.training.runs import Run
from tenfold.mnist import doubtful, embedded, sources
from tenfold.mnist.digits import Digits

pytestmark = pytest.mark.usefixtures("few_shown")


def test_scores_are_those_of_the_test_part(run: Run, data: Path) -> None:
    found = tenfold.evaluate(run, draw=False)
    test = sources.load(data).parts["test"]
    answers = infer(run.model().network, torch.from_numpy(test.images)).argmax(1).numpy()
    assert found.accuracy == (answers == test.labels).mean()
    assert found.n == 200
    assert found.interval[0] < found.accuracy < found.interval[1]
    assert found.data == f"{data} (test)"
    assert sum(map(sum, found.confusion)) == 200
    assert sorted(m.index for m in found.mistakes) == np.flatnonzero(answers != test.labels).tolist()
    confidences = [m.confidence for m in found.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    for mistake in found.mistakes:
        assert (mistake.label, mistake.answer) == (str(test.labels[mistake.index]), str(answers[mistake.index]))
    assert not (run.path / "report.html").exists()


def test_other_data_gets_a_folder_of_its_own(run: Run, tmp_path: Path) -> None:
    other = write_idx(tmp_path / "other", draw_digits(60, seed=9))
    found = tenfold.evaluate(run, data=other)
    assert (found.n, found.data) == (60, f"{other} (all)")
    assert "CC BY-SA" not in (run.path / "on-other" / "report.html").read_text()  # these digits are not MNIST's
    np.savez(tmp_path / "light.npz", images=255 - draw_digits(20).images, labels=draw_digits(20).labels)
    assert "inverted" in tenfold.evaluate(run, data=tmp_path / "light.npz", draw=False).notes[0]
    assert (run.path / "on-other" / "evaluation.json").is_file()
    assert not (run.path / "evaluation.json").exists()


def test_scoring_on_what_was_learnt_is_said(tmp_path: Path) -> None:
    only = write_idx(tmp_path / "only", draw_digits(100))
    run = tenfold.train("mlp", data=only, out=tmp_path / "run", epochs=1, **TINY)
    assert tenfold.evaluate(run, data=only, draw=False).data == f"{only} (all, which it learnt from)"
    assert tenfold.evaluate(run, draw=False).data == "MNIST (test)"  # its own data has no test part


def test_data_with_other_classes_is_refused(run: Run, tmp_path: Path, digits: Digits) -> None:
    np.savez(tmp_path / "d.npz", images=digits.images[:2], labels=["a", "b"])
    with pytest.raises(DataError, match="has the classes a, b, and the model learnt from 0, 1"):
        tenfold.evaluate(run, data=tmp_path / "d.npz")
    few = {**TINY, "batch_size": 2}
    words = tenfold.train("mlp", data=tmp_path / "d.npz", out=tmp_path / "w", epochs=1, val_size=0, **few)
    with pytest.raises(DataError, match="has no test part: name other digits"):
        tenfold.evaluate(words)


def test_digits_outside_the_task_are_left_out(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "r", epochs=1, task="1,2/8", **TINY)
    found = tenfold.evaluate(run, draw=False)
    assert found.n == 60
    labels = sources.load(data).parts["test"].labels
    assert all(labels[m.index] in (1, 2, 8) for m in found.mistakes)


def test_the_corrected_labels_of_mnist_are_scored_apart(tmp_path: Path, little: Digits) -> None:
    run = tenfold.train("mlp", epochs=1, out=tmp_path / "run", **TINY)
    found = tenfold.evaluate(run)
    test = embedded.read("test")
    answers = infer(run.model().network, torch.from_numpy(test.images)).argmax(1).numpy()
    right = answers == test.labels
    for index, label in doubtful.CORRECTED.items():
        assert label != test.labels[index]
        right[index] = answers[index] == label
    assert found.corrected is not None
    assert found.corrected.n == 9_995
    assert found.corrected.accuracy == np.delete(right, doubtful.UNDECIDED).mean()
    assert found.accuracy == (answers == test.labels).mean()
    assert f"{found.corrected.accuracy:.2%}" in Path(str(found.report)).read_text()


def test_the_corrected_labels_are_grouped_as_the_task_is(tmp_path: Path, little: Digits) -> None:
    model = tenfold.train("mlp", epochs=1, task="is:6", out=tmp_path / "run", **TINY).model()
    test = embedded.read("test")
    wanted = (doubtful.corrected(test.labels) == 6).astype(np.int64)
    corrected = evaluation._corrected(wanted, test, np.arange(10_000), model)
    assert corrected is not None
    assert (corrected.n, corrected.accuracy) == (9_995, 1.0)
    others = evaluation._corrected(wanted[:9], test.take(np.arange(9)), np.arange(1, 10), model)
    assert others is None  # these are not the digits of those numbers
