"""Draw upper Lipschitz bounds of layers (Szegedy et al. 2014, section 4.3 and table 5)."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from reproof.figures.artists import choose_published_style
from reproof.figures.compared import declare_compared
from reproof.figures.findings_of_parts import compare_bounds
from reproof.figures.inks import INKS
from reproof.figures.kinds import figure
from reproof.figures.layers import label_layer
from reproof.figures.legend import list_publications, list_published_entries
from reproof.figures.seeds import (
    SPREAD,
    Columns,
    References,
    Tables,
    add_published_by_part,
    arrange_entries,
    select_metrics,
    summarise_seeds,
)
from reproof.figures.style import DENSE, MUTED, Look, draw_legend, draw_message
from reproof.figures.tiles import SMALL_LETTER, SMALL_LINE, create_tiles
from reproof.figures.words import ABSENT, extract_publication, format_run_title, label_quantity, list_runs, list_unique

BOUND, PRODUCT = "lipschitz_bound", "lipschitz_product"
STATES: dict[str, dict[str, Any]] = {
    "untrained": {"color": MUTED, "marker": "s", "linestyle": (0, (4, 1.5))},
    "trained": {"color": INKS["ticket"][0], "marker": "o", "linestyle": "-"},
}
# A bound below 1 contracts: no perturbation can grow in such a layer.
ONE: dict[str, Any] = {"color": DENSE, "linewidth": 0.9, "linestyle": "--"}


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per run: the bounds by layer, before and after training, and a line at 1."""
    runs, sources = list_unique(table["run"]), list_publications(table)
    entries = [Line2D([], [], label=name, **style) for name, style in STATES.items() if (table["state"] == name).any()]
    entries += [Line2D([], [], label="factor 1: no amplification", **ONE)]
    entries += list_published_entries(sources)
    layers = max((_list_layers(table[table["run"] == run]) for run in runs), key=len)
    width = max(2.4 if len(runs) > 1 else 3.8, 0.2 * len(layers))
    longest = SMALL_LETTER * max((len(label_layer(layer)) for layer in layers), default=0)
    # Names of layers side by side must fit below the panel, or they are turned.
    upright = longest * len(layers) > 0.9 * width
    below = longest if upright else SMALL_LINE
    picture, places = create_tiles(
        [format_run_title(run, look.titles) for run in runs],
        across=1 if width > 4.5 else 2 if width > 2.8 else 3, size=(width, 1.9),
        labels=[str(entry.get_label()) for entry in entries], gap=0.7, drop=0.45 + below, left=0.8, low=0.5 + below,
    )  # fmt: skip
    for run, place in zip(runs, places, strict=True):
        _draw(place, table[table["run"] == run], sources)
        place.tick_params(axis="x", rotation=90 if upright else 0)
    draw_legend(picture, entries)
    return picture


@figure(
    finding=compare_bounds,
    plot=plot,
    reads=lambda _: [BOUND],
    reading=f"Each point {SPREAD}. The bound is the largest factor by which a layer can amplify a change of its "
    "input. The bound of the network is their product, times the greatest slope of each activation between them: a "
    "sigmoid's is a quarter.",
)
def spectra(tables: Tables, columns: Columns, references: References) -> pd.DataFrame:
    """Select upper Lipschitz bounds of layers at the first and the last measured step, and their products.

    Needs measurements; returns `seeds.COLUMNS` and `state` ("untrained" or "trained"). `part` is the layer, "" for the
    product. Bounds are ratios of L2 norms.
    """
    rows = select_metrics(tables, columns, [BOUND, PRODUCT]).dropna(subset=["at"])
    ends = rows.groupby("run")["at"].agg(["min", "max"])
    # Runs may be trained for different numbers of steps.
    first, last = (rows["run"].map(ends[which]) for which in ("min", "max"))
    rows = rows[(rows["at"] == first) | (rows["at"] == last)]
    table = add_published_by_part(arrange_entries(summarise_seeds(rows), [list_runs(columns)], BOUND), references)
    last_of = table["run"].map(ends["max"])
    # A published value without a place counts as trained, because NaN compares false.
    return table.assign(state=(table["at"] < last_of).map({True: "untrained", False: "trained"}))


def _list_layers(rows: pd.DataFrame) -> list[str]:
    """Return the layers with a bound, in order of appearance."""
    return list_unique(rows.loc[(rows["quantity"] == BOUND) & (rows["part"] != ""), "part"])


def _draw(axes: Axes, rows: pd.DataFrame, sources: Sequence[str]) -> None:
    """Draw one panel, or a message if nothing was measured."""
    points, layers = rows[(rows["trials"] > 0) & (rows["quantity"] == BOUND)], _list_layers(rows)
    if points.empty:
        draw_message(axes, ABSENT)
        return
    axes.axhline(1, **ONE)
    for state, line in points.groupby("state"):
        at = [layers.index(part) for part in line["part"]]
        bars = [line["mean"] - line["lowest"], line["highest"] - line["mean"]]
        axes.errorbar(at, line["mean"], bars, elinewidth=0.8, **STATES[str(state)])
    for one in rows[(rows["source"] != "") & rows["part"].isin(layers)].to_dict("records"):
        style = choose_published_style(
            str(STATES["trained"]["color"]), sources.index(extract_publication(one["source"]))
        )
        axes.plot([layers.index(one["part"])], [one["mean"]], zorder=4, **style)
    axes.set_xticks(range(len(layers)), [label_layer(part) for part in layers])
    axes.set_xlim(-0.4, len(layers) - 0.6)
    axes.set_ylabel(label_quantity(BOUND))
    _scale_y(axes, rows, _format_products(rows))
    declare_compared(axes, y=BOUND)


def _format_products(rows: pd.DataFrame) -> str:
    """Return the text of the products over all layers, a line for each state."""
    measured = rows[rows["trials"] > 0]
    found = measured[measured["quantity"] == PRODUCT].set_index("state")["mean"]
    plotted = measured[measured["quantity"] == BOUND].groupby("state")["mean"].prod()
    return "\n".join(_format_product(state, found[state], plotted.get(state)) for state in STATES if state in found)


def _format_product(state: str, product: float, plotted: float | None) -> str:
    """Return the text of the bound of the network, and why it is not the product of the layers' bounds.

    >>> _format_product("trained", 84.0, 1344.0), _format_product("trained", 84.0, 84.0)
    ('network, trained: 84 (layers ÷ 16)', 'network, trained: 84')
    """
    # Of several seeds, the mean of products differs a little from the product of means.
    if plotted is None or 0.8 < plotted / product < 1.25:
        return f"network, {state}: {product:,.3g}"
    return f"network, {state}: {product:,.3g} (layers ÷ {plotted / product:.2g})"


def _scale_y(axes: Axes, rows: pd.DataFrame, text: str) -> None:
    """Make y logarithmic, with room for the text of the products on top."""
    shown = rows[rows["quantity"] == BOUND]
    low, high = min(float(shown["lowest"].min()), 1.0), max(float(shown["highest"].max()), 1.0)
    # Bounds multiply through the layers, so ratios matter; on a logarithmic axis equal ratios are equal distances.
    axes.set_yscale("log")
    span = max(high / low, 3.0)
    axes.set_ylim(low / span**0.08, high * span**0.4)
    # Over less than about two decades, powers of ten alone would leave an axis with one or two labels.
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0) if span < 200 else (1.0,), numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    under = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", color=MUTED, fontsize=7, bbox=under)
