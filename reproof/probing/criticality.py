"""Criticality: the share of its learnt accuracy that a network loses when a layer is reset to earlier values."""

from collections.abc import Iterable
from math import nan


def compute_criticality(*, trained: float, reset: float, chance: float) -> float:
    """Return the lost over the losable accuracy: 0 for no loss, 1 for a fall to chance.

    trained, reset: accuracies, shares in [0, 1]. chance: the accuracy of random guessing, 1 / classes. The result is
    negative if the reset network is better, and NaN if the trained one is no better than chance.
    """
    # Relative to chance: networks and tasks of different accuracy become comparable.
    return (trained - reset) / (trained - chance) if trained > chance else nan


def count_reaching(values: Iterable[float], thresholds: Iterable[float]) -> list[int]:
    """Return, for each threshold, the number of values that reach it. NaN reaches none."""
    found = list(values)
    # A comparison with NaN is false.
    return [sum(value >= threshold for value in found) for threshold in thresholds]
