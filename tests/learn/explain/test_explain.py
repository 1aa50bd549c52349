import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tenfold
from conftest import draw_digits, write_idx
from learn.explain.small import SMALL
from learn.trainings import OF_DIGITS
from tenfold.errors import MissingExtra, RunError, StorageError, UsageError
from tenfold.learn.explain import explain as entry
from tenfold.learn.explain.explain import explain, telling
from tenfold.learn.explain.explanation import Inside
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.scoring import evaluation
from tenfold.learn.training.runs import Run


def test_the_most_doubtful_and_the_surest_mistake_are_told(run: Run) -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]], np.float32)
    assert telling(probabilities, np.array([0, 0, 0, 0])) == [1, 2]
    assert telling(probabilities, np.array([0, 0, 1, 1])) == [3]
    assert telling(probabilities, np.array([1, 1, 0, 0])) == [0]


def test_a_digit_of_the_test_set_is_explained_by_its_number(run: Run, data: Path) -> None:
    test = evaluation.test_digits(run.model(), None)[0]
    (one,) = explain(run, digit=17, draw=False).digits
    assert one.index == 17
    assert (one.image == test.images[17]).all()
    assert one.label == str(test.labels[17])
    assert sum(one.probabilities.values()) == pytest.approx(1)
    assert one.probabilities[one.answer] == max(one.probabilities.values())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("mlp", "pictures") else pytest.mark.slow) for name in OF_DIGITS]
)
def test_every_recipe_is_explained(name: str, data: Path, tmp_path: Path) -> None:
    task = "digits" if name == "pictures" else "parity"
    wide = {"channels": (4,) * len(RECIPES[name].channels), "hidden": (12,) * len(RECIPES[name].hidden)}
    few = {"styles": 50, "outliers": 50} if RECIPES[name].pictures else {}
    changes = {**wide, **few, **SMALL, "epochs": 2}
    learnt = tenfold.train(name, data=data, task=task, out=tmp_path / "run", **changes)
    seen = explain(learnt, digit=8, draw=task == "parity")
    (one,) = seen.digits
    assert set(one.probabilities) == set(seen.classes)
    assert one.runner_up != one.answer
    assert len(seen.map.points) == 200
    assert (task == "parity") == (learnt.path / "inside" / "overview.png").is_file()


def test_own_classes(tmp_path: Path) -> None:
    some = draw_digits(300)
    names = ["$a$", "bee", "c"]
    for part, digits in (("train", some.take(np.arange(240))), ("test", some.take(np.arange(240, 300)))):
        for k, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
            folder = tmp_path / "data" / part / names[label % 3]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{k}.png")
    run = tenfold.train("mlp", data=tmp_path / "data", out=tmp_path / "run", epochs=2, **SMALL)
    seen = explain(run, into=None, out=tmp_path / "there")
    assert seen.classes == ("$a$", "bee", "c")
    assert seen.figures["map"].parent == tmp_path / "there"
    assert not (tmp_path / "run" / "inside").exists()


def test_another_class_can_be_named(run: Run) -> None:
    (plain,) = explain(run, digit=9, draw=False).digits
    other = next(name for name in "0123456789" if name not in (plain.answer, plain.runner_up))
    (one,) = explain(run, digit=9, into=other, draw=False).digits
    assert one.wanted == other
    assert one.runner_up == plain.runner_up
    if one.change is not None:
        assert one.change.answer == other
        assert one.change.probabilities[other] > 0.5


def test_the_map_has_the_mistakes(run: Run, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inside.map.total == 200
    assert int((inside.map.labels != inside.map.answers).sum()) == inside.map.mistakes
    monkeypatch.setattr(entry, "MAPPED", 60)
    less = explain(run, digit=199, draw=False).map
    assert len(less.points) == len(set(less.index.tolist())) == 60
    assert 199 in less.index
    assert less.total == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"digit": 200}, "there is no digit 200: give one from 0 to 199"),
        ({"digit": -1}, "there is no digit -1"),
        ({"into": "x"}, "unknown class 'x'"),
    ],
)
def test_what_cannot_be_meant(run: Run, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        explain(run, draw=False, **options)


def test_the_answer_is_no_change(run: Run) -> None:
    (one,) = explain(run, digit=1, draw=False).digits
    with pytest.raises(UsageError, match=f"digit 1 is answered {one.answer} already"):
        explain(run, digit=1, into=one.answer, draw=False)


def test_a_digit_that_the_task_leaves_out(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, task="0-3/4-6", out=tmp_path / "run", epochs=1, **SMALL)
    labels = draw_digits(200, seed=1).labels
    out = int(np.flatnonzero(labels > 6)[0])
    kept = int(np.flatnonzero((labels <= 6) & (np.arange(200) > out))[0])
    with pytest.raises(UsageError, match=f"digit {out} belongs to no class of this task"):
        explain(run, digit=out, draw=False)
    (one,) = explain(run, digit=kept, draw=False).digits
    assert (one.index, one.label) == (kept, "0-3" if labels[kept] < 4 else "4-6")


def test_without_captum(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtra, match=r"captum.*pip install 'tenfold\[explain\]'"):
        explain(run)


def test_without_scikit_learn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtra, match=r"scikit-learn.*pip install 'tenfold\[explain\]'"):
        explain(run)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(entry, "embed", lambda *_, **__: pytest.fail("worked for nothing"))
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=r"cannot write figures into .*--out") as caught:
            explain(run, digit=1, out=place)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "x"
    with pytest.raises(UsageError):
        explain(run, digit=1000, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_digit_is_explained_once(run: Run) -> None:
    one, two = explain(run, digit=[4, 3, 4], draw=False).digits
    assert (one.index, two.index) == (4, 3)
    assert explain(run, digit=np.int64(4), draw=False).digits[0].index == 4  # type: ignore[arg-type]


def test_a_run_that_did_not_end(run: Run, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text((run.path / "recipe.json").read_text())
    with pytest.raises(RunError, match="has no model yet"):
        explain(tmp_path)


def test_other_digits_can_be_explained(run: Run, tmp_path: Path) -> None:
    other = write_idx(tmp_path / "d", draw_digits(10), draw_digits(12, seed=5))
    seen = explain(run, digit=11, data=other, draw=False)
    assert seen.map.total == 12
    assert (seen.digits[0].image == draw_digits(12, seed=5).images[11]).all()
