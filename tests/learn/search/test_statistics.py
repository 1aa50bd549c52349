import math

import pytest
from scipy import stats

from tenfold.learn.search import statistics


def test_a_summary_by_hand() -> None:
    # Mean 3, deviation √2.5, half the interval 2.776445 · √2.5 / √5.
    found = statistics.summary([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.n, found.mean) == (5, 3.0)
    assert found.deviation == pytest.approx(1.5811388)
    assert (found.low, found.high) == pytest.approx((1.0367568, 4.9632432))
    assert statistics.summary([0.5]) == statistics.Summary(1, 0.5, 0.0, None, None)
    alike = statistics.summary([0.1, 0.1, 0.1])
    assert (alike.deviation, alike.low, alike.high) == (0.0, alike.mean, alike.mean)
    assert math.isnan(statistics.summary([1.0, math.nan]).mean)
    with pytest.raises(ValueError, match="nothing"):
        statistics.summary([])


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
    assert (one.p, one.low, one.wins) == (None, None, 1)
    assert statistics.paired([0.99, 0.98], [0.99, 0.98]).ties == 2
    with pytest.raises(ValueError, match="argument"):
        statistics.paired([1.0, 2.0], [1.0])


def test_seeds_without_a_score_are_counted() -> None:
    assert statistics.described([0.99, math.nan], "accuracy") == "99.00% (one seed); 1 without a score"
    assert statistics.described([math.nan], "accuracy") == "no score; 1 without a score"
