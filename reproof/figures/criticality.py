"""The criticality of a layer over seeds: its mean, the interval of that, and the class of the layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy import stats

from reproof.declarations.layer_classes import Thresholds


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
    named = thresholds.classify(mean) if found.size else ""
    settled = bool(named) and thresholds.classify(low) == thresholds.classify(high) == named and not np.isnan(half)
    return Estimate(mean=mean, low=low, high=high, seeds=int(found.size), named=named, settled=settled)


def _half_width(values: "np.typing.NDArray[np.float64]", confidence: float) -> float:
    if values.size < 2:
        return nan
    quantile = float(stats.t.ppf((1 + confidence) / 2, values.size - 1))
    return quantile * float(np.std(values, ddof=1)) / sqrt(values.size)
