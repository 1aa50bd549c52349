import io
import pickle
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

from tenfold.learn.export.estimator import DigitClassifier  # noqa: E402

CANNOT = {
    "check_methods_subset_invariance": "it wants 1e-7, and a network in single precision rounds by the size of "
    "a batch: one image alone and the same among others differ by some 1e-6 of themselves",
    "check_sample_weight_equivalence_on_dense_data": "it wants the same to 1e-7 of an image that weighs 2 and of one "
    "that is there twice, which come in another order: stochastic gradient descent gives other weights for that",
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


@pytest.mark.parametrize("shape", [(28, 28, 1), (1, 28, 28)])
def test_images_with_one_channel_are_images(shape: tuple[int, ...]) -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, epochs=2, batch_size=30).fit(images.reshape(-1, *shape), labels)
    assert np.array_equal(model.predict(images.reshape(-1, *shape)), model.predict(images))
    with pytest.raises(ValueError, match=r"\(300, 14, 14, 4\): \(N, columns\), \(N, H, W\)"):
        DigitClassifier(**TINY).fit(images.reshape(300, 14, 14, 4), labels)


def test_columns_that_were_each_scaled_are_learnt_as_well() -> None:
    images, labels = drawn()
    rows = images.reshape(len(images), -1).astype(float)
    alone: Any = DigitClassifier(**TINY, epochs=10, batch_size=30).fit(rows, labels)
    scaled = make_pipeline(StandardScaler(), DigitClassifier(**TINY, epochs=10, batch_size=30)).fit(rows, labels)
    assert scaled.score(rows, labels) > alone.score(rows, labels) - 0.05


def test_what_weighs_nothing_is_not_learnt_and_what_weighs_more_counts_more() -> None:
    images, labels = drawn()
    wrong = np.where(np.arange(300) < 150, (labels + 1) % 10, labels)
    model: Any = DigitClassifier(**TINY, epochs=10, batch_size=30)
    weighed = model.fit(images, wrong, sample_weight=(np.arange(300) >= 150).astype(float))
    right = weighed.score(images[150:], labels[150:])
    assert right > 0.7
    assert clone(model).fit(images, wrong).score(images[:150], labels[:150]) < right
    same: Any = clone(model).fit(images, labels, sample_weight=np.full(300, 2.5))
    assert np.array_equal(same.predict_proba(images), clone(model).fit(images, labels).predict_proba(images))
    with pytest.raises(ValueError, match="at least one non-zero"):
        model.fit(images, labels, sample_weight=np.zeros(300))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        model.fit(images, labels, sample_weight=np.full(300, -1.0))


def test_more_digits_later_go_on_from_what_was_learnt() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, batch_size=30)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(images, labels)
    scores = [model.partial_fit(images, labels, classes=range(10)).score(images, labels) for _ in range(12)]
    assert model.n_iter_ == 12
    assert scores[-1] > 0.7 > scores[0]
    again: Any = clone(model)
    for _ in range(12):
        again.partial_fit(images, labels, classes=range(10))
    assert np.array_equal(model.predict_proba(images), again.predict_proba(images))
    with pytest.raises(ValueError, match="labels that are not among the classes"):
        model.partial_fit(images, labels + 1)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(images, labels, classes=range(9))


def test_logits_decide_as_probabilities_do() -> None:
    images, labels = drawn()
    model: Any = DigitClassifier(**TINY, epochs=3, batch_size=30).fit(images, labels)
    assert np.array_equal(model.classes_[model.decision_function(images).argmax(1)], model.predict(images))
    two: Any = DigitClassifier(**TINY, epochs=3, batch_size=30).fit(images, labels % 2)
    assert np.array_equal((two.decision_function(images) > 0).astype(int), two.predict(images))
