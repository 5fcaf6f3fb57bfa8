"""Draw criticality by layer, and the number of critical layers by threshold, with runs overlaid."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_critical_layer
from reproof.figures.findings_of_parts import count_critical_layers
from reproof.figures.inks import find_place, pick_ink
from reproof.figures.kinds import figure
from reproof.figures.layer_dots import CRITICALITY, READING
from reproof.figures.layers import label_layer, list_parts, summarise_layers
from reproof.figures.style import Look, create_canvas, draw_message
from reproof.figures.words import ABSENT, format_run_title, join_words, list_runs, list_unique
from reproof.metrics import COUNT, Metric

LAYERS = "critical layers"
# Shares on a logarithmic axis: the thresholds in question span from half a per cent to everything.
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def plot_depth(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per entry: a line for each run, layers from the input to the output."""
    return _draw_panels(table, look, _draw_along_layers, size=(3.0, 1.9))


@figure(
    finding=find_critical_layer,
    plot=plot_depth,
    reads=lambda options: [f"{options.get('split', 'test')}_criticality"],
    reading=READING,
    quantities=[CRITICALITY],
)
def criticality_by_layer(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
) -> pd.DataFrame:
    """Select the criticality of each layer, for networks that differ in width, depth or training.

    Needs measurements; returns `layers.COLUMNS` and `panel` (its number), one row per panel, run and layer.
    """
    table = summarise_layers(tables, columns, [f"{split}_criticality"])
    table = table[(table["at"] == 0) | (table["trials"] == 0)]
    return _repeat_for_panels(table, columns).assign(quantity=CRITICALITY.name)


def plot_thresholds(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per entry: a line for each run, falling as the threshold rises."""
    return _draw_panels(table, look, _draw_along_thresholds, size=(3.0, 1.9))


@figure(
    finding=count_critical_layers,
    plot=plot_thresholds,
    reads=lambda options: [f"{options.get('split', 'test')}_layers_above"],
    reading="Lines give the mean number of layers over seeds whose reset to initial values costs at least the share of "
    "accuracy above chance on the x axis. Layers are reset one at a time.",
    quantities=[Metric(LAYERS, COUNT)],
)
def critical_layers(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
) -> pd.DataFrame:
    """Select the number of layers at or above each threshold of criticality.

    Needs measurements; returns `layers.COLUMNS` and `panel` (its number). `at` is the threshold, a share.
    """
    table = summarise_layers(tables, columns, [f"{split}_layers_above"])
    return _repeat_for_panels(table, columns).assign(quantity=LAYERS)


def _repeat_for_panels(table: pd.DataFrame, columns: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return the rows of each panel's runs, with the number of the panel; a run may be in several panels."""
    parts = [table[table["run"].isin(runs)].assign(panel=place) for place, runs in enumerate(columns)]
    return pd.concat(parts, ignore_index=True)


def _draw_panels(table: pd.DataFrame, look: Look, draw: Any, *, size: tuple[float, float]) -> Figure:
    """Draw one panel of `size` inches per entry, each with its own legend of runs."""
    groups = [group for _, group in table.groupby("panel")]
    runs = list_runs([list_unique(table["run"])])
    styles = {run: _choose_style(find_place(run, look.names.runs, runs)) for run in runs}
    titles = {run: format_run_title(run, look.titles) for run in runs}
    across = min(2, len(groups))
    down = -(-len(groups) // across)
    picture, axes = create_canvas(down, across, size=size, labels=(), gap=0.75, drop=0.8)
    places = [place for line in axes for place in line]
    for group, place in zip(groups, places, strict=False):
        measured = group[group["trials"] > 0]
        if measured.empty:
            draw_message(place, ABSENT)
        else:
            draw(place, measured, styles)
            entries = [Line2D([], [], label=titles[run], **styles[run]) for run in list_unique(measured["run"])]
            # A legend per panel: panels may show different runs, and a shared one would list them all.
            title = join_words(titles[run] for run in list_unique(measured["run"]))
            place.set_title(title, loc="left")
            place.legend(handles=entries, loc="upper right", fontsize=7, labelspacing=0.25)
    for place in places[len(groups) :]:
        place.remove()
    return picture


def _choose_style(place: int) -> dict[str, Any]:
    """Return colour and marker of the run at this place."""
    ink = pick_ink(place)
    return {"color": ink.colour, "marker": ink.marker}


def _draw_along_layers(axes: Axes, rows: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw criticality by layer; networks of different depth are aligned at their first and at their last layer."""
    # Layers of the deepest network give the ticks; shallower networks are placed among them.
    longest = max((list_parts(group) for _, group in rows.groupby("run")), key=len)
    for run, group in rows.groupby("run", sort=False):
        parts = list_parts(group)
        x = [_find_place(part, place, parts, longest) for place, part in enumerate(parts)]
        # The interval of a single seed is NaN; its bar has no length.
        bars = [(group["mean"] - group["low"]).fillna(0), (group["high"] - group["mean"]).fillna(0)]
        axes.errorbar(x, group["mean"], bars, elinewidth=0.8, **styles[str(run)])
    axes.set_xticks(range(len(longest)), [label_layer(part) for part in longest])
    # More than eight names would overlap.
    if len(longest) > 8:
        axes.tick_params(axis="x", rotation=60)
    axes.set_ylim(min(-0.04, rows["mean"].min() - 0.02), max(1.04, rows["mean"].max() + 0.04))
    declare_compared(axes, y=CRITICALITY.name)
    axes.set_ylabel("Criticality")


def _find_place(part: str, place: int, parts: Sequence[str], longest: Sequence[str]) -> int:
    """Return the x of a layer: that of the longest network's output for output layers, else counted from the input."""
    # Output layers have one role in all networks, so they are compared with each other, whatever lies between.
    return len(longest) - 1 if place == len(parts) - 1 else place


def _draw_along_thresholds(axes: Axes, rows: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the number of layers by threshold, on a logarithmic axis in per cent."""
    for run, group in rows.groupby("run", sort=False):
        axes.plot(group["at"], group["mean"], **styles[str(run)])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    most = max(rows["mean"].max(), 1)
    axes.set_ylim(-0.02 * most, 1.35 * most)  # room for the legend
    axes.set_xlabel("Threshold of criticality (%)")
    declare_compared(axes, x="threshold", y=LAYERS)
    axes.set_ylabel("Layers at or above threshold")
