"""Axes as the papers draw them: kept falling on a logarithmic scale in per cent, accuracies in a telling window."""

from collections.abc import Iterable
from math import log

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reproof.figures.words import extract_publication, format_per_cent
from reproof.metrics import find_metric

STEPS = [1, 2, 2.5, 5, 10]


def scale_kept_axis(axes: Axes, kept: Iterable[float], *, also: Iterable[float] = (), width: float) -> None:
    """Make x the share kept, falling from the left on a logarithmic scale, ticks at measured levels.

    `kept` holds shares in (0, 1], `also` those shown without a tick; `width` is the panel's width in inches: it decides
    how many ticks fit.
    """
    levels = sorted(set(kept), reverse=True)
    lowest = min([*levels, *also])
    left, right = levels[0] * 1.12, lowest / (1.12 if lowest < levels[0] else 2)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(FixedLocator(select_spaced(levels, apart=0.34 / width * log(left / right))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_per_cent(value)))


def select_spaced(levels: list[float], *, apart: float) -> list[float]:
    """Return those of the falling `levels` that lie `apart` in natural logarithm or more, from the first on."""
    ticks = levels[:1]
    for level in levels[1:]:
        if log(ticks[-1] / level) >= apart:
            ticks.append(level)
    return ticks


def scale_value_axis(axes: Axes, quantity: str, limits: tuple[float, float]) -> int:
    """Scale y for a quantity between limits in the unit of the tables; return the factor from there to the axis."""
    if find_metric(quantity).is_share:
        scale_share_axis(axes, 100 * limits[0], 100 * limits[1])
        return 100
    axes.set_ylim(*limits)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return 1


def scale_share_axis(axes: Axes, low: float, high: float) -> None:
    """Make y a share in per cent between two limits, themselves in per cent."""
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))


def compute_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the y-limits for the rows of one quantity, in their unit: a window for shares, from 0 for counts."""
    if not (rows["trials"] > 0).any():
        return 0.0, 1.0
    if find_metric(str(rows["quantity"].iloc[0])).is_share:
        return compute_window(rows)
    return 0.0, 1.06 * float(max(rows["mean"].max(), rows["highest"].max())) or 1.0


def compute_window(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the y-limits that show what a figure of accuracies is about: tickets against the dense network.

    Heavily pruned networks fall by tens of points and would flatten a gain of half a point, so the lower limit lies no
    deeper below the dense network than four times the greatest gain (or 3 points, if more).
    Published values comparable with these widen it, by up to half its height.
    """
    measured = rows[rows["trials"] > 0]
    tickets = measured[measured["arm"] == "ticket"]
    tickets = measured if tickets.empty else tickets
    dense = tickets.sort_values("kept")["mean"].iloc[-1]
    top = max(measured["highest"].max(), dense)
    room = max(4 * (top - dense), 0.03)
    low = max(min(measured["lowest"].min(), dense - 0.005), dense - room)
    reach = 0.5 * (top - low)
    near = rows.loc[find_comparable(rows, low - reach, top + reach), "mean"]
    low, top = min([low, *near]), max([top, *near])
    margin = 0.06 * (top - low)
    return low - margin, top + margin


def find_comparable(rows: pd.DataFrame, low: float, high: float) -> "pd.Series[bool]":
    """Return which rows are published values between the limits whose series has its best value between them too.

    A series measured on other data would otherwise show only those of its values that happen to fall into the window.
    Values at less than half the weights that the sparsest measured level keeps would squeeze the rest to one side.
    """
    shown: pd.Series[bool] = rows["kept"] >= 0.5 * rows.loc[rows["trials"] > 0, "kept"].min()
    best = rows.groupby(["run", "arm", rows["source"].map(extract_publication)])["mean"].transform("max")
    for within in (rows["source"] != "", rows["mean"].between(low, high), best.between(low, high)):
        shown &= within
    return shown
