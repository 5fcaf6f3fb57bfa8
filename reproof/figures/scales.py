"""Scale axes as the papers do: share kept in per cent on a falling logarithmic axis, accuracies in a window."""

from collections.abc import Iterable
from math import log

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reproof.figures.quantities import find_quantity
from reproof.figures.words import extract_publication, format_per_cent
from reproof.metrics import COUNT, STEPS

# Distances between ticks; without 4 and 8, the labels stay short.
TICKS_APART = [1, 2, 2.5, 5, 10]


def scale_kept_axis(axes: Axes, kept: Iterable[float], *, also: Iterable[float] = (), width: float) -> None:
    """Make x the share kept in per cent, logarithmic and falling from the left, with ticks at measured levels.

    `kept` holds shares in (0, 1]; `also` holds further shares to show, without ticks. `width` is the width of the panel
    in inches, which limits the number of ticks.
    """
    # Each round keeps a fixed share of what is left, so levels are about evenly spaced on a logarithmic axis. It falls
    # to the right as in the papers: training starts dense, on the left.
    levels = sorted(set(kept), reverse=True)
    lowest = min([*levels, *also])
    # 12 % of room at both ends. A single level would give an axis of no width, so the axis then ends at half of it.
    left, right = levels[0] * 1.12, lowest / (1.12 if lowest < levels[0] else 2)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    # A label takes about 0.34 inches, here as a distance on the logarithmic axis.
    axes.xaxis.set_major_locator(FixedLocator(select_spaced(levels, apart=0.34 / width * log(left / right))))
    # The minor ticks of a logarithmic axis would suggest levels that were never measured.
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_per_cent(value)))


def select_spaced(levels: list[float], *, apart: float) -> list[float]:
    """Return the first of the falling `levels`, and those at least `apart` (natural logarithm) from the last one."""
    ticks = levels[:1]
    for level in levels[1:]:
        # The distance to the last tick that was kept, not to the level before: small steps add up.
        if log(ticks[-1] / level) >= apart:
            ticks.append(level)
    return ticks


def scale_value_axis(axes: Axes, quantity: str, limits: tuple[float, float]) -> int:
    """Scale y for a quantity between limits in the unit of the tables, and return the factor from there to the axis."""
    found = find_quantity(quantity)
    if found.is_share:
        scale_share_axis(axes, 100 * limits[0], 100 * limits[1])
        return 100
    axes.set_ylim(*limits)
    # There is no half step and no half layer.
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS_APART, integer=found.unit in (STEPS, COUNT)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.9g}"))
    return 1


def scale_share_axis(axes: Axes, low: float, high: float) -> None:
    """Make y a share in per cent, between limits in per cent."""
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS_APART))


def compute_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return y-limits for the rows of one quantity, in their unit: a window for shares, from 0 for counts."""
    if not (rows["trials"] > 0).any():
        return 0.0, 1.0
    if find_quantity(str(rows["quantity"].iloc[0])).is_share:
        return compute_window(rows)
    # Counts and steps have a true zero, from which their ratio can be read. If all are 0, the axis ends at 1.
    return 0.0, 1.06 * float(max(rows["mean"].max(), rows["highest"].max())) or 1.0


def compute_range(rows: pd.DataFrame) -> tuple[float, float]:
    """Return y-limits that hold all measured values with their bars, in the unit of the rows."""
    measured = rows[rows["trials"] > 0]
    low, high = float(measured["lowest"].min()), float(measured["highest"].max())
    margin = 0.06 * (high - low) or 0.005
    return low - margin, high + margin


def compute_window(rows: pd.DataFrame) -> tuple[float, float]:
    """Return y-limits for accuracies in [0, 1], around tickets and the dense network.

    Heavily pruned networks lose tens of points and would flatten a gain of half a point. The lower limit is therefore
    at most four times the greatest gain, or 3 points if this is more, below the dense network. Comparable published
    values widen the window by up to half its height.
    """
    measured = rows[rows["trials"] > 0]
    tickets = measured[measured["arm"] == "ticket"]
    # Figures of controls alone have no tickets; then all arms decide.
    tickets = measured if tickets.empty else tickets
    dense = tickets.sort_values("kept")["mean"].iloc[-1]
    top = max(measured["highest"].max(), dense)
    room = max(4 * (top - dense), 0.03)
    # At least half a point below the dense network: a line on the edge looks cut off.
    low = max(min(measured["lowest"].min(), dense - 0.005), dense - room)
    # Published values on other data may lie far away; following them would flatten what was measured.
    reach = 0.5 * (top - low)
    near = rows.loc[find_comparable(rows, low - reach, top + reach), "mean"]
    low, top = min([low, *near]), max([top, *near])
    margin = 0.06 * (top - low)
    return low - margin, top + margin


def find_comparable(rows: pd.DataFrame, low: float, high: float) -> "pd.Series[bool]":
    """Return a mask (bool) of the published values to show: within the limits, like the best value of their series.

    Without the second condition, a series on other data would show just those values that happen to lie in the window.
    Values at less than half the weights of the sparsest measured level are excluded: they would squeeze all others.
    """
    shown: pd.Series[bool] = rows["kept"] >= 0.5 * rows.loc[rows["trials"] > 0, "kept"].min()
    # A series is a publication's values for one arm of one run.
    best = rows.groupby(["run", "arm", rows["source"].map(extract_publication)])["mean"].transform("max")
    for within in (rows["source"] != "", rows["mean"].between(low, high), best.between(low, high)):
        shown &= within
    return shown
