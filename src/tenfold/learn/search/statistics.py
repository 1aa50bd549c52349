"""What a few seeds can tell: means with the interval they leave open, and whether one recipe beats another.

Seeds are few, so the intervals are Student's: "The probable error of a mean", Biometrika 6, 1908. They take the scores
of one recipe (or their differences) to be independent draws from about a normal distribution. Scores over seeds are
near enough to that; what the intervals do not hold is how another validation set would have scored.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev

LEVEL = 0.95  # of every interval

# Scores are fractions of digits or losses: what differs by less than this share of them differs by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Summary:
    """Some scores: their number, mean, sample standard deviation, and the 95 % interval of the mean.

    One score has deviation 0 and no interval. A score that is no finite number makes mean and deviation NaN.
    """

    n: int
    mean: float
    deviation: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """The differences, first minus second, of scores that belong together in pairs; `p` is the paired t-test's.

    `wins` counts the pairs whose first is the higher. `p` is None for a single pair, and where all pairs differ alike.
    """

    n: int
    mean: float
    deviation: float
    low: float | None
    high: float | None
    p: float | None
    wins: int
    ties: int
    losses: int


def summary(values: Sequence[float]) -> Summary:
    """Mean, sample deviation and the 95 % interval of the mean. Raises ValueError when there are no values."""
    from scipy import stats

    if not values:
        raise ValueError("there is nothing to summarise")
    n = len(values)
    if not all(map(math.isfinite, values)):
        return Summary(n, math.nan, math.nan, None, None)
    mean = fmean(values)
    if n == 1:
        return Summary(1, mean, 0.0, None, None)
    if _alike(values, values):
        return Summary(n, mean, 0.0, mean, mean)
    deviation = stdev(values)
    low, high = map(float, stats.t.interval(LEVEL, n - 1, mean, deviation / math.sqrt(n)))
    return Summary(n, mean, deviation, low, high)


def paired(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """First minus second, pair by pair: the k-th of both come from the same seed, hence the same digits.

    The p-value is of the two-sided t-test of the differences (Student 1908), the chance of a mean difference as far
    from 0 as this when there is none. It needs nothing of either side alone, only that the differences are independent
    of each other and about normal. Raises ValueError when the numbers of scores differ, or there are none.
    """
    from scipy import stats

    differences = [a - b for a, b in zip(first, second, strict=True)]
    if not differences:
        raise ValueError("there is nothing to compare")
    scores = (*first, *second)
    scale = _ROUNDING * max(map(abs, scores))
    total, p = summary(differences), None
    if total.n > 1 and _alike(differences, scores):
        total = replace(total, deviation=0.0, low=total.mean, high=total.mean)
    elif total.n > 1 and math.isfinite(total.mean):
        p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    wins, losses = sum(d > scale for d in differences), sum(d < -scale for d in differences)
    return Comparison(**asdict(total), p=p, wins=wins, ties=total.n - wins - losses, losses=losses)


def _alike(values: Sequence[float], scores: Sequence[float]) -> bool:
    """Whether values differ by the rounding of the scores they come from, if at all."""
    return max(values) - min(values) <= _ROUNDING * max(map(abs, scores))
