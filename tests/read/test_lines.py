"""The model file for lines: texts, their probability over all alignments, where signs are, and what is refused."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import on_paper, write_number
from tenfold.errors import DeviceError, RunError, UsageError
from tenfold.read import classifier, lines
from tenfold.read.lines import LineModel, text_score


@pytest.fixture(scope="module")
def model() -> LineModel:
    return LineModel(threads=1)


def row(number: str, size: int = 40) -> NDArray[np.uint8]:
    """A number on paper, without more than a little around it, in grey."""
    grey = np.asarray(on_paper(write_number(number, size=size)))
    grey = grey if grey.ndim == 2 else grey.mean(axis=2)
    ink = grey < grey.max() / 2
    (top, *_, bottom), (left, *_, right) = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return grey[max(0, top - 6) : bottom + 6, max(0, left - 6) : right + 6].astype(np.uint8)


def test_rows_of_any_size_are_read_in_their_order(model: LineModel) -> None:
    numbers = ["3827", "140", "62", "5", "90817263"]
    rows = [row(number, size) for number, size in zip(numbers, (40, 80, 25, 40, 40), strict=True)]
    found = model.read(rows)
    assert [each.text for each in found] == numbers
    assert [each.text for each in model.read(rows[::-1])] == numbers[::-1]
    assert all(0.3 < each.probability <= 1 for each in found)
    assert model.read([]) == []


def test_signs_are_where_they_stand(model: LineModel) -> None:
    picture = row("3827", 80)
    (found,) = model.read([picture])
    begins, ends = zip(*found.places, strict=True)
    assert list(begins) == sorted(begins)
    assert all(begin < end for begin, end in found.places)
    columns = np.flatnonzero((picture < picture.max() / 2).any(axis=0))
    digits = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    for place, digit in zip(found.places, digits, strict=True):  # none touch
        assert digit[0] - 8 < sum(place) / 2 < digit[-1] + 8
    assert ends[-1] <= picture.shape[1] + 4


def test_a_batch_changes_nothing(model: LineModel) -> None:
    """Lines of other widths beside it, by which it is filled up, do not change what is read."""
    first, second = row("3827"), row("90817263")
    together, alone = model.read([first, second])[0], model.read([first])[0]
    assert together.text == alone.text
    assert together.probability == pytest.approx(alone.probability, abs=2e-2)


def test_the_probability_is_summed_over_alignments() -> None:
    scores = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 5))  # 5 steps of a blank and 3 signs

    def text(path: tuple[int, ...]) -> tuple[int, ...]:
        kept = [k for n, k in enumerate(path) if n == 0 or k != path[n - 1]]
        return tuple(k for k in kept if k)

    sums: dict[tuple[int, ...], float] = {}
    for path in product(range(4), repeat=5):
        sums[text(path)] = sums.get(text(path), 0.0) + float(np.exp(scores[range(5), path].sum()))
    assert sum(sums.values()) == pytest.approx(1)
    for signs, probability in sums.items():
        assert np.exp(text_score(scores, np.array(signs, np.int64))) == pytest.approx(probability), signs
    assert text_score(scores, np.array([1, 1, 1, 1], np.int64)) == -np.inf  # needs 7 steps


def test_empty_paper_is_no_text(model: LineModel) -> None:
    (found,) = model.read([np.full((50, 120), 230, np.uint8)])
    assert not any(map(str.isdigit, found.text))


def test_what_is_no_line(model: LineModel) -> None:
    for shape in ((40, 60, 3), (0, 40), (40, 0), (2, 401)):
        with pytest.raises(UsageError, match="a line must be grey values"):
            model.read([np.zeros(shape, np.uint8)])
    with pytest.raises(UsageError, match="float64"):
        model.read([np.zeros((40, 60))])  # type: ignore[list-item]


def test_what_is_no_model_for_lines(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not read lines"):
        LineModel(classifier.BUNDLED)
    with pytest.raises(RunError, match="reads lines: this is for models that read one digit"):
        classifier.Classifier(lines.BUNDLED)
    with pytest.raises(RunError, match="there is no model file"):
        LineModel(tmp_path / "none.onnx")
    with pytest.raises(DeviceError, match="there is cpu"):
        LineModel(device="tpu")
    raw = lines.BUNDLED.read_bytes()
    with pytest.raises(RunError, match="does not fit this version"):
        LineModel(raw.replace(b"threshold", b"thrashold"))


def test_the_text_of_several_views_is_the_likeliest_in_their_mean() -> None:
    model = LineModel()
    clear = on_paper(write_number("407", size=40))
    faint = (0.9 * 255 + 0.1 * clear).astype(np.uint8)
    k, text = model.likeliest([faint[:, :60], clear, clear])
    assert (k > 0, text.text) == (True, "407")
    (alone,) = model.read([clear])
    assert text.probability < alone.probability
    assert model.likeliest([clear])[1].probability == pytest.approx(alone.probability)
    assert text.likely.shape == (3, len(model.classes))
    assert np.allclose(text.likely.sum(axis=1), 1)


def test_for_one_page_a_line_is_read_once(model: LineModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    scores = LineModel._scores

    def counted(model: LineModel, inks: list[NDArray[np.float32]], width: int) -> list[NDArray[np.float64]]:
        asked.append(len(inks))
        return scores(model, inks, width)

    monkeypatch.setattr(LineModel, "_scores", counted)
    once, clear, other = model.remembering(), row("407"), row("12")
    texts = [text.text for some in ([clear, clear], [other, clear]) for text in once.read(some)]
    assert (texts, sum(asked)) == (["407", "407", "12", "407"], 2)
    model.read([clear])
    model.read([clear])
    assert sum(asked) == 4  # and nothing is kept otherwise


def test_what_is_expected_is_more_probable(model: LineModel) -> None:
    picture = row("407")
    before, same, nearly, never = (
        model.expecting({name: odds for name in model.classes if name not in usual}).read([picture])[0]
        for usual, odds in ((model.classes, 1.0), ("0123456789", 1.0), ("0123456789", 0.01), ("123456789", 1e-30))
    )
    assert model.read([picture])[0].probability == pytest.approx(before.probability) == pytest.approx(same.probability)
    assert (before.text, nearly.text) == ("407", "407")
    assert before.probability < nearly.probability <= 1
    assert set(never.text) <= set("123456789")
    assert np.allclose(np.exp(never.scores).sum(axis=1), 1)
