"""Draw how far weights move in dense training, inside and outside the ticket (Frankle & Carbin 2019, appendix F.5)."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reproof.figures.compared import declare_compared
from reproof.figures.inks import INKS
from reproof.figures.kinds import figure, find_table
from reproof.figures.scales import TICKS_APART
from reproof.figures.style import Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, format_per_cent, format_run_title, list_runs, list_unique
from reproof.metrics import Metric

# {group: line style}. The ticket keeps the colour that it has in every figure.
GROUPS: dict[str, dict[str, Any]] = {
    "in ticket": {"color": INKS["ticket"][0], "linestyle": "-"},
    "outside": {"color": "#777777", "linestyle": "--"},
}
COLUMNS = ["run", "level", "kept", "seed", "layer", "quantity", "group", "bin_left", "bin_right", "share", "trials"]
MOST = 4  # layers per row: a page is not wider
LEAST = 0.0005  # share of the weights in a bin; bins with less do not widen the axis


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row per run and quantity and one column per layer, with the two groups of weights overlaid."""
    lines = list(table[["run", "quantity"]].drop_duplicates().itertuples(index=False))
    entries = [Line2D([], [], label=f"weights {group}", **style) for group, style in GROUPS.items()]
    labels = [str(entry.get_label()) for entry in entries]
    wide = max(table.groupby("run")["layer"].nunique())
    picture, axes = create_canvas(len(lines), wide, size=(2.1, 1.5), labels=labels, drop=0.66)
    for (run, quantity), places in zip(lines, axes, strict=True):
        _draw_row(places, table[(table["run"] == run) & (table["quantity"] == quantity)], look)
    draw_legend(picture, entries)
    return picture


def _draw_row(places: Sequence[Axes], rows: pd.DataFrame, look: Look) -> None:
    """Draw one quantity of one run, with a panel per layer; places without a layer stay empty."""
    layers = list_unique(rows["layer"])
    for layer, place in zip(layers, places, strict=False):
        _draw(place, rows[rows["layer"] == layer])
        place.set_xlabel(rows["quantity"].iloc[0].capitalize())
        place.set_title(layer.removesuffix(".weight"), loc="left")
    for place in places[len(layers) :]:
        place.remove()
    places[0].set_ylabel(f"{_format_title(rows, look)}\nWeights (%)")


@figure(
    plot=plot,
    reads=lambda _: ["movement_in_ticket"],
    reading="Histograms show the weights of each layer in one training. "
    f"If a network has more than {MOST} layers, {MOST} are shown, evenly spaced from the first to the last.",
    quantities=[Metric("distance moved"), Metric("change of magnitude")],
)
def weight_movement(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    kept: float = 0.211,
) -> pd.DataFrame:
    """Select distance moved and change of magnitude (figures 19 and 20), at the measured level nearest to `kept`.

    Needs movement; returns COLUMNS, one row per bin. Bins have the unit of the weights. `share` is a share of the
    weights of the layer and group.
    """
    movement = find_table(tables, "movement")
    parts = [_select_run(movement[movement["run"] == run], run, kept) for run in list_runs(columns)]
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)


def _select_run(rows: pd.DataFrame, run: str, kept: float) -> pd.DataFrame:
    """Return the histograms of the lowest seed of a run, or one row with `trials` 0."""
    if rows.empty:
        return pd.DataFrame({"run": [run], "layer": [""], "quantity": ["distance moved"], "trials": [0]})
    # By ratio, as levels are spaced: each round keeps a fixed share.
    nearest = min(rows["kept"].unique(), key=lambda share: abs(log(share / kept)))
    rows = rows[rows["layer"].isin(_select_layers(list_unique(rows["layer"])))]
    # Bins differ between seeds, so that a mean over seeds has no meaning.
    first: pd.DataFrame = rows[(rows["kept"] == nearest) & (rows["seed"] == rows["seed"].min())]
    return first.assign(trials=1)


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw one panel, or a message if nothing was measured."""
    if not rows["trials"].any():
        draw_message(axes, ABSENT)
        return
    for group, bins in rows.groupby("group", sort=False):
        # `stairs` takes one edge more than values.
        edges = [*bins["bin_left"], bins["bin_right"].iloc[-1]]
        axes.stairs(100 * bins["share"], edges, linewidth=1.3, **GROUPS[str(group)])
    seen = rows[rows["share"] > LEAST]
    # A few weights move far; an axis that reaches them would squeeze all others into one bin.
    axes.set_xlim(seen["bin_left"].min(), seen["bin_right"].max())
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=TICKS_APART))  # numbers of six characters in a narrow panel
    axes.set_ylim(bottom=0)
    declare_compared(axes, x=str(rows["quantity"].iloc[0]), y="share of the weights")


def _select_layers(layers: Sequence[str]) -> list[str]:
    """Return at most MOST of the layers, evenly spaced, with the first and the last."""
    shown = min(len(layers), MOST)
    return [layers[round(place * (len(layers) - 1) / max(shown - 1, 1))] for place in range(shown)]


def _format_title(rows: pd.DataFrame, look: Look) -> str:
    """Return the title of a run, with the share kept of its level."""
    kept = rows["kept"].dropna()
    return format_run_title(rows["run"].iloc[0], look.titles) + (
        f", {format_per_cent(kept.iloc[0])} % kept" if len(kept) else ""
    )
