"""Estimate the criticality of a layer over seeds: its mean, the interval of the mean, and the class of the layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy import stats

from reproof.declarations.layer_classes import Thresholds


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Mean criticality of a layer over seeds, with its interval and its class.

    `named` is the class of the mean ("" without seeds). `settled` is true if the whole interval [`low`, `high`] lies in
    this class. A single seed has no interval (NaN), so its class is not settled.
    """

    mean: float
    low: float
    high: float
    seeds: int
    named: str
    settled: bool


def estimate(values: Sequence[float], *, thresholds: Thresholds, confidence: float = 0.95) -> Estimate:
    """Return the estimate of one layer, with the interval of Student's t distribution.

    `values` has one criticality per seed; NaN is left out. `confidence` is a share in (0, 1).
    """
    # The criticality of a network that is no better than chance is NaN: it has nothing to lose.
    found = np.array([value for value in values if np.isfinite(value)])
    mean = float(found.mean()) if found.size else nan
    half = _compute_half_width(found, confidence)
    low, high = mean - half, mean + half
    named = thresholds.classify(mean) if found.size else ""
    # `classify(nan)` is "between", as every comparison with NaN is false. A missing interval is excluded explicitly.
    settled = bool(named) and thresholds.classify(low) == thresholds.classify(high) == named and not np.isnan(half)
    return Estimate(mean=mean, low=low, high=high, seeds=int(found.size), named=named, settled=settled)


def _compute_half_width(values: "np.typing.NDArray[np.float64]", confidence: float) -> float:
    """Return half the width of the t interval of the mean of values float64 [seeds]; NaN for fewer than two."""
    if values.size < 2:
        return nan
    # With three to five seeds the normal quantile (1.96) is far too small: t is 4.3 for three and 2.8 for five.
    quantile = float(stats.t.ppf((1 + confidence) / 2, values.size - 1))
    # ddof=1: numpy's default divides by n and underestimates the spread of few seeds.
    return quantile * float(np.std(values, ddof=1)) / sqrt(values.size)
