"""Define a row of the table and compute it from repeats.

Times of two sides are taken alternately and divided pair by pair; the row holds the median of the ratios. A load of the
machine that changes slowly then cancels.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One measured quantity.

    `value` is a median; `low` and `high` are the lowest and highest repeat (NaN for a single one). `unit` may state a
    bound ("s, at most 3"). A row of a curve also has the labels of its axes (`curve` for y, `axis` for x), the name of
    its line and its x value (`at`).
    """

    quantity: str
    value: float
    unit: str
    low: float = math.nan
    high: float = math.nan
    curve: str = ""
    line: str = ""
    axis: str = ""
    at: float = math.nan


def summarise_repeats(quantity: str, values: Sequence[float], unit: str, **place: object) -> Row:
    """Return a row with the median, the lowest and the highest repeat."""
    return Row(quantity, statistics.median(values), unit, min(values), max(values), **place)  # type: ignore[arg-type]


def compute_ratio(
    quantity: str, ours: Sequence[float], others: Sequence[float], unit: str = "ratio", **place: object
) -> Row:
    """Return a row with the ratio of times taken alternately; raise ValueError if their numbers differ."""
    # Divided pair by pair, then the median: each pair saw the same load.
    return summarise_repeats(quantity, [one / other for one, other in zip(ours, others, strict=True)], unit, **place)


def compute_rate(quantity: str, seconds: Sequence[float], unit: str, *, count: float = 1) -> Row:
    """Return a row with a rate per second; each repeat did `count` units of work in these seconds."""
    return summarise_repeats(quantity, [count / one for one in seconds], unit)


def measure_cpu_seconds(work: Callable[[], object], count: int = 1) -> float:
    """Return the processor seconds of one call, the mean of `count` calls."""
    # Processor time, not wall time: other processes of a shared machine do not count.
    began = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - began) / count
