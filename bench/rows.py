"""One row of the table, and how it comes from repeats: times taken in turn are divided, then the median is taken."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A quantity and its value: `low` and `high` of the repeats that it is the median of, and its place on a curve.

    `curve` names what is drawn, `line` one line of it, `at` the place on its `axis`.
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


def of_repeats(quantity: str, values: Sequence[float], unit: str, **place: object) -> Row:
    """Return the median of repeats, with the least and the greatest."""
    return Row(quantity, statistics.median(values), unit, min(values), max(values), **place)  # type: ignore[arg-type]


def over(quantity: str, ours: Sequence[float], others: Sequence[float], unit: str = "ratio", **place: object) -> Row:
    """Return the ratio of times that were taken in turn."""
    return of_repeats(quantity, [one / other for one, other in zip(ours, others, strict=True)], unit, **place)


def rate(quantity: str, seconds: Sequence[float], unit: str, *, count: float = 1) -> Row:
    """Return how much is done in a second, `count` of it in each of these times."""
    return of_repeats(quantity, [count / one for one in seconds], unit)


def cpu_seconds(work: Callable[[], object], count: int = 1) -> float:
    """Return the processor time of one call, the mean of `count`."""
    began = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - began) / count
