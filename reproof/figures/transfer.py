"""Draw the error of networks on adversarial examples made for others (Szegedy et al. 2014, tables 2 and 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import isclose

from reproof.figures.colour_key import draw_colour_key
from reproof.figures.findings_of_parts import find_transfer
from reproof.figures.kinds import figure
from reproof.figures.seeds import (
    Columns,
    References,
    Tables,
    add_published_by_part,
    arrange_quantities,
    select_metrics,
    summarise_seeds,
)
from reproof.figures.style import MUTED, Look, draw_message
from reproof.figures.tiles import (
    LINE,
    compute_name_width,
    compute_row_height,
    count_lines,
    create_tiles,
    name_rows,
    wrap,
)
from reproof.figures.words import ABSENT, format_run_title, label_quantity, list_runs, list_unique

COLOURS, DARK = "YlOrBr", 62  # above this error in per cent, text is white
COLUMN, ROW, LEAST = 0.78, 0.36, 2.0  # inches: width and height of a cell, least width of a panel
BESIDE, ACROSS = 4, 13  # most columns of matrices that share a row of the figure; letters per line of a column's name


@dataclass(frozen=True)
class Matrix:
    """One panel: its rows, metric, runs in order, names of its columns and rows, and places of absent runs."""

    rows: pd.DataFrame
    metric: str
    runs: Sequence[str]
    columns: Sequence[str]
    names: Sequence[str]
    absent: Sequence[int]


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one matrix per entry and metric, with the mean in each cell and the published value in brackets below."""
    matrices = [_make_matrix(table, panel, metric, look) for panel, metric in _list_panels(table)]
    wide, tall = (
        max(len(each) for each in sizes) for sizes in zip(*((m.runs, m.names) for m in matrices), strict=True)
    )
    below = LINE * max(count_lines(name) for matrix in matrices for name in matrix.columns)
    names = [name for matrix in matrices for name in matrix.names]
    room, high = compute_name_width(names), compute_row_height(names, ROW)
    titles = [label_quantity(matrix.metric) for matrix in matrices]
    picture, places = create_tiles(
        titles, across=2 if wide <= BESIDE else 1, size=(max(COLUMN * wide, LEAST), high * tall), labels=(),
        gap=room + 0.45, drop=0.75 + below, left=room + 0.25, low=0.6 + below,
    )  # fmt: skip
    for matrix, place in zip(matrices, places, strict=True):
        _draw(place, matrix)
    draw_colour_key(picture, colours=COLOURS, limit=100.0, label="Error (%)")
    return picture


def list_transfer_metrics(options: Mapping[str, Any]) -> list[str]:
    """Return the metrics of the panels."""
    kinds, split = options.get("metric", ""), options.get("split", "train")
    return [_find_metric_name(kind, split) for kind in ([kinds] if isinstance(kinds, str) else kinds)]


@figure(
    finding=find_transfer,
    plot=plot,
    reads=list_transfer_metrics,
    reading="Mean error over seeds, in per cent, of the network of a column on examples made for the network of a row.",
    published="In brackets",
)
def transfer(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    split: str = "train",
    metric: str | Sequence[str] = "",
    noises: Sequence[float] = (),
) -> pd.DataFrame:
    """Select the errors of networks (`part`) on examples made for others (`run`).

    `metric` is the metric of a panel, or a list with one per panel: a full name, or "noise", "excess", "amplified" or
    "clean"; "" is the error on the unchanged examples. `noises` are standard deviations of Gaussian noise, each with a

    row at the bottom. Entries with a single run each form one matrix together. Needs measurements; returns
    `seeds.COLUMNS`, with errors in [0, 1] ("excess" may be negative).
    """
    # A matrix of a single network would show no transfer.
    entries = [list_runs(columns)] if all(len(column) == 1 for column in columns) else columns
    kinds = [metric] if isinstance(metric, str) else metric
    metrics = [_find_metric_name(kind, split) for kind in kinds]
    noise = f"{split}_noise_error"
    rows = select_metrics(tables, entries, [*metrics, noise])
    rows = rows[(rows["metric"] != noise) | _find_among(rows["at"], noises)]
    # Noise is measured on the network itself, so it has no `part`; as a row of the matrix it needs its column.
    rows = rows.assign(part=rows["part"].where(rows["metric"] != noise, rows["run"]))
    summary, quantities = summarise_seeds(rows), [*metrics, *([noise] if noises else [])]
    parts = [
        # The operation may test on more networks than a panel has columns.
        arrange_quantities(summary[summary["part"].isin(entry)], [entry], quantities).assign(panel=panel)
        for panel, entry in enumerate(entries)
    ]
    return add_published_by_part(pd.concat(parts, ignore_index=True), references)


def _find_metric_name(kind: str, split: str) -> str:
    """Return the full name of a metric of transfer."""
    return kind if "_transfer_" in kind else "_".join(filter(None, [split, "transfer", kind, "error"]))


def _find_among(places: "pd.Series[float]", wanted: Sequence[float]) -> "pd.Series[bool]":
    """Return a mask (bool) of the places that equal one of those wanted, up to rounding."""
    # By tolerance: a deviation written in YAML and one read from parquet need not have equal bits.
    return places.map(lambda place: any(isclose(place, one) for one in wanted)).astype(bool)


def _list_panels(table: pd.DataFrame) -> list[tuple[int, str]]:
    """Return the panels: one for each entry and metric."""
    metrics = [metric for metric in list_unique(table["quantity"]) if "_transfer_" in metric]
    return [(panel, metric) for panel in table["panel"].unique() for metric in metrics]


def _make_matrix(table: pd.DataFrame, panel: int, metric: str, look: Look) -> Matrix:
    """Return one panel; rows of noise follow those of networks."""
    own = table[table["panel"] == panel]
    runs = list_unique(own["run"])
    noises = sorted(own.loc[own["trials"] > 0, "at"].dropna().unique())
    titles = [format_run_title(run, look.titles) for run in runs]
    names = [wrap(title, 30) for title in titles] + [f"noise, deviation {noise:g}" for noise in noises]
    absent = [place for place, run in enumerate(runs) if not (own.loc[own["run"] == run, "trials"] > 0).any()]
    rows = own[(own["quantity"] == metric) | _find_among(own["at"], noises)]
    # The row of a noise below the networks, None for rows of networks.
    lower = [next((place for place, noise in enumerate(noises) if isclose(noise, at)), None) for at in rows["at"]]
    row = [
        runs.index(run) if below is None else len(runs) + below for run, below in zip(rows["run"], lower, strict=True)
    ]
    headings = [wrap(title, ACROSS) for title in titles]
    return Matrix(rows.assign(row=row), metric, runs, headings, names, absent)


def _draw(axes: Axes, matrix: Matrix) -> None:
    """Draw one panel, or a message if nothing was measured."""
    measured = matrix.rows[matrix.rows["trials"] > 0]
    if measured.empty:
        draw_message(axes, ABSENT)
        return
    grid = [[float("nan")] * len(matrix.runs) for _ in matrix.names]
    for row, part, mean in zip(measured["row"], measured["part"], measured["mean"], strict=True):
        grid[row][matrix.runs.index(part)] = 100 * mean
    # 0 to 100 % in every matrix: equal colours are equal errors, also between figures. NaN cells stay white.
    axes.imshow(grid, cmap=COLOURS, vmin=0, vmax=100, aspect="auto")
    published = matrix.rows[matrix.rows["source"] != ""]
    beside = {(row, part): 100 * mean for row, part, mean in published[["row", "part", "mean"]].itertuples(index=False)}
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            _draw_cell(axes, row, column, value, beside.get((row, matrix.runs[column])))
    for row in matrix.absent:
        axes.text(len(matrix.runs) / 2 - 0.5, row, ABSENT, color=MUTED, ha="center", va="center", fontsize=7)
    name_rows(axes, matrix.names)
    axes.set_xticks(range(len(matrix.columns)), matrix.columns, fontsize=7)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="Network tested", ylabel="Examples made for")


def _draw_cell(axes: Axes, row: int, column: int, value: float, published: float | None) -> None:
    """Write the error of a cell, with the published one in brackets below."""
    if pd.isna(value):
        return
    texts = [(0.0, _format_number(value), 7.0)]
    if published is not None:
        texts = [(-0.14, _format_number(value), 7.0), (0.26, f"({_format_number(published)})", 5.8)]
    for below, text, size in texts:
        ink = "white" if value > DARK else "#222222"
        axes.text(column, row + below, text, ha="center", va="center", fontsize=size, color=ink)


def _format_number(value: float) -> str:
    """Return the text of an error in per cent, in the format of the paper's tables, with a true minus sign."""
    return ("100" if value >= 99.95 else f"{value:.1f}").replace("-", "−")
