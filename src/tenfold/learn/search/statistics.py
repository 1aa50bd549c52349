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
class Comparison(Summary):
    """The differences, first minus second, of scores that belong together in pairs; `p` is the paired t-test's.

    `wins` counts the pairs whose first is the higher. `p` is None for a single pair, and where all pairs differ alike.
    """

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


def described(values: Sequence[float], what: str) -> str:
    """Scores in words: mean ± deviation, their number, and the 95 % interval of the mean; `what` as for `written`."""
    n = sum(map(math.isfinite, values))
    words = brief(values, what)
    if n == 1:
        words += " (one seed)"
    elif n:
        words += f" (n = {n}), 95 % interval of the mean {interval(values, what)}"
    return words + (f"; {len(values) - n} without a score" if n < len(values) else "")


def brief(values: Sequence[float], what: str) -> str:
    """Mean ± deviation of the scores that are numbers."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "no score"
    mean = summary(finite)
    places = decimals(mean.deviation, what)
    deviation = f" ± {written(mean.deviation, what, places).lstrip('+')}" if mean.n > 1 else ""
    return f"{written(mean.mean, what, places)}{deviation}"


def interval(values: Sequence[float], what: str) -> str:
    """The 95 % interval of the mean of the scores that are numbers; nothing for less than two."""
    finite = [value for value in values if math.isfinite(value)]
    mean = summary(finite) if finite else None
    if mean is None or mean.low is None or mean.high is None:
        return ""
    places = decimals(mean.deviation, what)
    return f"{written(mean.low, what, places)} to {written(mean.high, what, places)}"


def written(value: float, what: str, places: int | None = None) -> str:
    """A score in words: accuracies in per cent, differences with their sign, others as they are.

    `what` says which it is: "validation accuracy", "loss", "difference in points", "difference in loss" or the like.
    """
    places = decimals(0.0, what) if places is None else places
    if "accuracy" in what:
        return f"{value:.{places}%}"
    sign = "+" if what.startswith("difference") else ""
    return f"{value:{sign},.{places}f}" if not math.isfinite(value) or abs(value) < 1e6 else f"{value:{sign}.3g}"


def decimals(deviation: float, what: str) -> int:
    """How many decimals show two digits of a deviation: 2 or more of per cent and of points, 4 or more of others."""
    percent = "accuracy" in what
    least = 2 if percent or "points" in what else 4
    if not deviation > 0 or not math.isfinite(deviation):
        return least
    shown = float(f"{deviation * (100 if percent else 1):.1e}")
    return min(6, max(least, 1 - math.floor(math.log10(shown))))
