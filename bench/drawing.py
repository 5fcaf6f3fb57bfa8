"""Draw measurements relative to their bounds, and one panel for each curve."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from bench.rows import Row
from reproof.figures.style import apply_style

BOUND = re.compile(r"at (most|least) ([\d.]+)")
KEPT, MISSED = "#0072B2", "#D55E00"  # distinct for colour-blind readers; markers differ as well


def draw(rows: Sequence[Row], path: str | Path) -> Figure | None:
    """Draw all rows whose unit states a bound, and all curves, with the range of the repeats, into the file `path`.

    Return the figure; None, and no file, if there is nothing to draw.
    """
    # A row without a bound has no scale in common with others: it is in the table only.
    bounded = [row for row in rows if BOUND.search(row.unit)]
    curves = list(dict.fromkeys(row.curve for row in rows if row.curve))
    if not bounded and not curves:
        return None
    heights = [0.6 + 0.24 * len(bounded)] * bool(bounded) + [2.4] * len(curves)
    with apply_style():
        figure = Figure(figsize=(8, sum(heights)), layout="constrained")
        panels = list(figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0])
        if bounded:
            _draw_bounds(panels.pop(0), bounded)
        for axes, curve in zip(panels, curves, strict=True):
            _draw_curve(axes, [row for row in rows if row.curve == curve])
        figure.savefig(path)
    return figure


def _draw_bounds(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw one line per row, value over bound on a logarithmic axis: rows of all units share it."""
    for place, row in enumerate(reversed(rows)):
        which, number = BOUND.search(row.unit).groups()  # type: ignore[union-attr]
        bound = float(number)
        holds = row.value <= bound if which == "most" else row.value >= bound
        colour = KEPT if holds else MISSED
        axes.plot([1, row.value / bound], [place, place], color=colour, linewidth=1, alpha=0.5)
        axes.errorbar(
            row.value / bound, place, xerr=[[one / bound] for one in _compute_spread(row)],
            fmt="o" if holds else "X", color=colour, capsize=2,
        )  # fmt: skip
        axes.text(1.02, place, f"{row.value:.3g}  ({row.unit})", transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(1, color="#222222", linewidth=0.8)
    axes.set(xscale="log", xlabel="measured / bound (median, lowest and highest repeat)", yticks=range(len(rows)))
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_yticklabels([row.quantity for row in reversed(rows)])


def _draw_curve(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw one curve: a line for each `line` of its rows, and a mark at each bound."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.line, []).append(row)
    for name, line in lines.items():
        places, values = [row.at for row in line], [row.value for row in line]
        spreads = [list(side) for side in zip(*map(_compute_spread, line), strict=True)]
        axes.errorbar(places, values, yerr=spreads, marker="o", capsize=2, label=name or None)
    # Bounds of a curve are marks at their points; there is no line to draw between them.
    asked = [(row.at, float(BOUND.search(row.unit)[2])) for row in rows if BOUND.search(row.unit)]  # type: ignore[index]
    if asked:
        axes.plot(*zip(*asked, strict=True), "_", color="#222222", markersize=12, label="bound")
    axes.set(xscale="log", yscale="log", xlabel=rows[0].axis, ylabel=rows[0].curve)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    low, high = min(row.value for row in rows), max(row.value for row in rows)
    # Room around the values, with the ratio 1 always in sight.
    axes.set_ylim(min(0.5 * low, 0.1 if low > 0.1 else low), max(1.5 * high, 1.2))
    axes.legend()


def _compute_spread(row: Row) -> tuple[float, float]:
    """Return the distances from the median to the lowest and to the highest repeat."""
    return (0.0, 0.0) if math.isnan(row.low) else (row.value - row.low, row.high - row.value)
