"""Draw the ranges of sparsity: random pruning matches, only tickets match, or nothing does (Frankle et al. 2020)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from reproof.figures import scales
from reproof.figures.against_step import compute_dense_mean
from reproof.figures.compared import declare_compared
from reproof.figures.findings_of_parts import find_ranges
from reproof.figures.kinds import figure, find_table
from reproof.figures.spread import arrange_panels, iterate_groups
from reproof.figures.style import Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, format_run_title, label_arm, list_runs, list_unique
from reproof.metrics import SHARE, STEPS, Metric

BEST, FIRST = "error_over_dense_network", "first_iteration_in_bounds"
LABELS = {BEST: "Error over that of\nthe dense network (%)", FIRST: "First iteration\nin bounds"}
# Pale, because the lines drawn over the ranges carry the data.
SHADES = {"I": "#f1f1f1", "II": "#dcebf7", "III": "#f7e3dc"}
MEANINGS = {"I": "random pruning matches", "II": "only tickets match", "III": "nothing matches"}
BOUND_LINE: dict[str, Any] = {"color": "#444444", "linewidth": 0.8, "linestyle": (0, (1, 2))}
MARKS = {"matching": "o", "stable": "x"}
ACCURACY, INSTABILITY = "test_accuracy_at_end", "test_instability"


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw a column per run: errors at the best iteration above, first matching and stable iterations below."""
    panels = list_unique(table["panel"])
    entries = list(_list_entries(table, look))
    labels = [str(entry.get_label()) for entry in entries]
    picture, axes = create_canvas(2, len(panels), size=(2.6, 1.7), labels=labels, gap=0.7, drop=0.3)
    for panel, *column in zip(panels, *axes, strict=True):
        for quantity, place in zip((BEST, FIRST), column, strict=True):
            _draw(place, table[table["panel"] == panel], quantity, look)
            place.set_ylabel(LABELS[quantity] if panel == panels[0] else "")
        column[0].set_title(format_run_title(panel, look.titles), loc="left")
        column[1].set_xlabel("Weights kept (%)")
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_ranges,
    plot=plot,
    reads=lambda _: [ACCURACY, INSTABILITY],
    reading="Above: mean error over trials at the best iteration of each level, chosen on the test set as in the "
    "paper. Shades are the ranges of sparsity that follow from it. Below: the first iteration from which tickets and "
    "random masks match the dense network (circles) and are stable (crosses), if there is one.",
    quantities=[Metric(BEST, SHARE), Metric(FIRST, STEPS)],
)
def sparsity_ranges(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    random: str = "shuffle_mask",
    stable: float = 0.02,
    matching: float = 0.002,
) -> pd.DataFrame:
    """Select the range of sparsity of each level at its best iteration, and the first iterations within the bounds.

    `random` is the arm that prunes at random. `stable` is the bound on mean instability, `matching` the bound on the

    mean accuracy lost against the dense network; both are shares in [0, 1]. Needs measurements. Returns
    `spread.COLUMNS`, `step`, `bound` ("matching" or "stable"), `limit` (of the bound) and `range` ("I", "II" or "III"),
    one row per run, arm, level, quantity and bound. Errors are differences of shares, first iterations are in steps.
    """
    every = find_table(tables, "measurements")
    # Level 0 is dense: neither arm has pruned anything. Rows without `at` are trainings, not copies from a step.
    rows = every[every["arm"].isin(["ticket", random]) & (every["level"] > 0) & every["at"].notna()]
    rows = rows[(rows["part"] == "") & rows["metric"].isin([ACCURACY, INSTABILITY])]
    found = [
        _summarise_run(rows[rows["run"] == run], compute_dense_mean(every, run, ACCURACY), stable, matching)
        for run in list_runs(columns)
    ]
    return arrange_panels(pd.concat(found), columns, [BEST, FIRST], also=["step", "bound", "limit", "range"])


def _summarise_run(rows: pd.DataFrame, dense: float, stable: float, matching: float) -> pd.DataFrame:
    """Return the rows of one run: the best iteration of each level, and the first ones within each bound."""
    if rows.empty:
        return pd.DataFrame({"run": [], "arm": [], "level": [], "quantity": []})
    keys = ["run", "arm", "level", "at"]
    # One row per iteration, with accuracy and instability as columns, because a bound applies to means over trials.
    means = rows.pivot_table(index=keys, columns="metric", values="value", aggfunc="mean")
    means = means.join(rows.groupby(keys)["kept"].mean()).join(_count_trials(rows, keys)).reset_index()
    means = means.assign(error=dense - means[ACCURACY])
    # Of equal errors, the earliest iteration: `means` is sorted by `at`, and the sort is stable.
    best = means.sort_values("error", kind="stable").drop_duplicates(["arm", "level"]).sort_values("level")
    best = best.assign(quantity=BEST, mean=best["error"], step=best["at"], bound="matching", limit=matching)
    # The error is relative to the dense network, so both bounds are absolute numbers here.
    inside = {"matching": means["error"] <= matching, "stable": means[INSTABILITY] <= stable}
    firsts = [_find_first(means[which], bound) for bound, which in inside.items()]
    table = pd.concat([best, *firsts], ignore_index=True)
    # These are means of means: they have no range over trials, so bars have no length.
    return table.assign(
        lowest=table["mean"], highest=table["mean"], range=table["level"].map(_find_ranges(best, matching))
    )


def _count_trials(rows: pd.DataFrame, keys: list[str]) -> "pd.Series[int]":
    """Return the number of trials of each group."""
    return rows[rows["metric"] == ACCURACY].groupby(keys)["value"].size().rename("trials")


def _find_first(means: pd.DataFrame, bound: str) -> pd.DataFrame:
    """Return, for each arm and level, the row of the first iteration."""
    # Rows are those within the bound already. The curve need not stay there: "first" says no more than it says.
    first = means.sort_values("at", kind="stable").drop_duplicates(["arm", "level"])
    return first.assign(quantity=FIRST, mean=first["at"], step=first["at"], bound=bound)


def _find_ranges(best: pd.DataFrame, matching: float) -> dict[int, str]:
    """Return the range of each level: I if even random pruning matches, II if only tickets match, else III."""
    # A level is missing here if nothing matches.
    matches = best[best["error"] <= matching].groupby("level")["arm"].agg(set)
    of_level = {int(level): matches.get(level, set()) for level in best["level"].unique()}
    return {level: "I" if arms - {"ticket"} else "II" if arms else "III" for level, arms in of_level.items()}


def _list_entries(table: pd.DataFrame, look: Look) -> Iterator[Line2D | Patch]:
    """Yield the legend: arms, ranges and bounds."""
    for arm in list_unique(table.loc[table["trials"] > 0, "arm"]):
        yield Line2D([], [], label=label_arm(arm), color=look.inks[arm].colour, marker=look.inks[arm].marker)
    for name in (one for one in SHADES if (table["range"] == one).any()):
        yield Patch(label=f"{name}: {MEANINGS[name]}", color=SHADES[name])
    if (table["quantity"] == BEST).any():
        yield Line2D([], [], label="bound for matching", **BOUND_LINE)
    for bound in (one for one in MARKS if ((table["quantity"] == FIRST) & (table["bound"] == one)).any()):
        yield Line2D([], [], label=bound, color="#444444", marker=MARKS[bound], linestyle="none", fillstyle="none")


def _draw(axes: Axes, rows: pd.DataFrame, quantity: str, look: Look) -> None:
    """Draw one panel, or a message if nothing was measured."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        draw_message(axes, ABSENT)
        return
    scales.scale_kept_axis(axes, points["kept"], width=2.6)
    _shade_ranges(axes, points)
    declare_compared(axes, y=quantity)
    shown = points[points["quantity"] == quantity].sort_values("kept", ascending=False)
    for (arm, bound), line in iterate_groups(shown, "arm", "bound"):
        ink = look.inks[str(arm)]
        if quantity == BEST:
            axes.plot(line["kept"], 100 * line["mean"], color=ink.colour, marker=ink.marker)
            axes.axhline(100 * line["limit"].iloc[0], **BOUND_LINE)
        else:
            axes.plot(
                line["kept"], line["mean"], color=ink.colour, marker=MARKS[str(bound)], fillstyle="none", linewidth=0.8
            )
    if quantity == FIRST:
        top = max(float(shown["mean"].max()), 1.0) if len(shown) else 1.0
        # A little below 0, or marks at iteration 0 would be cut in half.
        axes.set_ylim(-0.06 * top, 1.06 * top)
        # Only iterations that were measured; 0 is the start of training.
        axes.yaxis.set_major_locator(FixedLocator(select_apart(sorted(set(shown["mean"])), apart=0.14 * top)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value else "start (0)"))


def select_apart(values: Sequence[float], *, apart: float) -> list[float]:
    """Return the first of the rising values, and those at least `apart` from the last one."""
    ticks = list(values[:1])
    for value in values[1:]:
        if value - ticks[-1] >= apart:
            ticks.append(value)
    return ticks


def _shade_ranges(axes: Axes, points: pd.DataFrame) -> None:
    """Shade the ranges, with edges half way between levels on the logarithmic axis."""
    levels = points.drop_duplicates("level").sort_values("kept", ascending=False)
    kept, ranges = levels["kept"].tolist(), levels["range"].tolist()
    # The geometric mean is half way on a logarithmic axis.
    edges = [axes.get_xlim()[0], *((a * b) ** 0.5 for a, b in pairwise(kept)), axes.get_xlim()[1]]
    for left, right, name in zip(edges, edges[1:], ranges, strict=False):
        axes.axvspan(left, right, color=SHADES[str(name)], zorder=0, linewidth=0)
