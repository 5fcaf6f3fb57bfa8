"""Draw the cost of resets as heat maps: layers by checkpoints (Zhang, Bengio & Singer 2022, figure 1)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures.colour_key import MARK, draw_colour_key
from reproof.figures.findings import find_costly_reset
from reproof.figures.kinds import figure
from reproof.figures.layers import label_layer, list_parts, summarise_layers
from reproof.figures.style import Look, create_canvas, draw_message
from reproof.figures.words import ABSENT, format_run_title, list_unique

COLOURS = "YlOrBr"  # sequential: errors have one direction, and lightness falls steadily; light where nothing is lost
ROW, COLUMN = 0.2, 0.5  # inches of a cell
HEADINGS = {"rerandomised": "random", "removed": "cut out", "with_frozen_layers": "frozen"}  # columns that are no steps


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per run, each cell with its error in per cent."""
    runs = list_unique(table["run"])
    grids = {run: _pivot_errors(table[table["run"] == run]) for run in runs}
    # Cells have one size in all panels, so the largest network decides the size of a panel.
    tall = max(len(grid) for grid in grids.values())
    wide = max(len(grid.columns) for grid in grids.values())
    # One colour scale for all panels: equal colours must be equal errors.
    limit, beyond = _find_limit(list(grids.values()))
    across = min(2, len(runs))
    down = -(-len(runs) // across)
    size = (max(COLUMN * wide, 1.8), max(ROW * tall, 0.8))
    picture, axes = create_canvas(down, across, size=size, labels=(), gap=1.05, drop=0.75)
    places = [place for line in axes for place in line]
    for run, place in zip(runs, places, strict=False):
        place.set_title(format_run_title(run, look.titles), loc="left")
        _draw(place, grids[run], limit)
    for place in places[len(runs) :]:
        place.remove()
    draw_colour_key(picture, colours=COLOURS, limit=limit, label="Error (%)", beyond=beyond)
    return picture


@figure(
    finding=find_costly_reset,
    plot=plot,
    reads=lambda options: [f"{options.get('split', 'test')}_accuracy_reinitialised"],
    reading="Mean error over seeds, in per cent, after the layer of a row is reset to its weights at a training step "
    "(column). All other layers keep their trained weights. *random*: the layer gets new random weights from its "
    "initialiser. *cut out*: the block is removed after training. *frozen*: the layer was never trained.",
)
def layer_heat_map(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
) -> pd.DataFrame:
    """Select the error on `split` with each layer reset to each checkpoint, to fresh weights, cut out, or frozen.

    Needs measurements; returns `layers.COLUMNS` with errors in [0, 1]. `at` is the step, NaN where it is none.
    """
    metrics = [f"{split}_accuracy_{way}" for way in ("reinitialised", *HEADINGS)]
    table = summarise_layers(tables, columns, metrics)
    # The error is 1 - accuracy, so the upper end of the accuracy's interval becomes the lower end of the error's.
    return table.assign(**{name: 1 - table[name] for name in ("mean",)}, low=1 - table["high"], high=1 - table["low"])


def _pivot_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """Return errors in per cent [layers, steps], in the order of the network and of training, other columns last."""
    rows = rows[rows["trials"] > 0]
    if rows.empty:
        return pd.DataFrame()
    ways = rows["quantity"].str.partition("_accuracy_")[2].map(HEADINGS)
    heading = [way if np.isnan(at) else f"{at:,.0f}" for at, way in zip(rows["at"], ways, strict=True)]
    # `pivot` sorts headings as text, "1,000" before "200", so the order by number is restored below.
    order = [f"{at:,.0f}" for at in sorted(rows["at"].dropna().unique())]
    wide = rows.assign(heading=heading).pivot(index="part", columns="heading", values="mean")
    others = [way for way in HEADINGS.values() if way in heading]
    # A set of layers that was frozen together is none of the layers.
    layers = list_parts(rows[rows["at"].notna()]) or list_parts(rows)
    return 100 * wide.reindex(index=layers, columns=[*order, *others])


def _find_limit(grids: Sequence[pd.DataFrame]) -> tuple[float, bool]:
    """Return the end of the colour scale in per cent, and whether an error lies beyond it.

    It is the largest error after a reset to a step. A layer with random weights often leaves a network at chance, and
    a scale up to there would make all other cells alike.
    """
    every = max(float(np.nanmax(grid.to_numpy(), initial=0.0)) for grid in grids)
    resets = [grid.drop(columns=[name for name in HEADINGS.values() if name in grid]) for grid in grids]
    steps = max(float(np.nanmax(grid.to_numpy(), initial=0.0)) for grid in resets)
    # Without resets to steps, or if others cost about as much, the scale reaches to the largest of all.
    return (every, False) if not 0 < 1.5 * steps < every else (steps, True)


def _draw(axes: Axes, grid: pd.DataFrame, worst: float) -> None:
    """Draw one panel, or a message if nothing was measured; `worst` is the end of the colour scale of all panels."""
    if grid.empty:
        draw_message(axes, ABSENT)
        return
    values = grid.to_numpy()
    axes.imshow(values, cmap=COLOURS, vmin=0, vmax=worst, aspect="auto")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(range(len(grid)), [label_layer(part) for part in grid.index])
    axes.set_xticks(range(len(grid.columns)), grid.columns)
    axes.set_xlabel("Reset to its weights at step")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            # About where the colours become too dark for black text.
            ink = "white" if value > 0.62 * worst else "#222222"
            text = f"{value:.1f}{MARK if value > worst + 1e-9 else ''}"
            axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=ink)
