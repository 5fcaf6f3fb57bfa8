"""Draw a quantity against the step that copies start from (Frankle et al. 2020, figures 3, 5 and 8 to 11)."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reproof.figures import scales
from reproof.figures.artists import DENSE_LINE
from reproof.figures.compared import declare_compared
from reproof.figures.findings import compare_steps
from reproof.figures.inks import Ink, tint
from reproof.figures.kinds import figure, find_table
from reproof.figures.quantities import find_quantity
from reproof.figures.spread import (
    arrange_panels,
    iterate_groups,
    select_arms,
    select_nearest_levels,
    select_place,
    summarise_trials,
)
from reproof.figures.style import DENSE, Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import (
    ABSENT,
    format_per_cent,
    format_run_title,
    label_arm,
    label_quantity,
    list_runs,
    list_unique,
)

INSTABILITIES = ("test_instability", "train_instability")
LABEL_IN = 0.4  # inches that the number of a step takes
Line = tuple[str, int]  # arm, level


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row per quantity and one column per panel of runs; a single panel is folded into rows of two."""
    quantities, panels = list_unique(table["quantity"]), list_unique(table["panel"])
    cells = [[(quantity, panel) for panel in panels] for quantity in quantities]
    if len(panels) == 1:
        # A single column of panels would leave half of the page empty.
        flattened = [cell for row in cells for cell in row]
        cells = [flattened[start : start + 2] for start in range(0, len(flattened), 2)]
    styles = dict(_yield_styles(table, look))
    bounds = (
        [Line2D([], [], label="bound for stable or matching", **DENSE_LINE)] if table["bound"].notna().any() else []
    )
    entries = [*_list_entries(table, styles), *bounds]
    labels = [str(entry.get_label()) for entry in entries]
    size = (2.75, 1.75) if len(panels) == 1 else (2.1, 1.5)
    picture, axes = create_canvas(len(cells), len(cells[0]), size=size, labels=labels, gap=0.78, drop=0.5)
    for row, places in zip(cells, axes, strict=True):
        # The last row may have fewer cells than places; the places that remain are removed below.
        for (quantity, panel), place in zip(row, places, strict=False):
            _draw(place, table[(table["quantity"] == quantity) & (table["panel"] == panel)], styles, width=size[0])
            place.set_ylabel(_format_y_label(quantity) if panel == panels[0] else "")
            place.set_title(
                format_run_title(panel, look.titles) if quantity == quantities[0] or len(panels) == 1 else "",
                loc="left",
            )
            place.set_xlabel("Iteration from which copies start" if row is cells[-1] else "")
        for place in places[len(row) :]:
            place.remove()
    draw_legend(picture, entries)
    return picture


@figure(
    finding=compare_steps,
    plot=plot,
    reads=lambda options: options.get("metrics", INSTABILITIES),
    reading="Points are means over trials (a trial is a pair of copies of a seed). Bars reach from the lowest to the "
    "highest trial. Measured iterations are evenly spaced, not to scale. The dotted line is a bound: networks are "
    "stable below it (instability), or match the dense network above it (accuracy).",
)
def against_step(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    metrics: Sequence[str] = INSTABILITIES,
    kept: Sequence[float] = (1.0,),
    arms: Sequence[str] | None = None,
    without: Sequence[str] = (),
    part: str = "",
    stable: float = 0.02,
    matching: float = 0.002,
) -> pd.DataFrame:
    """Select what pairs of copies measured, by the step k that they start from, at the levels nearest to `kept`.

    `arms` and `without` are shell patterns; `part` names another choice of batch norm statistics. `stable` is the bound

    on instability, `matching` the bound on the accuracy lost against the dense network; both are shares in [0, 1].
    Needs measurements; returns `spread.COLUMNS`, `step` (k) and `bound` (in the unit of the quantity).
    """
    every = find_table(tables, "measurements")
    # A metric with `at` belongs to copies trained from that step; without it, to the run's own training.
    rows = every[every["metric"].isin(metrics) & every["run"].isin(list_runs(columns)) & every["at"].notna()]
    rows = select_arms(rows[rows["part"] == part], arms, without)
    summary = summarise_trials(select_nearest_levels(rows, kept), ["run", "arm", "level", "metric", "at"])
    summary = summary.rename(columns={"metric": "quantity", "at": "step"})
    order = {metric: place for place, metric in enumerate(metrics)}
    summary = summary.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    # `bound` is an empty column at first: it must exist for absent runs too.
    table = arrange_panels(summary, columns, metrics, also=["step", "bound"])
    lines = zip(table["run"], table["quantity"], strict=True)
    return table.assign(
        bound=[_find_bound(every, run, metric, stable=stable, matching=matching) for run, metric in lines]
    )


def _find_bound(every: pd.DataFrame, run: str, metric: str, *, stable: float, matching: float) -> float:
    """Return the bound of a metric, in its unit."""
    # Instability has an absolute bound. Accuracy has one relative to the same run's dense network.
    return stable if "instability" in metric else compute_dense_mean(every, run, metric) - matching


def compute_dense_mean(every: pd.DataFrame, run: str, metric: str) -> float:
    """Return the mean of a metric over a run's dense networks, trained from the start; NaN if it was not measured."""
    of_dense = (every["run"] == run) & (every["level"] == 0) & (every["arm"] == "ticket") & (every["metric"] == metric)
    # `select_place` drops rows with a place: those are copies, whose training did not start at step 0.
    return float(select_place(every[of_dense])["value"].mean())


def _yield_styles(table: pd.DataFrame, look: Look) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Yield (arm and level, line style): the dense network is black, sparser levels of an arm are paler."""
    drawn = table[table["trials"] > 0][["arm", "level"]].drop_duplicates()
    for arm, levels in drawn.groupby("arm", sort=False):
        pruned = sorted(level for level in levels["level"] if level)
        for place, level in enumerate(pruned):
            ink = look.inks[str(arm)]
            # Hue names the arm, so lightness is free for sparsity. At most half is white: paler lines would vanish.
            yield (
                (str(arm), int(level)),
                _make_style(Ink(tint(ink.colour, 0.5 * place / len(pruned)), ink.marker), str(arm)),
            )
        if 0 in set(levels["level"]):
            yield (str(arm), 0), _make_style(Ink(DENSE, "o") if arm == "ticket" else look.inks[str(arm)], str(arm))


def _make_style(ink: Ink, arm: str) -> dict[str, Any]:
    """Return the line style of an arm: solid for tickets, dashed for controls."""
    # The stroke repeats what the colour says, so that a print in grey can be read.
    return {"color": ink.colour, "marker": ink.marker, "linestyle": "-" if arm == "ticket" else "--"}


def _list_entries(table: pd.DataFrame, styles: Mapping[Line, Mapping[str, Any]]) -> list[Line2D]:
    # Runs may keep different shares at one level; an entry of the legend is for all of them, so it shows their mean.
    kept = table.dropna(subset=["kept"]).groupby("level")["kept"].mean()
    several = len({level for _, level in styles if level}) > 1
    return [
        Line2D([], [], label=_label_line(arm, level, kept, several), **style) for (arm, level), style in styles.items()
    ]


def _label_line(arm: str, level: int, kept: "pd.Series[float]", several: bool) -> str:
    """Return the legend label of a line; it names the level only if there are several."""
    if arm == "ticket" and not level:
        return "dense network"
    return label_arm(arm) + (f", {format_per_cent(kept[level])} % kept" if several and level else "")


def _format_y_label(quantity: str) -> str:
    """Return the y label, with its unit on a second line if it would be taller than a panel."""
    words = label_quantity(quantity)
    # 25 letters of 8 points are about 1.7 inches, as high as a panel.
    return words.replace(" (%)", "\n(%)") if len(words) > 25 else words


def _draw(axes: Axes, rows: pd.DataFrame, styles: Mapping[Line, Mapping[str, Any]], *, width: float) -> None:
    """Draw one panel, or a message if nothing was measured."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        draw_message(axes, ABSENT)
        return
    steps = sorted(points["step"].unique())
    unit = 100 if find_quantity(str(points["quantity"].iloc[0])).is_share else 1
    for (arm, level), line in iterate_groups(points.sort_values("step"), "arm", "level"):
        at = [steps.index(step) for step in line["step"]]
        # `errorbar` takes distances from the mean, not the ends of a bar.
        bars = [unit * (line["mean"] - line["lowest"]), unit * (line["highest"] - line["mean"])]
        axes.errorbar(at, unit * line["mean"], bars, elinewidth=0.8, **styles[str(arm), int(level)])
    for bound in rows["bound"].dropna().unique():
        axes.axhline(unit * bound, zorder=2, **DENSE_LINE)
    _scale_y(axes, points, unit=unit)
    declare_compared(axes, y=str(points["quantity"].iloc[0]))
    # Steps lie at 0, 1, 2, ...: they grow by factors, and to scale the first ones would overlap.
    every = ceil(len(steps) * LABEL_IN / width)
    axes.xaxis.set_major_locator(FixedLocator(range(0, len(steps), every)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{steps[int(place)]:,.0f}"))
    axes.set_xlim(-0.3, max(len(steps) - 0.7, 0.3))


def _scale_y(axes: Axes, points: pd.DataFrame, *, unit: int) -> None:
    """Scale y: a window around the values for accuracies, from 0 for other metrics."""
    # The bound belongs into the panel: how far networks are from it is the finding.
    low, high = (float(points[["lowest", "highest", "bound"]].agg(which).agg(which)) for which in ("min", "max"))
    if "accuracy" in str(points["quantity"].iloc[0]):
        # Networks that match differ by tenths of a point, which an axis from 0 would hide. The least room keeps the
        # axis open if all values are equal.
        room = 0.08 * max(high - low, 0.005)
        scales.scale_share_axis(axes, unit * (low - room), unit * (high + room))
    else:
        # Instability has a true zero: networks are stable when it is near 0. If all values are 0, the axis ends at 1.
        axes.set_ylim(min(0.0, unit * low), 1.08 * unit * high or 1.0)
