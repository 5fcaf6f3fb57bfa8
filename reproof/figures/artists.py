"""Draw the parts of a panel: lines of arms, the dense network and published values."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from reproof.figures.inks import Ink, tint
from reproof.figures.style import DENSE
from reproof.figures.words import extract_publication

Stroke = str | tuple[int, tuple[int, ...]]
# Shared by marks and legend entries, so that they cannot differ.
DENSE_LINE: dict[str, Any] = {"color": DENSE, "linewidth": 0.8, "linestyle": (0, (1, 2))}
# Shapes of published values by publication. Filled marks are measured here, hollow ones were published elsewhere.
HOLLOW = ("D", "o", "s", "^")
OTHER_LINE: dict[str, Any] = {"color": "#c4c4c4", "linewidth": 0.9}


def choose_arm_style(arm: str, ink: Ink, place: int) -> dict[str, Any]:
    """Return the line style of an arm: tickets solid, controls dashed; an overlaid run (place > 0) paler."""
    # Strokes of a ticket and of a control. Dashes are (offset, (on, off, ...)) in line widths. A run laid over another
    # is paler and has broken strokes of its own: the difference must not rest on lightness alone.
    strokes: tuple[Stroke, Stroke] = ("-", "--") if place == 0 else ((0, (4, 1, 1, 1)), (0, (1, 1)))
    # More than 70 % white cannot be seen on white paper.
    colour = tint(ink.colour, min(0.45 * place, 0.7))
    return {"color": colour, "linestyle": strokes[arm != "ticket"], "marker": ink.marker}


def choose_published_style(colour: str, place: int) -> dict[str, Any]:
    """Return the style of a published value: hollow, in the colour of its arm, with a shape for each source."""
    hollow = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 1.2}
    return {"marker": HOLLOW[place % len(HOLLOW)], "markersize": 5.5, "linestyle": "none", **hollow}


def draw_arm(axes: Axes, points: pd.DataFrame, *, unit: int, style: Mapping[str, Any], front: bool) -> None:
    """Draw the means of one arm as a line, with bars from the lowest to the highest trial."""
    bars = [unit * (points["mean"] - points["lowest"]), unit * (points["highest"] - points["mean"])]
    # Tickets are the subject of these figures, so that no control may cover them.
    axes.errorbar(points["kept"], unit * points["mean"], bars, elinewidth=0.8, zorder=3 if front else 2.5, **style)


def draw_dense(axes: Axes, points: pd.DataFrame, *, unit: int) -> None:
    """Draw a line across the panel at the mean of the dense network of the first run."""
    # A line across the panel lets readers see at every level whether a ticket matches the dense network.
    dense = points[(points["level"] == 0) & (points["arm"] == "ticket")].sort_values("place")
    if not dense.empty:
        axes.axhline(unit * dense["mean"].iloc[0], zorder=2, **DENSE_LINE)


def draw_published(
    axes: Axes, points: pd.DataFrame, *, unit: int, inks: Mapping[str, Ink], publications: Sequence[str]
) -> None:
    """Mark published values, with bars where their range is known; values beyond the axes are only in the table."""
    for point in points.to_dict("records"):
        colour = choose_arm_style(point["arm"], inks[point["arm"]], point["place"])["color"]
        style = choose_published_style(colour, publications.index(extract_publication(point["source"])))
        bars = [[unit * (point["mean"] - point["lowest"])], [unit * (point["highest"] - point["mean"])]]
        axes.errorbar([point["kept"]], [unit * point["mean"]], bars, ecolor=colour, elinewidth=0.8, zorder=4, **style)
