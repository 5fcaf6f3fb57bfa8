"""Criticality: how much of what a network has learnt is lost when a layer is put back to earlier values."""

from collections.abc import Iterable
from math import nan


def compute_criticality(*, trained: float, reset: float, chance: float) -> float:
    """Return the accuracy lost over the accuracy that can be lost: 0 for no loss, 1 for a fall to chance.

    `chance` is the accuracy of random guessing, 1 / classes. Below 0 the reset network is the better one; NaN for a
    network no better than chance, which has nothing to lose.
    """
    return (trained - reset) / (trained - chance) if trained > chance else nan


def count_reaching(values: Iterable[float], thresholds: Iterable[float]) -> list[int]:
    """Return, for each threshold, how many of a network's layers are at least so critical."""
    found = list(values)
    return [sum(value >= threshold for value in found) for threshold in thresholds]
