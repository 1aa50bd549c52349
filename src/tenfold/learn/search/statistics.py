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
FEWEST = 5  # seeds to say anything by: of fewer, a normal distribution is an article of faith
FRACTION = (0.0, 1.0)  # the ends of accuracies

# Scores are fractions of digits or losses: what differs by less than this share of them differs by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Summary:
    """Some scores: their number, mean, sample standard deviation, and the 95 % interval of the mean.

    One score has neither deviation nor interval. A score that is no finite number makes mean and deviation NaN.
    """

    n: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison(Summary):
    """The differences, first minus second, of scores that belong together in pairs; `p` is the paired t-test's.

    `wins` counts the pairs whose first is the higher. `p` is None for a single pair, and where all pairs differ alike.
    Of several `comparisons` made together it is corrected by Holm's method; the interval is of this one alone.
    """

    p: float | None
    wins: int
    ties: int
    losses: int
    comparisons: int = 1


def summary(values: Sequence[float], ends: tuple[float, float] | None = None) -> Summary:
    """Mean, sample deviation and the 95 % interval of the mean. Raises ValueError when there are no values.

    `ends` are those of the scale, `FRACTION` for accuracies, which the interval does not leave; see `_interval`.
    """
    if not values:
        raise ValueError("there is nothing to summarise")
    n = len(values)
    if not all(map(math.isfinite, values)):
        return Summary(n, math.nan, math.nan, None, None)
    mean = fmean(values)
    if n == 1:
        return Summary(1, mean, None, None, None)
    if _alike(values, values):
        return Summary(n, mean, 0.0, mean, mean)
    deviation = stdev(values)
    return Summary(n, mean, deviation, *_interval(mean, deviation / math.sqrt(n), n, ends))


def paired(first: Sequence[float], second: Sequence[float], ends: tuple[float, float] | None = None) -> Comparison:
    """First minus second, pair by pair: the k-th of both come from the same seed, hence the same digits.

    The p-value is of the two-sided t-test of the differences (Student 1908), the chance of a mean difference as far
    from 0 as this when there is none. It needs nothing of either side alone, only that the differences are independent
    of each other and about normal. `ends` are those of the scores' scale. Raises ValueError when the numbers of scores
    differ, or there are none.
    """
    from scipy import stats

    differences = [a - b for a, b in zip(first, second, strict=True)]
    if not differences:
        raise ValueError("there is nothing to compare")
    scores = (*first, *second)
    scale = _ROUNDING * max(map(abs, scores))
    total, p = summary(differences, None if ends is None else (ends[0] - ends[1], ends[1] - ends[0])), None
    if total.n > 1 and _alike(differences, scores):
        total = replace(total, deviation=0.0, low=total.mean, high=total.mean)
    elif total.n > 1 and math.isfinite(total.mean):
        p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    wins, losses = sum(d > scale for d in differences), sum(d < -scale for d in differences)
    return Comparison(**asdict(total), p=p, wins=wins, ties=total.n - wins - losses, losses=losses)


def together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons of which the best will be chosen, with p-values that allow for that there are several.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979: the least of k
    p-values counts k times, the next k - 1 times, and none less than one before it. The chance to take luck for a
    difference, be it once, is then 5 % for all of them together. A comparison without a p-value counts as the largest.
    """
    order = sorted(range(len(comparisons)), key=lambda k: 1.0 if (p := comparisons[k].p) is None else p)
    found, least = list(comparisons), 0.0
    for rank, k in enumerate(order):
        p = found[k].p
        if p is not None:
            p = least = min(1.0, max(least, (len(order) - rank) * p))
        found[k] = replace(found[k], p=p, comparisons=len(order))
    return found


def _interval(mean: float, error: float, n: int, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Student's interval of a mean of n values with this standard error, inside the ends of their scale.

    Of accuracies it is taken on the scale of log-odds (the delta method: an error e of the mean m is one of
    e / (m (1 - m)) there) and brought back. So it cannot leave 0 to 1, and near 1 it reaches farther down than up, as
    accuracies do: an error rate of 0.5 % may be a double one, but none below 0. In the middle both are the same.
    Other scales, of differences, are cut at their ends, beyond which there is nothing to hold.
    """
    from scipy import special, stats

    low, high = map(float, stats.t.interval(LEVEL, n - 1, mean, error))
    if ends == FRACTION and 0 < mean < 1:
        reach, middle = (high - mean) / (mean * (1 - mean)), special.logit(mean)
        return float(special.expit(middle - reach)), float(special.expit(middle + reach))
    return (low, high) if ends is None else (max(low, ends[0]), min(high, ends[1]))


def _alike(values: Sequence[float], scores: Sequence[float]) -> bool:
    """Whether values differ by the rounding of the scores they come from, if at all."""
    return max(values) - min(values) <= _ROUNDING * max(map(abs, scores))


def told(found: Comparison, objective: str) -> str:
    """A comparison in words: the difference, how sure it is, and whether it is more than luck; "accuracy" or "loss".

    There is no verdict on fewer than `FEWEST` seeds, but how many more it takes.
    """
    accuracy = "accuracy" in objective
    factor, what = (100.0, "difference in points") if accuracy else (1.0, "difference in loss")
    places = decimals((found.deviation or 0.0) * factor, what)
    mean, low, high = (
        "" if x is None else written(x * factor, what, places) for x in (found.mean, found.low, found.high)
    )
    mean += " points" if accuracy else ""
    if found.n < FEWEST:
        return f"{mean}; {few(found.n)}"
    counts = f"better with {found.wins if accuracy else found.losses} of {found.n} seeds"
    counts += f", as good with {found.ties}" if found.ties else ""
    return f"{mean} (95 % interval {low} to {high}{_test(found)}; {counts}): {_luck(found, accuracy)}"


def few(n: int) -> str:
    """That n seeds are too few, and how many more it takes; nothing where they are enough."""
    seeds = "one seed tells" if n == 1 else f"{n} seeds tell"
    more = FEWEST - n
    return f"{seeds} nothing about luck: {more} more {'is' if more == 1 else 'are'} needed" if more > 0 else ""


def _test(found: Comparison) -> str:
    if found.p is None:
        return ""
    many = f", corrected by Holm's method for {found.comparisons} comparisons" if found.comparisons > 1 else ""
    return f", {chance(found.p)} in a paired t-test{many}"


def _luck(found: Comparison, higher: bool) -> str:
    if found.p is None:
        return "no difference" if found.ties == found.n else "the same with every seed, which no test can judge"
    if found.p >= 1 - LEVEL:
        return "that may be luck, more seeds would tell"
    return f"{'' if (found.mean > 0) == higher else 'worse, by '}more than the luck of the seeds"


def chance(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


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
    mean = summary(finite, ends_of(what))
    places = decimals(mean.deviation or 0.0, what)
    deviation = "" if mean.deviation is None else f" ± {written(mean.deviation, what, places).lstrip('+')}"
    return f"{written(mean.mean, what, places)}{deviation}"


def interval(values: Sequence[float], what: str) -> str:
    """The 95 % interval of the mean of the scores that are numbers; nothing for less than two."""
    finite = [value for value in values if math.isfinite(value)]
    mean = summary(finite, ends_of(what)) if finite else None
    if mean is None or mean.low is None or mean.high is None:
        return ""
    places = decimals(mean.deviation or 0.0, what)
    return f"{written(mean.low, what, places)} to {written(mean.high, what, places)}"


def ends_of(what: str) -> tuple[float, float] | None:
    """The ends of a scale, as `summary` takes them: of accuracies, of their differences in points; losses have none."""
    return FRACTION if "accuracy" in what else (-100.0, 100.0) if "points" in what else None


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
