"""Criticality: how much of what a network has learnt is lost when a layer is put back, and when that is critical.

Zhang, Bengio & Singer name layers "ambient" (no or negligible loss) and "critical" (near random guessing) and give no
threshold in any source at hand; here both are settings, in shares of what there is to lose.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy import stats

AMBIENT, CRITICAL, BETWEEN = "ambient", "critical", "between"


def criticality(*, trained: float, reset: float, chance: float) -> float:
    """Return the accuracy lost over the accuracy that can be lost: 0 for no loss, 1 for a fall to chance.

    `chance` is the accuracy of random guessing, 1 / classes. Below 0 the reset network is the better one; NaN for a
    network no better than chance, which has nothing to lose.
    """
    return (trained - reset) / (trained - chance) if trained > chance else nan


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Criticality up to which a layer is ambient, and from which on it is critical."""

    ambient: float
    critical: float

    def name(self, value: float) -> str:
        """Return "ambient", "critical" or, of what lies between the thresholds, "between"."""
        if value <= self.ambient:
            return AMBIENT
        return CRITICAL if value >= self.critical else BETWEEN


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Mean criticality of a layer over seeds with its interval, the class of the mean, and whether it is settled.

    It is settled if the whole interval is of that class; one seed has no interval (NaN) and settles nothing.
    """

    mean: float
    low: float
    high: float
    seeds: int
    named: str
    settled: bool


def estimate(values: Sequence[float], *, thresholds: Thresholds, confidence: float = 0.95) -> Estimate:
    """Return what seeds together say of one layer, with Student's t interval.

    `values` has one number a seed; those that are NaN are left out.
    """
    found = np.array([value for value in values if np.isfinite(value)])
    mean = float(found.mean()) if found.size else nan
    half = _half_width(found, confidence)
    low, high = mean - half, mean + half
    named = thresholds.name(mean) if found.size else ""
    settled = bool(named) and thresholds.name(low) == thresholds.name(high) == named and not np.isnan(half)
    return Estimate(mean=mean, low=low, high=high, seeds=int(found.size), named=named, settled=settled)


def counted(values: Iterable[float], thresholds: Iterable[float]) -> list[int]:
    """Return, for each threshold, how many of a network's layers are at least so critical."""
    found = list(values)
    return [sum(value >= threshold for value in found) for threshold in thresholds]


def _half_width(values: "np.typing.NDArray[np.float64]", confidence: float) -> float:
    if values.size < 2:
        return nan
    quantile = float(stats.t.ppf((1 + confidence) / 2, values.size - 1))
    return quantile * float(np.std(values, ddof=1)) / sqrt(values.size)
