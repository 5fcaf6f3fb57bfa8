"""The judges: each tells, from one number or curve per seed, how large an effect is and how far chance reaches.

A judge is a small function marked `@judge`. It returns an Estimate, whose `band` gives the interval that any number of
seeds would have: with the seeds there are, the interval reported; with more, it says how many would settle the claim.
What an interval allows for is the chance in seeds (initial weights, order of the data), on the test set as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reproof.judging.ladder import Unmeasured
from reproof.judging.select import Array, Side

Band = Callable[[int, float], tuple[float, float]]
NO_BAND = (float("nan"), float("nan"))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An effect from `n` seeds. `band(n, confidence)` is the interval of `n` such seeds, NaN where there is none.

    `interval` names the kind of interval in words, `exact` says that no chance is involved.
    """

    effect: float
    n: int
    interval: str
    band: Band
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A registered judge: how many `sides` it compares, whether it `reads` a "number" or a "curve" per seed, and which
    effect is `neutral` (None: a single value has none)."""

    weigh: Callable[..., Estimate]
    sides: int
    reads: str
    neutral: float | None


JUDGES: dict[str, Judge] = {}


def judge(
    *, sides: int, reads: str, neutral: float | None
) -> Callable[[Callable[..., Estimate]], Callable[..., Estimate]]:
    """Register the decorated function as a judge under its own name."""

    def register(weigh: Callable[..., Estimate]) -> Callable[..., Estimate]:
        JUDGES[weigh.__name__] = Judge(weigh=weigh, sides=sides, reads=reads, neutral=neutral)
        return weigh

    return register


@judge(sides=1, reads="number", neutral=None)
def mean(of: Side) -> Estimate:
    """The mean over seeds, with Student's t interval."""
    return _student(of.values, grain=of.step)


@judge(sides=2, reads="number", neutral=0.0)
def paired_difference(of: Side, against: Side) -> Estimate:
    """The mean over seeds of `of` less `against`, with Student's t interval.

    With `equal_within` this is Schuirmann's two one-sided tests (1987), each at 2.5 %: the interval inside the band.
    """
    return _student(of.values - against.values, grain=np.hypot(of.step, against.step))


@judge(sides=2, reads="number", neutral=1.0)
def paired_ratio(of: Side, against: Side) -> Estimate:
    """The geometric mean over seeds of `of` / `against`, with Student's t interval of the logarithms."""
    if (of.values <= 0).any() or (against.values <= 0).any():
        raise Unmeasured("a value is zero or negative, so that no ratio can be formed")
    grain = np.hypot(of.step / of.values, against.step / against.values)
    logs = _student(np.log(of.values / against.values), grain=grain)

    def band(n: int, confidence: float) -> tuple[float, float]:
        low, high = logs.band(n, confidence)
        return float(np.exp(low)), float(np.exp(high))

    kind = logs.interval.replace("Student t", "Student t of logarithms")
    return Estimate(effect=float(np.exp(logs.effect)), n=logs.n, interval=kind, band=band)


@judge(sides=2, reads="number", neutral=0.5)
def share_of_seeds(of: Side, against: Side) -> Estimate:
    """The share of seeds with `of` above `against`, ties left out, with Clopper and Pearson's interval (sign test)."""
    above, below = int((of.values > against.values).sum()), int((of.values < against.values).sum())
    n = above + below
    share = above / n if n else 0.5

    def band(n: int, confidence: float) -> tuple[float, float]:
        if n < 2:
            return NO_BAND
        found = stats.binomtest(round(share * n), n).proportion_ci(confidence, method="exact")
        return float(found.low), float(found.high)

    return Estimate(effect=share, n=n, interval="Clopper-Pearson over seeds", band=band)


@judge(sides=1, reads="curve", neutral=0.0)
def trend(of: Side) -> Estimate:
    """The mean over seeds of Spearman's correlation between a curve's values and its points (1: rises throughout)."""
    return _mean_rank_correlation(of.values, np.broadcast_to(of.points, of.values.shape))


@judge(sides=2, reads="curve", neutral=0.0)
def rank_correlation(of: Side, against: Side) -> Estimate:
    """The mean over seeds of Spearman's correlation between two curves over the same points."""
    if of.values.shape != against.values.shape:
        raise Unmeasured("the two sides are not measured at the same levels")
    return _mean_rank_correlation(of.values, against.values)


@judge(sides=2, reads="number", neutral=0.0)
def identical(of: Side, against: Side) -> Estimate:
    """The greatest absolute difference over seeds: 0 for an exact identity, which one counterexample refutes."""
    worst = float(np.abs(of.values - against.values).max())
    return Estimate(
        effect=worst, n=len(of.values), interval="exact", band=lambda n, confidence: (worst, worst), exact=True
    )


def _student(values: Array, *, grain: Array) -> Estimate:
    """Mean and t interval of [seeds] numbers.

    Seeds that all agree do not show that chance is absent, only that it is finer than the measurement: their spread is
    then taken as that of numbers rounded to `grain`, the step of the measurement, which is grain / sqrt(12).
    """
    n, centre = len(values), float(np.mean(values))
    spread = float(np.std(values, ddof=1)) if n > 1 else float("nan")
    alike = n > 1 and spread <= 1e-9 * max(1.0, abs(centre))
    spread = float(np.sqrt(np.mean(grain**2) / 12)) if alike else spread

    def band(n: int, confidence: float) -> tuple[float, float]:
        if np.isnan(spread):
            return NO_BAND
        half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * spread / np.sqrt(n))
        return centre - half, centre + half

    return Estimate(effect=centre, n=n, interval=_kind(alike, spread), band=band)


def _kind(alike: bool, spread: float) -> str:
    if not alike:
        return "Student t over seeds"
    return "none: all seeds equal" if np.isnan(spread) else "Student t over seeds, all equal: spread of rounding"


def _mean_rank_correlation(values: Array, others: Array) -> Estimate:
    """Mean Spearman correlation of paired curves [seeds, points].

    Its interval is the wider of Student's t over seeds and mean +- z / sqrt(seeds x (points - 1)). The latter excludes
    0 exactly when Page's test for a trend (1963) rejects chance, and does not vanish when all seeds agree.
    """
    if values.ndim < 2 or values.shape[1] < 3:
        raise Unmeasured("a trend needs at least three levels")
    each = np.array([_spearman(value, other) for value, other in zip(values, others, strict=True)])
    student = _student(each, grain=np.zeros_like(each))

    def band(n: int, confidence: float) -> tuple[float, float]:
        low, high = student.band(n, confidence)
        half = max((high - low) / 2, stats.norm.ppf((1 + confidence) / 2) / np.sqrt(n * (values.shape[1] - 1)))
        return max(-1.0, student.effect - half), min(1.0, student.effect + half)

    kind = "wider of Student t over seeds and Page's test"
    return Estimate(
        effect=student.effect, n=student.n, interval=kind, band=lambda n, c: band(n, c) if n > 1 else NO_BAND
    )


def _spearman(values: Array, others: Array) -> float:
    """Spearman's correlation, 0 if either side is constant: what does not change follows nothing."""
    if np.ptp(values) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(stats.spearmanr(values, others).statistic)
