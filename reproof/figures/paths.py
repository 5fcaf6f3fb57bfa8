"""Draw the error along the line between two copies (Frankle et al. 2020, figure 2 and appendix)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_barrier
from reproof.figures.kinds import figure, find_table
from reproof.figures.spread import arrange_panels, iterate_groups, select_arms, select_nearest_levels, summarise_trials
from reproof.figures.style import DENSE, Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, format_run_title, label_arm, label_quantity, list_runs, list_unique

SPLITS = ("test_error_on_path", "train_error_on_path")


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row per split and one column per panel of runs: means, in bands from lowest to highest pair."""
    quantities, panels = list_unique(table["quantity"]), list_unique(table["panel"])
    styles = _assign_styles(table, look)
    entries = [Line2D([], [], label=label, **style) for label, style in styles.items()]
    picture, axes = create_canvas(len(quantities), len(panels), size=(2.1, 1.5), labels=list(styles), gap=0.5)
    for quantity, places in zip(quantities, axes, strict=True):
        for panel, place in zip(panels, places, strict=True):
            _draw(place, table[(table["quantity"] == quantity) & (table["panel"] == panel)], styles)
            place.set_title(format_run_title(panel, look.titles) if quantity == quantities[0] else "", loc="left")
            place.set_xlabel("Position on the path" if quantity == quantities[-1] else "")
        places[0].set_ylabel(label_quantity(quantity))
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_barrier,
    plot=plot,
    reads=lambda options: options.get("metrics", SPLITS),
    reading="Lines are means over pairs of copies of all seeds, by the iteration from which copies start. Bands reach "
    "from the lowest to the highest pair. Position 0 is one trained network, position 1 the other.",
)
def error_on_path(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    references: Sequence[Mapping[str, Any]],
    *,
    metrics: Sequence[str] = SPLITS,
    kept: float = 1.0,
    steps: Sequence[int] | None = None,
    arms: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Select the error along the line between two copies, at the level nearest to `kept`, for some or all `steps`.


    `arms` and `without` are shell patterns. Lines of a further choice of batch norm statistics are dashed. Needs
    measurements; returns `spread.COLUMNS` and `step`, `choice` and `position` (in [0, 1]), with errors in [0, 1].
    """
    rows = find_table(tables, "measurements")
    rows = select_arms(rows[rows["metric"].isin(metrics) & rows["run"].isin(list_runs(columns))], arms, without)
    # The operation writes its step and its choice of batch norm statistics into `part`.
    found = rows["part"].str.extract(r"^step (\d+)(?:, (.*))?$")
    rows = rows.assign(step=found[0].astype(float), choice=found[1].fillna(""))
    rows = rows if steps is None else rows[rows["step"].isin(steps)]
    summary = summarise_trials(
        select_nearest_levels(rows, [kept]), ["run", "arm", "level", "metric", "step", "choice", "at"]
    )
    summary = summary.rename(columns={"metric": "quantity", "at": "position"})
    order = {metric: place for place, metric in enumerate(metrics)}
    summary = summary.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    return arrange_panels(summary, columns, metrics, also=["step", "choice", "position"])


def _assign_styles(table: pd.DataFrame, look: Look) -> dict[str, dict[str, Any]]:
    """Return the style of each line by label: a ramp of colours for steps of the ticket, arm colours for controls."""
    drawn = table[table["trials"] > 0]
    steps = sorted(drawn.loc[drawn["arm"] == "ticket", "step"].unique())
    ramp = matplotlib.colormaps["viridis"]
    # Steps are ordered, so they get a ramp of lightness. Without its last 15 %, which is too pale for lines on white.
    colours = {step: to_hex(ramp(0.85 * place / max(len(steps) - 1, 1))) for place, step in enumerate(steps)}
    lines = drawn[["arm", "step", "choice"]].drop_duplicates().sort_values("step", kind="stable")
    return {
        _label_line(arm, step, choice): {
            # A single step needs no ramp, whose first colour would suggest an order.
            "color": (colours[step] if len(steps) > 1 else DENSE) if arm == "ticket" else look.inks[arm].colour,
            "linestyle": "--" if choice or arm != "ticket" else "-",
        }
        for arm, step, choice in lines.itertuples(index=False)
    }


def _label_line(arm: str, step: float, choice: str) -> str:
    """Return the legend label of a line."""
    start = f"copies from iteration {step:,.0f}" if arm == "ticket" else label_arm(arm)
    return f"{start}, statistics {choice}" if choice else start


def _draw(axes: Axes, rows: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw one panel, or a message if nothing was measured."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        draw_message(axes, ABSENT)
        return
    for (arm, step, choice), line in iterate_groups(points.sort_values("position"), "arm", "step", "choice"):
        style = styles[_label_line(arm, step, choice)]
        bounds = 100 * line["lowest"], 100 * line["highest"]
        axes.fill_between(line["position"], *bounds, color=style["color"], alpha=0.15, linewidth=0)
        axes.plot(line["position"], 100 * line["mean"], **style)
    axes.set_xlim(0, 1)
    declare_compared(axes, y=str(points["quantity"].iloc[0]))
    axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    # An error has a true zero, and the barrier is read off as a height. 8 % of room above; 1 if all errors are 0.
    axes.set_ylim(0, 108 * float(points["highest"].max()) or 1.0)
