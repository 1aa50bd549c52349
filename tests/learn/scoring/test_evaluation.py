import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tenfold
from conftest import draw_digits, write_idx
from tenfold.errors import DataError, UsageError
from tenfold.learn.networks.inference import infer
from tenfold.learn.scoring import evaluation
from tenfold.learn.training.runs import Run
from tenfold.mnist import doubtful, embedded, sources
from tenfold.mnist.digits import Digits

FIGURES = {"curves", "confusion", "mistakes", "reliability", "samples"}


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("run") / "r"
    return tenfold.train("mlp", data=data, out=place, epochs=2, batch_size=50, quiet=True)


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


def test_the_report_stands_alone(run: Run) -> None:
    found = tenfold.evaluate(run)
    written = json.loads((run.path / "evaluation.json").read_text())
    assert written["accuracy"] == found.accuracy
    assert json.loads(found.as_json()) == written
    html = (run.path / "report.html").read_text()
    assert found.report == str(run.path / "report.html")
    assert f"{found.accuracy:.2%}" in html
    inside = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert len(inside) == len(FIGURES)
    assert base64.b64decode(inside[0]) == (run.path / "curves.png").read_bytes()
    assert not re.search(r'(src|href)="(?!data:)', html)
    for name in FIGURES:
        with Image.open(run.path / f"{name}.png") as picture_file:
            assert picture_file.size[0] > 300


def test_names_in_the_report_are_escaped(tmp_path: Path, digits: Digits) -> None:
    names = np.array(["<b>x", "y&z $^$"])[digits.labels % 2]
    place = tmp_path / "<i>.npz"
    np.savez(place, images=digits.images, labels=names)
    run = tenfold.train("mlp", data=place, out=tmp_path / "run", epochs=1, batch_size=50, quiet=True)
    assert run.model().task.classes == ("<b>x", "y&z $^$")
    tenfold.evaluate(run, data=place)
    html = (run.path / "on-<i>" / "report.html").read_text()
    assert "<b>x" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;x" in html


def test_other_data_gets_a_folder_of_its_own(run: Run, tmp_path: Path) -> None:
    other = write_idx(tmp_path / "other", draw_digits(60, seed=9))
    found = tenfold.evaluate(run, data=other)
    assert (found.n, found.data) == (60, f"{other} (all)")
    assert "CC BY-SA" not in (run.path / "on-other" / "report.html").read_text()  # these digits are not MNIST's
    np.savez(tmp_path / "light.npz", images=255 - draw_digits(20).images, labels=draw_digits(20).labels)
    assert "inverted" in tenfold.evaluate(run, data=tmp_path / "light.npz", draw=False).notes[0]
    assert (run.path / "on-other" / "evaluation.json").is_file()
    again = tenfold.evaluate(run, data=other, out=tmp_path / "there")
    assert again.accuracy == found.accuracy
    assert (tmp_path / "there" / "report.html").is_file()


def test_scoring_on_what_was_learnt_is_said(tmp_path: Path) -> None:
    only = write_idx(tmp_path / "only", draw_digits(100))
    run = tenfold.train("mlp", data=only, out=tmp_path / "run", epochs=1, batch_size=50, quiet=True)
    assert tenfold.evaluate(run, data=only, draw=False).data == f"{only} (all, which it learnt from)"
    assert tenfold.evaluate(run, draw=False).data == "MNIST (test)"  # its own data has no test part


def test_data_with_other_classes_is_refused(run: Run, tmp_path: Path, digits: Digits) -> None:
    np.savez(tmp_path / "d.npz", images=digits.images[:2], labels=["a", "b"])
    with pytest.raises(DataError, match="has the classes a, b, and the model learnt from 0, 1"):
        tenfold.evaluate(run, data=tmp_path / "d.npz")
    words = tenfold.train(
        "mlp", data=tmp_path / "d.npz", out=tmp_path / "w", epochs=1, batch_size=2, val_size=0, quiet=True
    )
    with pytest.raises(DataError, match="has no test part: name other digits"):
        tenfold.evaluate(words)


def test_digits_outside_the_task_are_left_out(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "r", epochs=1, batch_size=20, task="1,2/8", quiet=True)
    found = tenfold.evaluate(run, draw=False)
    assert found.n == 60
    labels = sources.load(data).parts["test"].labels
    assert all(labels[m.index] in (1, 2, 8) for m in found.mistakes)


def test_predictions(run: Run, data: Path) -> None:
    test = sources.load(data).parts["test"]
    some = tenfold.predict(run, count=10, seed=1)
    assert len(some) == 10
    for p in some:
        assert (p.image == test.images[p.index]).all()
        assert p.label == str(test.labels[p.index])
        assert p.answer == max(p.probabilities, key=lambda name: p.probabilities[name])
        assert sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert p.confidence == pytest.approx(p.probabilities[p.answer])
    assert [p.index for p in some] == [p.index for p in tenfold.predict(run, count=10, seed=1)]
    assert [p.index for p in some] != [p.index for p in tenfold.predict(run, count=10, seed=2)]
    wrong = tenfold.predict(run, count=1000, wrong=True)
    assert len(wrong) == len(tenfold.evaluate(run, draw=False).mistakes)
    assert not any(p.right for p in wrong)
    with pytest.raises(UsageError, match="--count must be 1 or more, not 0"):
        tenfold.predict(run, count=0)


def test_the_corrected_labels_of_mnist_are_scored_apart(tmp_path: Path) -> None:
    run = tenfold.train("mlp", epochs=1, hidden=(32,), out=tmp_path / "run", quiet=True)
    found = tenfold.evaluate(run, draw=False)
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
    html = tenfold.evaluate(run).report
    assert f"{found.corrected.accuracy:.2%}" in Path(str(html)).read_text()


def test_the_corrected_labels_are_grouped_as_the_task_is(tmp_path: Path) -> None:
    run = tenfold.train("mlp", epochs=1, hidden=(8,), task="is:6", out=tmp_path / "run", quiet=True)
    model = run.model()
    test = embedded.read("test")
    index = np.arange(10_000)
    wanted = (doubtful.corrected(test.labels) == 6).astype(np.int64)
    found = evaluation._corrected(wanted, test, index, model)
    assert found == evaluation.Corrected(9_995, 1.0, found.interval if found else (0, 0))
    assert evaluation._corrected(wanted[:9], test.take(np.arange(9)), index[1:10], model) is None  # other digits
