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
from sklearn.preprocessing import MinMaxScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from tenfold.learn.export.estimator import DigitClassifier  # noqa: E402

CANNOT = {
    "check_methods_subset_invariance": "it wants 1e-7, and a network in single precision rounds by the size of "
    "a batch: one image alone and the same among others differ by some 1e-6 of themselves",
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
