"""Draw the distribution of a quantity over seeds: a histogram, a tick for each seed, mean and standard deviation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_spread
from reproof.figures.inks import find_place, pick_ink
from reproof.figures.kinds import figure
from reproof.figures.quantities import find_quantity
from reproof.figures.seeds import Columns, References, Tables, select_metrics
from reproof.figures.style import Look, draw_legend, draw_message
from reproof.figures.tiles import create_tiles
from reproof.figures.words import ABSENT, format_run_title, label_quantity, list_runs, list_unique, name_quantity

COLUMNS = ["panel", "run", "arm", "seed", "quantity", "value", "mean", "deviation", "trials"]
MOST = 40  # bins
RUG = 0.045  # height of a tick, as a share of the panel


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per entry, with the histograms of its runs overlaid in different colours."""
    panels = [rows for _, rows in table.groupby("panel")]
    runs = list_unique(table.loc[table["trials"] > 0, "run"])
    colours = {run: pick_ink(find_place(run, look.names.runs, runs)).colour for run in runs}
    entries = [Line2D([], [], label=_label_run(table[table["run"] == run], look), color=colours[run]) for run in runs]
    size = (4.4, 2.3) if len(panels) == 1 else (2.35, 1.75)
    titles = [_format_title(rows, look) for rows in panels]
    labels = [str(entry.get_label()) for entry in entries]
    picture, places = create_tiles(titles, across=3, size=size, labels=labels, gap=0.55, left=0.6)
    for rows, place in zip(panels, places, strict=True):
        if (rows["trials"] > 0).any():
            _draw(place, rows[rows["trials"] > 0], colours)
        else:
            draw_message(place, ABSENT)
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_spread,
    plot=plot,
    reads=lambda options: [options.get("metric", "test_accuracy_at_end")],
    reading="Bars count the seeds in each bin; each tick below the axis is a seed. The legend gives the mean and, "
    "after ±, the standard deviation over seeds.",
)
def distribution(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metric: str = "test_accuracy_at_end",
) -> pd.DataFrame:
    """Select one metric of each seed's dense network, averaged over draws, with mean and standard deviation.

    Needs measurements. Returns COLUMNS, one row per panel, run and seed; `mean` and `deviation` are over the seeds of
    the run. All three are in the unit of the metric. A run without measurements has one row with `trials` 0.
    """
    rows = select_metrics(tables, columns, [metric])
    # Rows with a part or a place are measured by operations; this figure is about the trainings themselves.
    rows = rows[(rows["part"] == "") & rows["at"].isna()]
    seeds = rows.groupby(["run", "arm", "seed"], sort=False, as_index=False)["value"].mean().assign(trials=1)
    by = seeds.groupby("run")["value"]
    # pandas' `std` divides by n - 1, and is NaN for a single seed.
    seeds = seeds.assign(mean=by.transform("mean"), deviation=by.transform("std"))
    absent = [{"run": run, "arm": "", "trials": 0} for run in list_runs(columns) if run not in set(seeds["run"])]
    every: pd.DataFrame = pd.concat([part for part in (seeds, pd.DataFrame(absent)) if len(part)], ignore_index=True)
    # A run may be in several panels, so rows are repeated per panel.
    parts = [every[every["run"] == run].assign(panel=place) for place, column in enumerate(columns) for run in column]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return table.assign(quantity=metric).reindex(columns=COLUMNS)


def _format_title(rows: pd.DataFrame, look: Look) -> str:
    """Return the title of a panel: its run, or the quantity if the legend names several runs."""
    run, quantity = rows[["run", "quantity"]].iloc[0]
    return format_run_title(run, look.titles) if rows["run"].nunique() == 1 else name_quantity(quantity)


def _label_run(rows: pd.DataFrame, look: Look) -> str:
    """Return the legend label of a run: "LeNet: 97.10 ± 0.12 %, 30 seeds"."""
    metric, first = str(rows["quantity"].iloc[0]), rows.iloc[0]
    unit, sign, digits = (100, " %", ".2f") if find_quantity(metric).is_share else (1, "", ".4g")
    spread = "" if pd.isna(first["deviation"]) else f" ± {unit * first['deviation']:{digits}}"
    count = rows["seed"].nunique()
    title = format_run_title(str(first["run"]), look.titles)
    return f"{title}: {unit * first['mean']:{digits}}{spread}{sign}, {count} seed{'s' if count > 1 else ''}"


def _draw(axes: Axes, rows: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw the histograms and ticks of one panel, in bins shared by all its runs."""
    unit = 100 if find_quantity(str(rows["quantity"].iloc[0])).is_share else 1
    edges = _compute_edges(unit * rows["value"].to_numpy(dtype=float))
    highest = 0
    for run, each in rows.groupby("run", sort=False):
        # Shared edges: counts of two runs compare only over equal bins.
        counts, _ = np.histogram(unit * each["value"], edges)
        axes.stairs(counts, edges, color=colours[str(run)], linewidth=1.2)
        # A pale fill under a strong outline keeps both of two overlapping histograms visible.
        axes.stairs(counts, edges, color=colours[str(run)], alpha=0.15, fill=True)
        axes.plot(
            # Ticks below the axis show each seed. Bins alone suggest more data than there are with few seeds.
            unit * each["value"], np.full(len(each), -RUG * 0.8), "|", transform=axes.get_xaxis_transform(),
            color=colours[str(run)], markersize=6, markeredgewidth=0.8, clip_on=False,
        )  # fmt: skip
        highest = max(highest, int(counts.max()))
    axes.set_ylim(0, 1.08 * highest)
    declare_compared(axes, x=str(rows["quantity"].iloc[0]), y="seeds")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="x", pad=9)  # points; room for the ticks of the seeds
    axes.set(xlabel=label_quantity(str(rows["quantity"].iloc[0])), ylabel="Seeds")


def _compute_edges(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return the edges [bins + 1] of at most MOST bins for all values of a panel, by numpy's "auto" rule."""
    # An outlier makes numpy choose thousands of bins.
    edges = np.histogram_bin_edges(values, "auto")
    return edges if len(edges) <= MOST + 1 else np.histogram_bin_edges(values, MOST)
