"""The judges: each estimates an effect and its interval from one number or one curve per seed.

A judge is a small function marked `@judge`. It returns an Estimate, whose `band` gives the interval for any number of
seeds. The number of seeds at hand gives the interval that is reported. Greater numbers show how many seeds would settle
the claim. An interval covers the chance in seeds (initial weights, order of the data) on one fixed test set.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reproof.judging.rows import Unmeasured
from reproof.judging.select import Array, Side

# (number of seeds, confidence) -> (low, high).
Band = Callable[[int, float], tuple[float, float]]
NO_BAND = (float("nan"), float("nan"))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An effect from `n` seeds, in the units of the measurements (or as a share, a ratio or a correlation).

    `band(n, confidence)` is the interval of `n` seeds with this effect and spread, NaN where there is none. `interval`
    names the kind of interval. `exact` is true if chance plays no part.
    """

    effect: float
    n: int
    interval: str
    band: Band
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A registered judge: the function `weigh`, with what it needs.

    `sides` is how many sides it reads (1 or 2), `reads` what it reads of each seed ("number" or "curve"). `neutral` is
    the effect of two equal sides, or of no trend; None for a single value.
    """

    weigh: Callable[..., Estimate]
    sides: int
    reads: str
    neutral: float | None


JUDGES: dict[str, Judge] = {}


def judge(
    *, sides: int, reads: str, neutral: float | None
) -> Callable[[Callable[..., Estimate]], Callable[..., Estimate]]:
    """Return a decorator that registers a function as a judge under its own name."""

    def register(weigh: Callable[..., Estimate]) -> Callable[..., Estimate]:
        JUDGES[weigh.__name__] = Judge(weigh=weigh, sides=sides, reads=reads, neutral=neutral)
        return weigh

    return register


@judge(sides=1, reads="number", neutral=None)
def mean(of: Side) -> Estimate:
    """Return the mean over seeds, with Student's t interval."""
    return _estimate_mean(of.values, grain=of.step)


@judge(sides=1, reads="number", neutral=None)
def spread(of: Side) -> Estimate:
    """Return the standard deviation over seeds, with the interval of Bonett (2006) for values that are not normal.

    The interval needs five seeds. It follows from the kurtosis about a trimmed mean. The chi-squared law would make it
    too narrow for skewed values.
    """
    n, deviation = len(of.values), float(np.std(of.values, ddof=1)) if len(of.values) > 1 else float("nan")
    squares = float(np.square(of.values - np.mean(of.values)).sum())
    centre = stats.trim_mean(of.values, 0.5 / np.sqrt(n - 4)) if n > 4 else float("nan")
    kurtosis = n * float(np.power(of.values - centre, 4).sum()) / squares**2 if squares else float("nan")

    def band(n: int, confidence: float) -> tuple[float, float]:
        if n < 5 or np.isnan(kurtosis):
            return NO_BAND
        z = stats.norm.ppf((1 + confidence) / 2)
        small = n / (n - z)
        half = z * small * np.sqrt((kurtosis - (n - 3) / n) / (n - 1))
        return float(np.sqrt(small * np.exp(-half)) * deviation), float(np.sqrt(small * np.exp(half)) * deviation)

    return Estimate(effect=deviation, n=n, interval="Bonett over seeds", band=band)


@judge(sides=2, reads="number", neutral=0.0)
def paired_difference(of: Side, against: Side) -> Estimate:
    """Return the mean over seeds of `of` less `against`, with Student's t interval.


    With `equal_within`, the claim agrees if the interval lies inside the expected range. This is the procedure of two
    one-sided tests, at 2.5 % each (Schuirmann 1987).
    """
    # Paired by seed: both sides share initial weights and order of the data, so their common chance cancels out. The
    # rounding errors of the two sides are independent and add in quadrature.
    return _estimate_mean(of.values - against.values, grain=np.hypot(of.step, against.step))


@judge(sides=2, reads="number", neutral=1.0)
def paired_ratio(of: Side, against: Side) -> Estimate:
    """Return the geometric mean over seeds of `of` / `against`, with Student's t interval of the logarithms.

    Raises Unmeasured if a value is not positive.
    """
    if (of.values <= 0).any() or (against.values <= 0).any():
        raise Unmeasured("a value is zero or negative, so that no ratio can be formed")
    # A small error dx of x is an error dx / x of its logarithm.
    grain = np.hypot(of.step / of.values, against.step / against.values)
    # Ratios are skewed: 2 and 1/2 cancel out as logarithms, but their mean is 1.25.
    logs = _estimate_mean(np.log(of.values / against.values), grain=grain)

    def band(n: int, confidence: float) -> tuple[float, float]:
        low, high = logs.band(n, confidence)
        return float(np.exp(low)), float(np.exp(high))

    kind = logs.interval.replace("Student t", "Student t of logarithms")
    return Estimate(effect=float(np.exp(logs.effect)), n=logs.n, interval=kind, band=band)


@judge(sides=2, reads="number", neutral=0.5)
def share_of_seeds(of: Side, against: Side) -> Estimate:
    """Return the share of seeds with `of` above `against` (sign test), with the interval of Clopper and Pearson (1934).

    Seeds with equal values are left out of the share and of `n`.
    """
    above, below = int((of.values > against.values).sum()), int((of.values < against.values).sum())
    n = above + below
    # Without any difference the sign test has no data. 0.5 favours neither side, and n = 0 leaves the claim open.
    share = above / n if n else 0.5

    def band(n: int, confidence: float) -> tuple[float, float]:
        if n < 2:
            return NO_BAND
        # For a number of seeds that was not run, the same share of them is above.
        found = stats.binomtest(round(share * n), n).proportion_ci(confidence, method="exact")
        return float(found.low), float(found.high)

    return Estimate(effect=share, n=n, interval="Clopper-Pearson over seeds", band=band)


@judge(sides=1, reads="curve", neutral=0.0)
def trend(of: Side) -> Estimate:
    """Return the mean over seeds of Spearman's correlation between a curve's values and its points."""
    return _estimate_rank_correlation(of.values, np.broadcast_to(of.points, of.values.shape))


@judge(sides=2, reads="curve", neutral=0.0)
def rank_correlation(of: Side, against: Side) -> Estimate:
    """Return the mean over seeds of Spearman's correlation between two curves over the same points.

    Raises Unmeasured if the curves differ in length.
    """
    if of.values.shape != against.values.shape:
        raise Unmeasured("the two sides are not measured at the same levels")
    return _estimate_rank_correlation(of.values, against.values)


@judge(sides=2, reads="number", neutral=0.0)
def identical(of: Side, against: Side) -> Estimate:
    """Return the greatest absolute difference over seeds: 0 for an exact identity, which one seed can refute."""
    # An identity holds for every seed or not at all: a mean would hide one seed that breaks it.
    worst = float(np.abs(of.values - against.values).max())
    return Estimate(
        effect=worst, n=len(of.values), interval="exact", band=lambda n, confidence: (worst, worst), exact=True
    )


def _estimate_mean(values: Array, *, grain: Array) -> Estimate:
    """Return the mean of numbers [seeds], with Student's t interval.

    Equal values do not show that chance is absent, only that it is finer than the measurement. Their spread is then
    that of numbers rounded to `grain` [seeds], the step of the measurement: grain / sqrt(12).
    """
    n, centre = len(values), float(np.mean(values))
    # ddof=1 estimates the spread of all possible seeds from these few.
    spread = float(np.std(values, ddof=1)) if n > 1 else float("nan")
    # A mean of equal numbers may differ from them in its last bits, hence the tolerance.
    all_equal = n > 1 and spread <= 1e-9 * max(1.0, abs(centre))
    # A rounding error is uniform over the width of a step, and that has variance step^2 / 12.
    spread = float(np.sqrt(np.mean(grain**2) / 12)) if all_equal else spread

    def band(n: int, confidence: float) -> tuple[float, float]:
        if np.isnan(spread):
            return NO_BAND
        # The t quantile allows for the spread being estimated: 4.3 for three seeds, against 1.96 of the normal.
        half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * spread / np.sqrt(n))
        return centre - half, centre + half

    return Estimate(effect=centre, n=n, interval=_name_interval(all_equal, spread), band=band)


def _name_interval(all_equal: bool, spread: float) -> str:
    if not all_equal:
        return "Student t over seeds"
    return "none: all seeds equal" if np.isnan(spread) else "Student t over seeds, all equal: spread of rounding"


def _estimate_rank_correlation(values: Array, others: Array) -> Estimate:
    """Return the mean Spearman correlation of paired curves [seeds, points]; raise Unmeasured below three points.

    Its interval is the wider of Student's t over seeds and mean +- z / sqrt(seeds x (points - 1)). The latter excludes
    0 exactly when Page's test for a trend (1963) rejects chance, and it keeps its width when all seeds agree.
    """
    if values.ndim < 2 or values.shape[1] < 3:
        raise Unmeasured("a trend needs at least three levels")
    correlations = np.array([_compute_spearman(value, other) for value, other in zip(values, others, strict=True)])
    # Grain 0: if all seeds agree, Student's interval has no width, and the other one takes its place.
    student = _estimate_mean(correlations, grain=np.zeros_like(correlations))

    def band(n: int, confidence: float) -> tuple[float, float]:
        if n < 2:
            return NO_BAND
        low, high = student.band(n, confidence)
        # By chance, the rank correlation of k points has mean 0 and variance 1 / (k - 1).
        half = max((high - low) / 2, stats.norm.ppf((1 + confidence) / 2) / np.sqrt(n * (values.shape[1] - 1)))
        # No correlation lies outside [-1, 1].
        return max(-1.0, student.effect - half), min(1.0, student.effect + half)

    kind = "wider of Student t over seeds and Page's test"
    return Estimate(effect=student.effect, n=student.n, interval=kind, band=band)


def _compute_spearman(values: Array, others: Array) -> float:
    """Return Spearman's correlation of two curves [points], 0 if either is constant, as ranks are then undefined."""
    # scipy returns NaN, which would drop the seed. A curve that does not move at all is evidence of no trend.
    if np.ptp(values) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(stats.spearmanr(values, others).statistic)
