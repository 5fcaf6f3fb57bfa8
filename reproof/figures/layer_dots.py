"""Draw layers and sets of layers as rows, with a dot and its interval for each quantity."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_critical_layer, find_joint_cost
from reproof.figures.inks import INKS, SPARE
from reproof.figures.kinds import figure
from reproof.figures.layers import AMBIENT_TO, CRITICAL_FROM, label_layer, list_parts, summarise_layers
from reproof.figures.style import MUTED, Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, format_run_title, list_unique
from reproof.metrics import COUNT, Metric

ROW = 0.19  # inches of a layer
HALVES = (0, 0.5, 1)
CRITICALITY = Metric("criticality")
# {quantity: label}, in the order of the panels. Distances share the rows of criticality, so that readers can compare.
BESIDE = {
    "criticality": "Criticality",
    "distance_l2": "L2 distance (rms)",
    "distance_linf": "L-infinity distance",
    "relative_distance_l2": "L2 over initial norm",
}
CLASSES = {"critical": INKS["reinitialise"][0], "between": MUTED, "ambient": INKS["ticket"][0]}
# {quantity: (label, (colour, marker))}. The worst single layer is the yardstick: a set costs more only beyond it.
TOGETHER = {
    "worst_single_criticality": ("worst single layer", INKS["ticket"]),
    "joint_criticality": ("all together, initial values", INKS["reinitialise"]),
    "joint_criticality_rerandomised": ("all together, redrawn at random", INKS["shuffle_mask"]),
    "joint_criticality_removed": ("all removed", SPARE[0]),
}
READING = "Dots are means over seeds, bars 95 % intervals (Student t). Criticality is the share of the accuracy above "
READING += "chance that a network loses when a layer is reset to its initial values: 0 is no loss, 1 a fall to chance."


def plot_distances(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row of panels per run: criticality, then the distances that its layers moved in training."""
    runs, quantities = list_unique(table["run"]), [name for name in list_unique(table["quantity"])]
    entries = [
        Line2D([], [], label=name, color=colour, marker="o", linestyle="none") for name, colour in _list_classes(table)
    ]
    tall = max(len(list_parts(table[table["run"] == run])) for run in runs)
    picture, axes = create_canvas(
        *(len(runs), len(quantities)),
        size=(1.55, max(ROW * tall, 0.7)),
        labels=[str(one.get_label()) for one in entries],
        gap=0.2,
        drop=0.75,
    )
    for run, places in zip(runs, axes, strict=True):
        rows = table[table["run"] == run]
        places[0].set_title(format_run_title(run, look.titles), loc="left")
        for quantity, place in zip(quantities, places, strict=True):
            _draw_layers(place, rows, quantity, first=place is places[0])
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_critical_layer,
    plot=plot_distances,
    reads=lambda options: [f"{options.get('split', 'test')}_criticality"],
    reading=f"{READING} Colours denote the class of the mean criticality.",
    quantities=[CRITICALITY],
)
def criticality_and_distance(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
    ambient: float = AMBIENT_TO,
    critical: float = CRITICAL_FROM,
) -> pd.DataFrame:
    """Select the criticality of each layer and its distance from its initial values.


    `ambient` and `critical` are the thresholds of its class: shares of the accuracy above chance. Needs measurements;
    returns `layers.COLUMNS`, one row per run, quantity and layer. Criticality is a share. The
    relative distance is a ratio, the others have the scale of the weights.
    """
    names = {f"{split}_criticality" if name == "criticality" else name: name for name in BESIDE}
    table = summarise_layers(tables, columns, list(names), ambient=ambient, critical=critical)
    # Place 0 is the reset to initial values, which defines criticality. Resets to later steps are in the heat map.
    table = table[(table["at"] == 0) | (table["trials"] == 0)]
    return table.assign(quantity=table["quantity"].map(names)).reset_index(drop=True)


def _list_classes(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return name and colour of the classes that a layer of the table has."""
    return [(name, colour) for name, colour in CLASSES.items() if (table["named"] == name).any()]


def _draw_layers(axes: Axes, rows: pd.DataFrame, quantity: str, *, first: bool) -> None:
    """Draw one quantity of one run, a row for each layer, or a message if nothing was measured."""
    parts = list_parts(rows)
    if not parts:
        draw_message(axes, ABSENT)
        return
    # Distances take the colour of the layer's class as well: it shows at once whether critical layers moved far.
    classes = rows[rows["quantity"] == "criticality"].set_index("part")["named"]
    chosen = rows[rows["quantity"] == quantity].set_index("part").reindex(parts)
    for row, (part, one) in enumerate(chosen.iterrows()):
        _draw_dot(axes, one, row, colour=CLASSES.get(classes.get(part, ""), MUTED))
    _name_rows(axes, parts if first else [""] * len(parts))
    axes.set_xlabel(BESIDE[quantity])
    if quantity == "criticality":
        axes.xaxis.set_major_locator(FixedLocator(HALVES))
        # 0 to 1 in every panel, so that panels compare. Values outside occur: a reset may help, or end below chance.
        axes.set_xlim(min(-0.05, chosen["mean"].min() - 0.02), max(1.05, chosen["mean"].max() + 0.02))
    else:
        axes.set_xlim(0, 1.25 * chosen["mean"].max())
    declare_compared(axes, x=quantity)


def plot_sets(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per run: the cost of resetting each set of layers, and of resetting its worst layer alone."""
    runs = list_unique(table["run"])
    shown = [name for name in TOGETHER if name in set(table["quantity"])]
    labels = [TOGETHER[name][0] for name in shown]
    tall = max(len(list_parts(table[table["run"] == run])) for run in runs)
    across = min(2, len(runs))
    down = -(-len(runs) // across)
    picture, axes = create_canvas(
        *(down, across), size=(2.5, max(1.6 * ROW * tall, 0.7)), labels=labels, gap=1.25, drop=0.8
    )
    places = [place for line in axes for place in line]
    for run, place in zip(runs, places, strict=False):
        place.set_title(format_run_title(run, look.titles), loc="left")
        _draw_sets(place, table[table["run"] == run])
    for place in places[len(runs) :]:
        place.remove()
    draw_legend(picture, [_make_entry(name) for name in shown])
    return picture


@figure(
    finding=find_joint_cost,
    plot=plot_sets,
    reads=lambda options: [f"{options.get('split', 'test')}_joint_criticality"],
    reading=f"{READING} Numbers in brackets count the layers of a set, on average over seeds.",
    quantities=[*(Metric(name) for name in TOGETHER), Metric("joint_layers", COUNT)],
)
def joint_resets(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
) -> pd.DataFrame:
    """Select the criticality of sets of layers reset together, that of their worst layer alone, and their sizes.

    Needs measurements; returns `layers.COLUMNS`, with one row per run, quantity and set. Sizes count layers.
    """
    names = {f"{split}_{name}": name for name in (*TOGETHER, "joint_layers")}
    table = summarise_layers(tables, columns, list(names))
    return table.assign(quantity=table["quantity"].map(names))


def _draw_sets(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the sets of one run, or a message if nothing was measured."""
    parts = list_parts(rows)
    if not parts:
        draw_message(axes, ABSENT)
        return
    # The set "ambient" is found for each seed, so that its size is a mean.
    counts = rows[rows["quantity"] == "joint_layers"].set_index("part")["mean"]
    for step, name in enumerate(TOGETHER):
        chosen = rows[rows["quantity"] == name].set_index("part")
        colour, marker = TOGETHER[name][1]
        for part, one in chosen.iterrows():
            _draw_dot(axes, one, parts.index(str(part)) + 0.18 * (step - 1.5), colour=colour, marker=marker)
    _name_rows(axes, [f"{label_layer(part)} ({counts[part]:.3g})" for part in parts])
    axes.set_xlim(-0.05, max(1.1, rows.loc[rows["quantity"] != "joint_layers", "mean"].max() + 0.05))
    axes.xaxis.set_major_locator(FixedLocator(HALVES))
    declare_compared(axes, x=CRITICALITY.name)
    axes.set_xlabel("Criticality")


def _draw_dot(axes: Axes, one: "pd.Series[Any]", row: float, *, colour: str, marker: str = "o") -> None:
    """Draw one estimate at height `row`, with its interval if there is one."""
    # A single seed has no interval.
    bars = [[one["mean"] - one["low"]], [one["high"] - one["mean"]]] if pd.notna(one["low"]) else None
    axes.errorbar(
        [one["mean"]], [row], xerr=bars, color=colour, marker=marker, markersize=4, elinewidth=0.9, linestyle="none"
    )


def _name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Label the rows, the first on top: networks are read from their input."""
    axes.set_yticks(range(len(labels)), [label_layer(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _make_entry(name: str) -> Line2D:
    """Return the legend entry of a quantity of sets."""
    label, (colour, marker) = TOGETHER[name]
    return Line2D([], [], label=label, color=colour, marker=marker, linestyle="none")
