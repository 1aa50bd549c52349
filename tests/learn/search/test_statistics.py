import math
import random

import pytest
from scipy import stats

from tenfold.learn.search import statistics


def test_a_summary_by_hand() -> None:
    # Mean 3, deviation √2.5, half the interval 2.776445 · √2.5 / √5.
    found = statistics.summary([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.n, found.mean) == (5, 3.0)
    assert found.deviation == pytest.approx(1.5811388)
    assert (found.low, found.high) == pytest.approx((1.0367568, 4.9632432))
    assert statistics.summary([0.5]) == statistics.Summary(1, 0.5, None, None, None)
    alike = statistics.summary([0.1, 0.1, 0.1])
    assert (alike.deviation, alike.low, alike.high) == (0.0, alike.mean, alike.mean)
    assert math.isnan(statistics.summary([1.0, math.nan]).mean)
    with pytest.raises(ValueError, match="nothing"):
        statistics.summary([])


def test_an_interval_of_accuracies_stays_among_them() -> None:
    # Mean 0.995, its error 0.0057735 / 2, Student's factor 3.182446; odds of 199 to 1, times or by exp(1.846577).
    scores = [0.99, 0.99, 1.0, 1.0]
    free, found = statistics.summary(scores), statistics.summary(scores, statistics.FRACTION)
    assert (free.low, free.high) == pytest.approx((0.9858131, 1.0041869))
    factor = math.exp(3.1824463 * 0.00288675 / (0.995 * 0.005))
    assert (found.low, found.high) == pytest.approx((1 / (1 + factor / 199), 1 / (1 + 1 / (199 * factor))))
    assert statistics.interval(scores, "accuracy") == "96.91% to 99.92%"
    mirrored = statistics.summary([1 - score for score in scores], statistics.FRACTION)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - (found.high or 0), 1 - (found.low or 0)))
    assert statistics.summary([0.0, 1.0], statistics.FRACTION).high == pytest.approx(1)  # with no warning
    # Far from the ends, for the width, it is Student's.
    middle = [0.5, 0.501, 0.502, 0.499, 0.5]
    student, ours = statistics.summary(middle), statistics.summary(middle, statistics.FRACTION)
    assert (ours.low, ours.high) == pytest.approx((student.low, student.high), abs=1e-6)
    far = statistics.paired([1.0, 0.0], [0.0, 0.9], statistics.FRACTION)
    assert (far.low, far.high) == (-1.0, 1.0)
    assert "-100.00 to" in statistics.described([100.0, -90.0], "difference in points")


def test_a_paired_comparison_is_scipys() -> None:
    # Student's own example of 1908: hours of sleep gained with two drugs.
    first = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    second = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    found = statistics.paired(first, second)
    test = stats.ttest_rel(first, second)
    assert found.mean == pytest.approx(1.58)
    assert found.deviation == pytest.approx(1.2299955)
    assert found.p == pytest.approx(test.pvalue) == pytest.approx(0.00283289)
    interval = test.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.wins, found.ties, found.losses) == (9, 1, 0)


def test_a_paired_comparison_where_there_is_no_test() -> None:
    # In binary the two differences are not quite the same, which is no evidence.
    found = statistics.paired([0.992, 0.991, 0.9934], [0.991, 0.990, 0.9924])
    assert found.p is None
    assert found.deviation == 0
    assert found.wins == 3
    assert found.low == found.high == found.mean == pytest.approx(0.001)
    one = statistics.paired([0.99], [0.98])
    assert (one.p, one.low, one.wins, one.deviation) == (None, None, 1, None)
    assert statistics.paired([0.99, 0.98], [0.99, 0.98]).ties == 2
    with pytest.raises(ValueError, match="argument"):
        statistics.paired([1.0, 2.0], [1.0])


def comparison(p: float | None, n: int = 5) -> statistics.Comparison:
    return statistics.Comparison(n, 0.01, 0.01, 0.001, 0.02, p, wins=n, ties=0, losses=0)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        # Holm's own rule by hand: 0.01 · 3, 0.02 · 2, 0.03 · 1, but none below the one before.
        ([0.03, 0.01, 0.02], [0.04, 0.03, 0.04]),
        ([0.6, 0.5], [1.0, 1.0]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # statsmodels' multipletests gives the same
        ([None, 0.02], [None, 0.04]),
        ([0.04], [0.04]),
        ([], []),
    ],
)
def test_several_p_values_are_corrected_by_holm(given: list[float | None], wanted: list[float | None]) -> None:
    found = statistics.together([comparison(p) for p in given])
    assert [one.p for one in found] == [None if p is None else pytest.approx(p) for p in wanted]
    assert {one.comparisons for one in found} <= {len(given)}


def test_luck_alone_is_seldom_taken_for_a_difference() -> None:
    # Four recipes that are the same: the chance to find one that beats the first is 5 %, where it was three times that.
    generator = random.Random(0)
    corrected = plain = 0
    for _ in range(400):
        first, *others = ([generator.gauss(0.99, 0.001) for _ in range(5)] for _ in range(4))
        found = [statistics.paired(other, first) for other in others]
        plain += min(one.p or 1 for one in found) < 0.05
        corrected += min(one.p or 1 for one in statistics.together(found)) < 0.05
    assert corrected <= 28 < plain  # 7 %, three deviations above 4 %


def test_there_is_no_verdict_on_few_seeds() -> None:
    first, second = [0.993, 0.994, 0.992, 0.993, 0.9935], [0.990, 0.9915, 0.989, 0.9905, 0.990]
    for n in range(1, statistics.FEWEST):
        words = statistics.told(statistics.paired(first[:n], second[:n]), "accuracy")
        assert "nothing about luck" in words
        assert f"{5 - n} more {'is' if n == 4 else 'are'} needed" in words
        assert not any(word in words for word in ("p =", "p <", "better", "more than"))
    words = statistics.told(statistics.paired(first, second), "accuracy")
    assert words.startswith("+0.290 points (95 % interval +0.")
    assert words.endswith("p < 0.001 in a paired t-test; better with 5 of 5 seeds): more than the luck of the seeds")
    assert statistics.told(statistics.paired(second, first), "accuracy").endswith(
        ": worse, by more than the luck of the seeds"
    )
    assert ": more than the luck" in statistics.told(statistics.paired(second, first), "loss")


def test_what_no_test_can_tell_is_no_verdict() -> None:
    same = statistics.paired([0.99] * 6, [0.99] * 6)
    assert statistics.told(same, "accuracy").endswith("better with 0 of 6 seeds, as good with 6): no difference")
    shifted = statistics.paired([0.99, 0.98, 0.97, 0.96, 0.95], [0.98, 0.97, 0.96, 0.95, 0.94])
    assert statistics.told(shifted, "accuracy").endswith("which no test can judge")
    luck = statistics.together([comparison(0.04), comparison(0.5)])[0]
    assert "p = 0.08 in a paired t-test, corrected by Holm's method for 2 comparisons" in statistics.told(luck, "loss")
    assert "may be luck" in statistics.told(luck, "loss")


def test_seeds_without_a_score_are_counted() -> None:
    assert statistics.described([0.99, math.nan], "accuracy") == "99.00% (one seed); 1 without a score"
    assert statistics.described([math.nan], "accuracy") == "no score; 1 without a score"
