"""Draw the similarity of the images that most excite single units, and random directions (Szegedy et al. 2014)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reproof.figures.findings_of_parts import find_purity
from reproof.figures.inks import INKS
from reproof.figures.kinds import figure
from reproof.figures.scales import TICKS_APART
from reproof.figures.seeds import SPREAD, Columns, References, Tables, arrange_entries, select_metrics, summarise_seeds
from reproof.figures.style import MUTED, Look, draw_legend
from reproof.figures.tiles import compute_name_width, compute_row_height, create_tiles, name_rows, wrap
from reproof.figures.words import ABSENT, format_run_title, list_runs

ROW = 0.46  # inches of a network: units, directions, and the p value below
PARTS = ("trained", "untrained")
WHO = {"units": ("single units", INKS["ticket"]), "directions": ("random directions", INKS["reinitialise"])}
# Shares of a row above its middle; the p value is below.
HEIGHTS = {"units": -0.24, "directions": 0.0}
MEASURES = {  # label and factor to its unit
    "purity": ("Share of the most frequent class (%)", 100),
    "compactness": ("Pixel distance relative to random sets", 1),
}


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel for purity and one for compactness, with a row for each network before and after training."""
    # A run without measurements has the part "" and one row for its message.
    rows = list(dict.fromkeys(zip(table["run"], table["part"], strict=True)))
    names = [wrap(f"{format_run_title(run, look.titles)}{part and ', '}{part}", 30) for run, part in rows]
    entries = [
        Line2D([], [], label=label, color=colour, marker=marker, linestyle="none")
        for label, (colour, marker) in WHO.values()
    ]
    size, labels = (2.5, compute_row_height(names, ROW) * len(rows)), [str(entry.get_label()) for entry in entries]
    picture, places = create_tiles(
        [one.capitalize() for one in MEASURES],
        across=2,
        size=size,
        labels=labels,
        gap=0.3,
        left=compute_name_width(names),
    )
    for measure, place in zip(MEASURES, places, strict=True):
        first = place is places[0]
        for row, (run, part) in enumerate(rows):
            _draw_row(place, table[(table["run"] == run) & (table["part"] == part)], measure, row, say=first)
        name_rows(place, names if first else [""] * len(names))
        place.set_xlabel(MEASURES[measure][0])
        place.grid(visible=True, axis="x")
        place.xaxis.set_major_locator(MaxNLocator(4, steps=TICKS_APART))
        place.margins(x=0.08)
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_purity,
    plot=plot,
    reads=lambda _: ["units_purity", "directions_purity"],
    reading=f"Each dot {SPREAD}. The value of a seed is its mean over units, or over random directions. p is the p "
    "value of the difference: permutation tests of all seeds, combined by Stouffer's method with the sign of each.",
)
def purity(tables: Tables, columns: Columns, references: References) -> pd.DataFrame:
    """Select purity and compactness for units and directions, with the p values of their differences.

    Needs measurements. Returns `seeds.COLUMNS`, one row per run, part ("trained" or "untrained") and quantity. Purity
    is a share, compactness a ratio.
    """
    metrics = [f"{who}_{measure}" for measure in MEASURES for who in WHO] + [f"{one}_p_value" for one in MEASURES]
    every = select_metrics(tables, columns, [*metrics, *(f"{one}_difference" for one in MEASURES)])
    rows = every[every["metric"].isin(metrics)]
    # Trained above untrained, which is the control.
    order = {part: place for place, part in enumerate(PARTS)}
    rows = rows[rows["part"].isin(PARTS)].sort_values("part", key=lambda parts: parts.map(order), kind="stable")
    table = arrange_entries(summarise_seeds(rows), [list_runs(columns)], metrics[0])
    keys = zip(table["run"], table["part"], table["quantity"], strict=True)
    return table.assign(combined=[_combine_seeds(every, run, part, quantity) for run, part, quantity in keys])


def _combine_seeds(every: pd.DataFrame, run: str, part: str, quantity: str) -> float:
    """Return the combined p value of the seeds of a network, NaN for other quantities."""
    if not str(quantity).endswith("_p_value"):
        return float("nan")
    own = every[(every["run"] == run) & (every["part"] == part)]
    seeds = own.pivot_table(index="seed", columns="metric", values="value")
    difference = quantity.replace("_p_value", "_difference")
    if quantity not in seeds or difference not in seeds:
        return float("nan")
    return combine_p_values(seeds[quantity].tolist(), seeds[difference].tolist())


def combine_p_values(values: Sequence[float], differences: Sequence[float]) -> float:
    """Return the two-sided p value of several two-sided tests by Stouffer's method, with the sign of each difference.

    Each value becomes a normal deviate with the sign of its difference; their sum over the root of their number is
    normal again. So seeds that disagree in direction cancel, which they would not do with Fisher's method.
    """
    from scipy.stats import norm  # noqa: PLC0415 (late: scipy costs most of a second)

    deviates = np.copysign(norm.isf(np.asarray(values) / 2), differences)
    return float(2 * norm.sf(abs(deviates.sum()) / np.sqrt(len(deviates))))


def _draw_row(axes: Axes, rows: pd.DataFrame, measure: str, row: int, *, say: bool) -> None:
    """Draw one network: units, directions, and the p value of their difference; or a message if it was not run."""
    unit = MEASURES[measure][1]
    by = {one["quantity"]: one for one in rows[rows["trials"] > 0].to_dict("records")}
    for who, (_, (colour, marker)) in WHO.items():
        one = by.get(f"{who}_{measure}")
        if one is not None:
            bars = [[unit * (one["mean"] - one["lowest"])], [unit * (one["highest"] - one["mean"])]]
            axes.errorbar(
                [unit * one["mean"]], [row + HEIGHTS[who]], xerr=bars,
                color=colour, marker=marker, elinewidth=0.9, linestyle="none",
            )  # fmt: skip
    found = by.get(f"{measure}_p_value")
    # The p value of each measure, or the message of an absent run; the latter once, in the first panel.
    text = _format_p_value(found["combined"], found["trials"]) if found else "" if by or not say else ABSENT
    # x is a share of the panel, because the scale of x is known only after all rows are drawn.
    axes.text(0.03, row + 0.27, text, transform=axes.get_yaxis_transform(), va="center", color=MUTED, fontsize=6.5)


def _format_p_value(combined: float, seeds: int) -> str:
    """Return the text of a p value combined over seeds.

    >>> _format_p_value(0.0321, 3), _format_p_value(0.5, 1)
    ('p = 0.032 (3 seeds combined)', 'p = 0.5 (1 seed)')
    """
    return f"p = {combined:.2g} ({seeds} seed{'s combined' if seeds > 1 else ''})"
