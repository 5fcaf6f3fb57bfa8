"""Draw one value for each run: a row for each network, a panel for each metric, published values below measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy import isclose

from reproof.figures.artists import choose_published_style
from reproof.figures.attack_styles import assign_attack_inks, label_attack, label_trained_arm
from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_extremes
from reproof.figures.inks import pick_ink
from reproof.figures.kinds import figure
from reproof.figures.legend import list_publications, list_published_entries
from reproof.figures.quantities import find_quantity
from reproof.figures.scales import TICKS_APART
from reproof.figures.seeds import (
    SPREAD,
    Columns,
    References,
    Tables,
    add_published_by_part,
    arrange_quantities,
    select_metrics,
    select_parts,
    summarise_seeds,
)
from reproof.figures.style import MUTED, Look, draw_legend, draw_message
from reproof.figures.tiles import compute_name_width, compute_row_height, create_tiles, name_rows, wrap
from reproof.figures.words import (
    ABSENT,
    extract_publication,
    format_run_title,
    label_quantity,
    list_runs,
    list_unique,
    name_quantity,
)
from reproof.metrics import SPLITS

Series = tuple[str, str]  # arm, part
DISTORTIONS = ("train_minimum_distortion", "train_clean_error")
ROW, SERIES = 0.24, 0.11  # inches of a row, and of each further series in it
BELOW = 0.3  # share of a row between a measured value and a published one below it
FROM_ZERO = 0.6  # an axis starts at 0 unless the lowest value exceeds this share of the highest


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw a row for each run and a panel for each metric; colours denote the arms or parts of a run."""
    runs, metrics = list_unique(table["run"]), list_unique(table["quantity"])
    names = [wrap(format_run_title(run, look.titles), 34) for run in runs]
    series = list_unique(table.loc[table["trials"] > 0, ["arm", "part"]].itertuples(index=False, name=None))
    sources, styles = list_publications(table), _assign_styles(series, look)
    entries = _list_entries(series, styles, sources)
    tall = len(names) * compute_row_height(names, ROW + SERIES * max(len(series) - 1, 0))
    size = (2.3 if len(metrics) > 1 else 4.0, max(tall, 0.5))
    labels = [str(entry.get_label()) for entry in entries]
    picture, places = create_tiles(
        [name_quantity(metric) for metric in metrics],
        across=3,
        size=size,
        labels=labels,
        gap=0.3,
        drop=0.7,
        left=compute_name_width(names),
        low=0.9,
    )
    for number, (metric, place) in enumerate(zip(metrics, places, strict=True)):
        rows = table[table["quantity"] == metric]
        _draw(place, rows, runs, styles, sources)
        # Panels are three per line and share their rows; names at the first of a line are enough.
        name_rows(place, names if number % 3 == 0 else [""] * len(names))
        place.set_xlabel(wrap(label_quantity(metric), 36 if len(metrics) > 1 else 60))
        for run in _list_absent_runs(table) if not number else ():
            # x is a share of the panel, y a number of rows: the message must not depend on the scale of x.
            across = place.get_yaxis_transform()
            place.text(0.03, runs.index(run), ABSENT, transform=across, va="center", color=MUTED, fontsize=7)
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_extremes,
    plot=plot,
    reads=lambda options: [tuple(options.get("metrics", DISTORTIONS))],
    reading=f"Each dot {SPREAD}.",
)
def by_run(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = DISTORTIONS,
    part: str = "",
    at: float | None = None,
    arms: Sequence[str] = ("ticket",),
    level: int = 0,
) -> pd.DataFrame:
    """Select one value of each metric for each run.

    `part` is a shell pattern; "" selects rows without a part, or whose part is the run itself. `at` is the place, such

    as an epsilon, of metrics that have one. `arms` are shell patterns. Needs measurements; returns `seeds.COLUMNS`.
    """
    runs = [list_runs(columns)]
    rows = select_metrics(tables, runs, metrics, arms=arms, level=level)
    # `minimum_distortion` writes into `part` the run whose network classifies. For the run itself it adds nothing.
    rows = select_parts(rows.assign(part=rows["part"].where(rows["part"] != rows["run"], "")), [part])
    rows = rows[rows["at"].isna() | (False if at is None else isclose(rows["at"], at))]
    published = [one | {"part": ""} if one.get("part") == one["run"] else one for one in map(dict, references)]
    table = arrange_quantities(summarise_seeds(rows), runs, metrics)
    return add_published_by_part(table, [one for one in published if _is_near(one, at)])


def _list_absent_runs(table: pd.DataFrame) -> list[str]:
    """Return the runs without any measurement."""
    most = table.groupby("run", sort=False)["trials"].max()
    return [str(run) for run in most[most == 0].index]


def _is_near(one: Mapping[str, Any], at: float | None) -> bool:
    """Return whether a published value has no place, or the place of the figure."""
    return "at" not in one or (at is not None and bool(isclose(one["at"], at)))


def _assign_styles(series: Sequence[Series], look: Look) -> dict[Series, dict[str, Any]]:
    """Return the style of each series: by attack or arm if only one of them differs, else one of a palette."""
    arms, parts = ({one[which] for one in series} for which in (0, 1))
    attacks = assign_attack_inks((one[1] for one in series), look.names.attacks)
    own = {one: attacks[one[1]] if len(parts) > 1 else look.inks[one[0]] for one in series}
    mixed = {one: pick_ink(place) for place, one in enumerate(series)}
    inks = mixed if min(len(arms), len(parts)) > 1 else own
    return {one: {"color": ink.colour, "marker": ink.marker} for one, ink in inks.items()}


def _list_entries(
    series: Sequence[Series], styles: Mapping[Series, Mapping[str, Any]], sources: Sequence[str]
) -> list[Line2D]:
    """Return the legend; a single measured series needs no entry unless there are published values."""
    found = [Line2D([], [], label=_label_series(one, series), linestyle="none", **styles[one]) for one in series]
    hollow = list_published_entries(sources)
    return (found if len(series) > 1 or hollow else []) + hollow


def _label_series(one: Series, series: Sequence[Series]) -> str:
    """Return the legend label of a series: its arm, its part or both, whichever differ."""
    arms, parts = ({each[which] for each in series} for which in (0, 1))
    words = [label_trained_arm(one[0])] if len(arms) > 1 else []
    words += [label_attack(one[1]) or "without a part"] if len(parts) > 1 else []
    return ", ".join(words) or "measured: mean, lowest and highest seed"


def _draw(
    axes: Axes,
    rows: pd.DataFrame,
    runs: Sequence[str],
    styles: Mapping[Series, Mapping[str, Any]],
    sources: Sequence[str],
) -> None:
    """Draw one panel, or a message if nothing was measured."""
    if not (rows["trials"] > 0).any():
        draw_message(axes, ABSENT)
        return
    unit = 100 if find_quantity(str(rows["quantity"].iloc[0])).is_share else 1
    shown = [one for one in styles if ((rows["arm"] == one[0]) & (rows["part"] == one[1])).any()]
    # The series of a run fill 0.6 of its row; the rest separates it from the next run.
    apart = 0.6 / max(len(shown), 1)
    for one in rows[(rows["trials"] > 0) | (rows["source"] != "")].to_dict("records"):
        series = (one["arm"], one["part"])
        # Series are shifted against each other, centred on the row, so that equal values do not cover one another.
        row = runs.index(one["run"]) + apart * (shown.index(series) - (len(shown) - 1) / 2)
        bars = [[unit * (one["mean"] - one["lowest"])], [unit * (one["highest"] - one["mean"])]]
        look = {**styles[series], "linestyle": "none"}
        if one["source"]:
            mark = choose_published_style(str(look["color"]), sources.index(extract_publication(one["source"])))
            look, row = mark | {"markersize": 4, "ecolor": look["color"], "zorder": 4}, row + BELOW * apart / 0.6
        axes.errorbar([unit * one["mean"]], [row], xerr=bars, elinewidth=0.9, **look)
    _scale_x(axes, unit * rows["lowest"].min(), unit * rows["highest"].max())
    # A metric of several sets is one quantity.
    split, _, metric = str(rows["quantity"].iloc[0]).partition("_")
    declare_compared(axes, x=metric if split in SPLITS else "")


def _scale_x(axes: Axes, low: float, high: float) -> None:
    """Scale x from 0, unless this would squeeze the values into a corner."""
    # Dots show values by position, not by length, so an axis without 0 does not mislead as it does with bars.
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    axes.set_xlim(low - room if not 0 <= low <= FROM_ZERO * high else -0.02 * high, high + room)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=TICKS_APART))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
