import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import draw_digits

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import tenfold  # noqa: E402
from tenfold.learn.export.estimator import DigitClassifier  # noqa: E402
from tenfold.learn.training.objectives import Classification  # noqa: E402

CANNOT = {
    "check_methods_subset_invariance": "it wants 1e-7, and a network in single precision rounds by the size of "
    "a batch: one image alone and the same among others differ by some 1e-6 of themselves",
    "check_sample_weight_equivalence_on_dense_data": "it wants the same of an image with a weight and of one that is "
    "there several times, among others: they come in other batches",
}
TINY: dict[str, Any] = {"recipe": "mlp", "hidden": (32,), "dropout": 0.0, "device": "cpu", "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [DigitClassifier(**TINY)], expected_failed_checks=lambda _: CANNOT
)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def drawn(count: int = 300) -> tuple[Any, Any]:
    digits = draw_digits(count)
    return digits.images, digits.labels


def test_digits_are_learnt_from_rows_and_from_images() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, epochs=10, batch_size=30).fit(images, labels)
    assert model.score(images, labels) > 0.7
    assert model.n_features_in_ == 784
    assert np.array_equal(model.predict(images.reshape(len(images), -1)), model.predict(images))
    shares = model.predict_proba(images[:5])
    assert shares.shape == (5, 10)
    assert np.allclose(shares.sum(1), 1)


def test_images_may_have_a_channel() -> None:
    images, labels = drawn(60)
    model = DigitClassifier(**TINY, epochs=1).fit(images[..., None], labels)
    wanted = model.predict_proba(images)
    assert np.array_equal(DigitClassifier(**TINY, epochs=1).fit(images, labels).predict_proba(images), wanted)
    assert np.array_equal(model.predict_proba(images[:, None]), wanted)
    with pytest.raises(ValueError, match=r"shape \(20, 3, 28, 28\): .* is wanted"):
        model.predict(images.reshape(20, 3, 28, 28))


@pytest.mark.parametrize("scaler", [StandardScaler(), StandardScaler(with_mean=False)])
def test_columns_that_were_scaled_each_by_itself(scaler: Any) -> None:
    images, labels = drawn(600)
    rows = np.where(images > 30, images, 0).reshape(600, -1).astype(float)
    plain: Any = DigitClassifier(**TINY, epochs=5, batch_size=30)
    score = clone(plain).fit(rows[:300], labels[:300]).score(rows[300:], labels[300:])
    scaled = make_pipeline(scaler, plain).fit(rows[:300], labels[:300]).score(rows[300:], labels[300:])
    assert scaled > score - 0.05


def test_weights_say_how_often_an_image_comes() -> None:
    images, labels = drawn(60)
    wrong = (labels + 1) % 10
    both = np.concatenate([images, images]), np.concatenate([labels, wrong])
    for right, answers in (([1.0] * 60 + [0.0] * 60, labels), ([0.2] * 60 + [1.8] * 60, wrong)):
        model: Any = DigitClassifier(**TINY, epochs=60, batch_size=30).fit(*both, sample_weight=right)
        assert model.score(images, answers) > 0.9
    plain, equal = (DigitClassifier(**TINY, epochs=1).fit(images, labels, weights) for weights in (None, [3.0] * 60))
    assert np.array_equal(plain.predict_proba(images), equal.predict_proba(images))
    alone = np.where(np.arange(60) == 7, 1e9, 1.0)
    for weights, said in (
        (labels == 3, "1 class"),
        (alone, "1 class"),
        (np.zeros(60), "non-zero"),
        (-np.ones(60), "[Nn]egative"),
    ):
        with pytest.raises(ValueError, match=said):
            DigitClassifier(**TINY).fit(images, labels, weights)


def test_more_is_learnt_in_parts() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(images, labels)
    for _ in range(20):
        for part in np.split(np.arange(300), 5):
            model.partial_fit(images[part], labels[part], classes=range(10))
    assert model.score(images, labels) > 0.7
    assert model.n_iter_ == 100
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        one.partial_fit(images[:40], labels[:40], sample_weight=labels[:40] + 1)
    assert np.array_equal(model.predict_proba(images), again.predict_proba(images))
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(images, labels + 5)
    with pytest.raises(ValueError, match="those of the first call"):
        model.partial_fit(images, labels, classes=range(9))


def test_every_image_of_a_part_is_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = drawn(50)
    seen: list[int] = []
    batch = Classification.batch

    def watched(self: Any, wanted: Any) -> Any:
        seen.extend(wanted.index.tolist())
        return batch(self, wanted)

    monkeypatch.setattr(Classification, "batch", watched)
    DigitClassifier(**TINY, batch_size=16).partial_fit(images, labels, range(10))
    assert sorted(seen) == list(range(52))  # four batches of 13, for which two come twice


def test_parts_go_on_from_what_was_learnt() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, epochs=10, batch_size=30).fit(images, labels)
    before = model.score(images, labels)
    model.partial_fit(images[:1], labels[:1])  # of one class, too
    assert model.score(images, labels) > before - 0.1
    assert model.n_iter_ == 11
    with pytest.raises(ValueError, match="2 or more for the batch normalisation"):
        DigitClassifier("fast", device="cpu").partial_fit(images[:1], labels[:1], range(10))
    with pytest.raises(ValueError, match="fresh weights"):
        DigitClassifier(tenfold.RECIPES["mlp"].changed(init="default")).partial_fit(images, labels, range(10))


def test_decisions_are_logits() -> None:
    images, labels = drawn(60)
    model = DigitClassifier(**TINY, epochs=1).fit(images, labels)
    logits = model.decision_function(images)
    assert np.allclose(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), model.predict_proba(images))
    model = DigitClassifier(**TINY, epochs=1).fit(images, labels % 2)
    assert np.allclose(1 / (1 + np.exp(-model.decision_function(images))), model.predict_proba(images)[:, 1])


def test_any_labels_and_any_square() -> None:
    data = load_digits()
    names = np.array(["even", "odd"])[data.target % 2]
    model = DigitClassifier(**TINY, epochs=5, batch_size=50).fit(data.data[:600], names[:600])
    assert list(model.classes_) == ["even", "odd"]
    assert model.score(data.data[600:900], names[600:900]) > 0.7


def test_an_image_alone_has_the_answer_that_it_has_among_others() -> None:
    images, labels = drawn(100)
    model = DigitClassifier(**TINY, epochs=5).fit(images, labels)
    alone = np.concatenate([model.predict_proba(images[i : i + 1]) for i in range(0, len(images), 9)])
    assert np.allclose(alone, model.predict_proba(images)[::9], rtol=1e-4, atol=1e-6)


def test_the_same_state_gives_the_same_and_others_do_not() -> None:
    images, labels = drawn(60)
    first, again, other = (
        DigitClassifier(**TINY | {"random_state": state}, epochs=1).fit(images, labels).predict_proba(images)
        for state in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pipelines_searches_and_pickles() -> None:
    images, labels = drawn(60)
    rows = images.reshape(len(images), -1)
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), DigitClassifier(**TINY, epochs=4)),
        {"digitclassifier__lr": [1e-3, 1e-6]},
        cv=2,
        error_score="raise",
    ).fit(rows, labels)
    assert search.best_params_ == {"digitclassifier__lr": 1e-3}
    assert not hasattr(clone(search.best_estimator_)[-1], "classes_")
    packed = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(packed.predict(rows), search.predict(rows))


def test_what_cannot_be_learnt_is_told() -> None:
    images, labels = drawn(40)
    with pytest.raises(ValueError, match="1 class"):
        DigitClassifier(**TINY).fit(images, labels * 0)
    with pytest.raises(ValueError, match="unknown recipe"):
        DigitClassifier("cnm").fit(images, labels)
    with pytest.raises(ValueError, match="features"):
        DigitClassifier(**TINY, epochs=1).fit(images, labels).predict(images[:, :14])


def test_it_says_what_it_does_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = drawn(60)
    DigitClassifier(**TINY, epochs=2).fit(images, labels)
    assert capsys.readouterr() == ("", "")
    DigitClassifier(**TINY, epochs=2, verbose=1).fit(images, labels)
    assert "epoch 2/2" in capsys.readouterr().out


def test_joblib() -> None:
    joblib = pytest.importorskip("joblib")
    images, labels = drawn(60)
    model = DigitClassifier(**TINY, epochs=1).fit(images, labels)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    assert np.array_equal(joblib.load(file).predict_proba(images), model.predict_proba(images))


def test_a_classifier_is_scored_and_exported(tmp_path: Path) -> None:
    images, labels = drawn()
    images[:, 0, 0], images[:, 0, 1] = 0, 255  # the range of all pictures
    classifier: Any = DigitClassifier(**TINY, epochs=10, batch_size=30).fit(images, labels)
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    assert tenfold.evaluate(classifier, data=tmp_path / "own.npz", draw=False).accuracy == classifier.score(
        images, labels
    )
    path = tenfold.export(classifier, tmp_path / "digits.onnx")
    assert tenfold.Reader(path).classifier.classes == tuple("0123456789")
    with pytest.raises(tenfold.errors.UsageError, match="not DigitClassifier"):
        tenfold.evaluate(clone(classifier))


def test_whole_numbers_have_one_scale_where_the_ground_is_not_clean() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, epochs=1).fit(images, labels)
    assert model._range == (images.min(), images.max())


def test_images_of_another_scale_or_with_a_light_ground_are_told() -> None:
    images, labels = drawn(60)
    images = np.where(images > 30, images, 0)
    model = DigitClassifier(**TINY, epochs=1).fit(images, labels)
    with pytest.warns(UserWarning, match=r"X goes up to 1, and that of fit went up to 2\d\d: scale both alike"):
        model.predict(images / images.max())
    small = DigitClassifier(**TINY, epochs=1).fit(images / images.max(), labels)
    with pytest.warns(UserWarning, match=r"X goes up to 2\d\d, and that of fit went up to 1: scale both alike"):
        small.predict(images)
    with pytest.warns(UserWarning, match=r"most of X is light: .* X.max\(\) - X"):
        DigitClassifier(**TINY, epochs=1).fit(255 - images, labels)
