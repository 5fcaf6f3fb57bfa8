"""Draw accuracy by size of a perturbation, and success by number of queries, with a line for each attack."""

from collections.abc import Callable, Sequence
from math import log10
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reproof.figures.artists import choose_published_style
from reproof.figures.attack_styles import Line, assign_line_styles
from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_end
from reproof.figures.kinds import figure
from reproof.figures.legend import list_publications, list_published_entries
from reproof.figures.scales import TICKS_APART
from reproof.figures.seeds import (
    SPREAD,
    Columns,
    References,
    Tables,
    add_published_by_part,
    arrange_entries,
    select_metrics,
    select_parts,
    summarise_seeds,
)
from reproof.figures.spread import iterate_groups
from reproof.figures.style import Look, draw_legend, draw_message
from reproof.figures.tiles import create_tiles
from reproof.figures.words import ABSENT, extract_publication, format_run_title, join_words, label_quantity, list_unique

Scale = Callable[[Axes, pd.DataFrame], None]


def plot_epsilon(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per entry: accuracy by epsilon."""
    return _draw_panels(table, look, _scale_epsilon_axis)


@figure(
    finding=find_end,
    plot=plot_epsilon,
    reads=lambda options: [f"{options.get('split', 'test')}_accuracy_under_attack"],
    reading=f"Each point {SPREAD}. Epsilon 0 is the accuracy without an attack.",
)
def under_attack(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    split: str = "test",
    attacks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    level: int = 0,
) -> pd.DataFrame:
    """Select accuracy under attack by epsilon; `attacks` and `arms` are shell patterns (None for all).

    Needs measurements. Returns `seeds.COLUMNS`, with the attack as `part`, epsilon as `at`, and accuracies in [0, 1].
    """
    metric = f"{split}_accuracy_under_attack"
    rows = select_parts(select_metrics(tables, columns, [metric], arms=arms, level=level), attacks)
    # The axis is epsilon: a row without one has no place on it.
    return _summarise(rows[rows["at"].notna()], columns, references, metric)


def plot_queries(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per entry: success by number of queries."""
    return _draw_panels(table, look, _scale_queries_axis)


@figure(
    finding=find_end,
    plot=plot_queries,
    reads=lambda options: [f"{options.get('split', 'test')}_success_within_queries"],
    reading=f"Each point {SPREAD}. Success is the share of correctly classified images that the attack fools within "
    "the given number of queries.",
)
def within_queries(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    split: str = "test",
    attacks: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    level: int = 0,
) -> pd.DataFrame:
    """Select success by number of queries; `attacks` and `arms` are shell patterns (None for all).

    Needs measurements. Returns `seeds.COLUMNS`, with the attack as `part`, queries as `at`, and shares in [0, 1].
    """
    metric = f"{split}_success_within_queries"
    rows = select_parts(select_metrics(tables, columns, [metric], arms=arms, level=level), attacks)
    # The axis is logarithmic, so that 0 queries have no place on it.
    return _summarise(rows[rows["at"] > 0], columns, references, metric)


def _summarise(rows: pd.DataFrame, columns: Columns, references: References, metric: str) -> pd.DataFrame:
    """Return mean and range over seeds, panel by panel, with published values of the drawn lines."""
    return add_published_by_part(arrange_entries(summarise_seeds(rows), columns, metric), references)


def _draw_panels(table: pd.DataFrame, look: Look, scale: Scale) -> Figure:
    """Draw one panel per entry; `scale` sets its x axis."""
    styles, entries = assign_line_styles(table, look)
    sources = list_publications(table[(table["source"] != "") & table["at"].notna()])
    entries += list_published_entries(sources)
    panels = [rows for _, rows in table.groupby("panel")]
    titles = [_format_title(rows, look) for rows in panels]
    size = (4.4, 2.4) if len(panels) == 1 else (2.35, 1.75)
    labels = [str(entry.get_label()) for entry in entries]
    picture, places = create_tiles(titles, across=3, size=size, labels=labels)
    for rows, place in zip(panels, places, strict=True):
        if not (rows["trials"] > 0).any():
            draw_message(place, ABSENT)
            continue
        _draw_lines(place, rows[rows["trials"] > 0], styles)
        _draw_marks(place, rows[rows["source"] != ""], styles, sources)
        scale(place, rows)
        # The whole range, with room for markers at 0 and 100: an attack is judged by how near it comes to either.
        place.set_ylim(-4, 104)
        declare_compared(place, x="at", y=str(rows["quantity"].iloc[0]))
        place.set_ylabel(label_quantity(rows["quantity"].iloc[0]))
    draw_legend(picture, entries)
    return picture


def _format_title(rows: pd.DataFrame, look: Look) -> str:
    """Return the title of a panel: its runs."""
    return join_words(format_run_title(run, look.titles) for run in list_unique(rows["run"]))


def _draw_lines(axes: Axes, points: pd.DataFrame, styles: dict[Line, dict[str, Any]]) -> None:
    """Draw a line for each run, arm and attack."""
    for line, each in iterate_groups(points.sort_values("at", kind="stable"), "run", "arm", "part"):
        bars = [100 * (each["mean"] - each["lowest"]), 100 * (each["highest"] - each["mean"])]
        axes.errorbar(each["at"], 100 * each["mean"], bars, elinewidth=0.8, **styles[line[0], line[1], line[2]])


def _draw_marks(axes: Axes, points: pd.DataFrame, styles: dict[Line, dict[str, Any]], sources: Sequence[str]) -> None:
    """Mark published values."""
    for one in points.dropna(subset=["at"]).to_dict("records"):
        colour = str(styles[one["run"], one["arm"], one["part"]]["color"])
        style = choose_published_style(colour, sources.index(extract_publication(one["source"])))
        axes.plot([one["at"]], [100 * one["mean"]], zorder=4, **style)


def _scale_epsilon_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Scale x from 0 to the greatest epsilon."""
    axes.set_xlabel("Epsilon")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=TICKS_APART))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    most = rows["at"].max()
    # With epsilon 0 alone the axis would have no width.
    axes.set_xlim((-0.03 * most, 1.03 * most) if most > 0 else (-0.05, 1))


def _scale_queries_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Make x the number of queries, logarithmic."""
    axes.set_xlabel("Queries")
    axes.set_xscale("log")
    low, high = rows["at"].min(), rows["at"].max()
    # 3 % of the decades shown, of one decade at least.
    margin = 0.03 * max(log10(high / low), 1.0)
    axes.set_xlim(low / 10**margin, high * 10**margin)
    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
