"""Draw test accuracy during training, for a few levels (Frankle & Carbin 2019, figure 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reproof.figures import scales
from reproof.figures.compared import declare_compared
from reproof.figures.kinds import figure, find_table
from reproof.figures.spread import find_nearest_levels, iterate_groups, select_common_steps, summarise_trials
from reproof.figures.style import DENSE, Look, create_canvas, draw_message
from reproof.figures.words import ABSENT, format_per_cent, format_run_title, label_arm, list_runs, list_unique
from reproof.metrics import SHARE, Metric

# The levels that the paper's three panels show.
PANELS = (
    {"kept": (1.0, 0.513, 0.211), "arms": ("ticket",)},
    {"kept": (1.0, 0.211, 0.07, 0.036, 0.019), "arms": ("ticket",)},
    {"kept": (1.0, 0.513, 0.211), "arms": ("ticket", "reinitialise")},
)
COLUMNS = ["group", "run", "arm", "level", "kept", "quantity", "step", "mean", "lowest", "highest", "trials"]
NEAR = 1.3  # a measured level may replace one of the paper's if their shares kept differ by at most this factor


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row per run and one column per selection of levels: means, in bands from lowest to highest trial."""
    runs, groups = list_unique(table["run"]), sorted(table["group"].unique())
    figure, axes = create_canvas(len(runs), len(groups), size=(2.3, 1.8), labels=(), gap=0.42)
    colours = _colours(table["kept"].dropna())
    for run, line in zip(runs, axes, strict=True):
        rows = table[table["run"] == run]
        # One window per run, so that the panels of a row can be compared.
        limits = _window(rows) if rows["trials"].any() else (0, 100)
        for group, place in zip(groups, line, strict=True):
            _draw(place, rows[rows["group"] == group], colours, limits)
            place.set_xlabel("Iteration" if run == runs[-1] else "")
        line[0].set_ylabel("Test accuracy (%)")
        line[0].set_title(format_run_title(run, look.titles), loc="left")
    return figure


@figure(
    plot=plot,
    reads=lambda _: ["test_accuracy_at_end"],
    reading="Lines are means over trials (a trial is a seed, or one draw of a seed), labelled with the share of "
    "weights kept in per cent. Bands reach from the lowest to the highest trial.",
    quantities=[Metric("test_accuracy", SHARE)],
)
def learning_curves(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    panels: Sequence[Mapping[str, Sequence[Any]]] = PANELS,
    until: float = 1.0,
) -> pd.DataFrame:
    """Select test accuracy by iteration (figure 3).

    Each of `panels` names shares `kept` and `arms`; a share selects the nearest measured level within a factor of NEAR.

    `until` is the share of training to show. Needs curves; returns COLUMNS, one row per run, panel (`group`, from 1),
    level, arm and step, with shares in [0, 1].
    """
    curves = find_table(tables, "curves")
    # Without this, means at early-stopping steps would cover one trial each, and lines would jump there.
    curves = select_common_steps(curves[curves["split"] == "test"])
    parts = [
        _select_panel(curves[curves["run"] == run], run, place, panel, until)
        for run in list_runs(columns)
        for place, panel in enumerate(panels)
    ]
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)


def _select_panel(
    rows: pd.DataFrame, run: str, place: int, panel: Mapping[str, Sequence[Any]], until: float
) -> pd.DataFrame:
    """Return the curves of one run in one panel, or one row with `trials` 0 if there are none."""
    rows = rows[rows["step"] <= until * rows["step"].max()]
    # Other scales prune other levels: a near one replaces the paper's, and one too far away is left out.
    levels = find_nearest_levels(rows, panel["kept"], near=NEAR)
    wanted = rows[rows["level"].isin(levels) & rows["arm"].isin(panel["arms"])]
    if wanted.empty:
        table = pd.DataFrame({"run": [run], "arm": [""], "trials": [0]})
    else:
        table = summarise_trials(wanted, ["run", "arm", "level", "step"], "accuracy")
    return table.assign(group=place + 1, quantity="test_accuracy")


def _draw(axes: Axes, rows: pd.DataFrame, colours: Mapping[float, str], limits: tuple[float, float]) -> None:
    """Draw one panel with y-limits in per cent, or a message if nothing was measured."""
    if not rows["trials"].any():
        draw_message(axes, ABSENT)
        return
    for (kept, arm), line in iterate_groups(rows, "kept", "arm"):
        _line(axes, line, label=_label(kept, arm), colour=colours[kept], whole=arm == "ticket")
    scales.scale_share_axis(axes, *limits)
    declare_compared(axes, y="test accuracy")
    axes.set_xlim(0, rows["step"].max())
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(loc="lower right", fontsize=7, labelspacing=0.2, handlelength=2, borderaxespad=0.2)


def _line(axes: Axes, line: pd.DataFrame, *, label: str, colour: str, whole: bool) -> None:
    """Draw the mean, solid if `whole`, in its band."""
    band = 100 * line[["lowest", "highest"]]
    # Bands in place of bars: a curve has dozens of points, whose bars would form a hatch.
    axes.fill_between(line["step"], band["lowest"], band["highest"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(line["step"], 100 * line["mean"], color=colour, linestyle="-" if whole else "--", label=label)


def _label(kept: float, arm: str) -> str:
    """Return the legend label of a curve: its share kept, and its arm unless it is the ticket."""
    return format_per_cent(kept) if arm == "ticket" else f"{format_per_cent(kept)} {label_arm(arm)}"


def _window(rows: pd.DataFrame) -> tuple[float, float]:
    """Return y-limits in per cent for all panels of a run, without the steep first quarter of training."""
    # Curves rise from chance. On an axis from there the levels, a point apart at the end, would coincide.
    late = rows[rows["step"] >= 0.25 * rows["step"].max()]
    low, high = 100 * late["lowest"].min(), 100 * late["highest"].max()
    return low - 0.6 * (high - low), high + 0.06 * (high - low)


def _colours(kept: "pd.Series[float]") -> dict[float, str]:
    """Return a colour for each share kept: black for the dense network, lighter for sparser levels."""
    levels = sorted(set(kept), reverse=True)
    # Lightness grows evenly along viridis, so the order shows in grey too. Its first 15 % resemble the black of the
    # dense network; its last 10 % are too pale for lines on white.
    ramp = matplotlib.colormaps["viridis"]
    return {
        level: DENSE if level == 1 else to_hex(ramp(0.15 + 0.75 * place / max(len(levels) - 1, 1)))
        for place, level in enumerate(levels)
    }
