"""Draw panels of a quantity against the share of weights kept: a line per arm, bars from lowest to highest trial."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures import scales
from reproof.figures.artists import OTHER_LINE, choose_arm_style, draw_arm, draw_dense, draw_published
from reproof.figures.compared import declare_compared
from reproof.figures.legend import list_entries, list_publications
from reproof.figures.spread import iterate_groups
from reproof.figures.style import Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, format_run_title, label_quantity, list_unique, name_quantity

# Inches from the axis to its label. matplotlib places it beyond the numbers, so labels of a column would not align.
LABEL_AT = -0.55


@dataclass(frozen=True)
class Cell:
    """One panel: its rows, heading and y label, rows of other panels to draw in grey, and its y-limits.

    `lowest` is true in the lowest row of panels, which has x labels. `limits` are in the unit of the rows.
    """

    rows: pd.DataFrame
    title: str
    label: str
    others: pd.DataFrame
    lowest: bool
    limits: tuple[float, float] = (0.0, 1.0)


def draw_runs_across(table: pd.DataFrame, look: Look, *, whole: bool = False) -> Figure:
    """Draw one column per panel of runs and one row per quantity; a single column is folded into rows of two.

    Panels show a window around tickets and the dense network, or with `whole` all that was measured.
    """
    quantities, panels = list_unique(table["quantity"]), list_unique(table["panel"])
    # A single column would be narrow and tall on a wide page.
    if len(panels) == 1:
        return _draw_grid(table, look, _fold_panels(table, quantities, look), size=(2.75, 1.75), gap=1.0, whole=whole)
    grid = [
        [
            Cell(
                rows=_select_rows(table, quantity, panel),
                title=format_run_title(panel, look.titles) if quantity == quantities[0] else "",
                # Panels of a row share their quantity, so only the first one names it.
                label=label_quantity(quantity) if panel == panels[0] else "",
                others=table.iloc[:0],
                lowest=quantity == quantities[-1],
            )
            for panel in panels
        ]
        for quantity in quantities
    ]
    return _draw_grid(table, look, grid, size=(2.1, 1.5), gap=0.5, whole=whole)


def draw_whole_ranges(table: pd.DataFrame, look: Look) -> Figure:
    """Draw the same panels with everything that was measured in them."""
    return draw_runs_across(table, look, whole=True)


def draw_quantities_across(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one row per panel of runs and one column per quantity, on one y scale; tickets of other rows are grey."""
    quantities, panels = list_unique(table["quantity"]), list_unique(table["panel"])
    tickets = table[(table["arm"] == "ticket") & (table["trials"] > 0)]
    grid = [
        [
            Cell(
                rows=_select_rows(table, quantity, panel),
                title=name_quantity(quantity) if panel == panels[0] else "",
                label=f"{format_run_title(panel, look.titles)}\nTest accuracy (%)" if quantity == quantities[0] else "",
                # Tickets of the other rows, in grey, put the differences between arms in proportion to those of runs.
                others=tickets[(tickets["quantity"] == quantity) & (tickets["panel"] != panel)],
                lowest=panel == panels[-1],
            )
            for quantity in quantities
        ]
        for panel in panels
    ]
    return _draw_grid(table, look, grid, size=(2.1, 1.5), gap=0.4, share_y=True)


def _fold_panels(table: pd.DataFrame, quantities: Sequence[str], look: Look) -> list[list[Cell]]:
    """Return the panels of a single run in rows of two."""
    panel = str(table["panel"].iloc[0])
    cells = [
        Cell(
            rows=_select_rows(table, quantity, panel),
            title=format_run_title(panel, look.titles),
            label=label_quantity(quantity),
            others=table.iloc[:0],
            lowest=place >= len(quantities) - 2,
        )
        for place, quantity in enumerate(quantities)
    ]
    return [cells[start : start + 2] for start in range(0, len(cells), 2)]


def _draw_grid(
    table: pd.DataFrame,
    look: Look,
    grid: list[list[Cell]],
    *,
    size: tuple[float, float],
    gap: float,
    share_y: bool = False,
    whole: bool = False,
) -> Figure:
    """Draw a grid of panels of `size` inches, `gap` inches apart."""
    # Columns of one quantity at several moments compare only on one scale; different quantities have no common scale.
    shared = scales.compute_limits(table) if share_y else None
    grid = [[_limit_cell(cell, shared, whole=whole) for cell in cells] for cells in grid]
    shown = pd.concat([cell.rows for cells in grid for cell in cells])
    # Of shown rows alone: a published value outside the limits is not drawn and needs no entry.
    entries = list_entries(shown, look, others=any(not cell.others.empty for cells in grid for cell in cells))
    labels = [str(entry.get_label()) for entry in entries]
    figure, axes = create_canvas(len(grid), len(grid[0]), size=size, labels=labels, gap=gap)
    for cells, places in zip(grid, axes, strict=True):
        for cell, place in zip(cells, places, strict=False):
            _draw(place, cell, look, publications=list_publications(shown), width=size[0])
        for place in places[len(cells) :]:
            place.remove()
    draw_legend(figure, entries)
    return figure


def _limit_cell(cell: Cell, shared: tuple[float, float] | None, *, whole: bool) -> Cell:
    """Return the cell with its y-limits, without the published values outside them."""
    measured = (cell.rows["trials"] > 0).any()
    own = scales.compute_range(cell.rows) if whole and measured else scales.compute_limits(cell.rows)
    low, high = shared or own
    seen = (cell.rows["source"] == "") | scales.find_comparable(cell.rows, low, high)
    return replace(cell, rows=cell.rows[seen], limits=(low, high))


def _draw(axes: Axes, cell: Cell, look: Look, *, publications: Sequence[str], width: float) -> None:
    """Draw one panel, or a message if nothing was measured."""
    axes.set_title(cell.title, loc="left")
    # Long labels break before their place: "Test accuracy / at early stop (%)".
    axes.set_ylabel(cell.label.replace(" at ", "\nat "))
    axes.yaxis.set_label_coords(LABEL_AT / width, 0.5)
    axes.set_xlabel("Weights kept (%)" if cell.lowest else "")
    points = cell.rows[cell.rows["trials"] > 0]
    if points.empty:
        draw_message(axes, ABSENT)
        return
    published = cell.rows[cell.rows["source"] != ""]
    unit = scales.scale_value_axis(axes, str(cell.rows["quantity"].iloc[0]), cell.limits)
    scales.scale_kept_axis(axes, points["kept"], also=published["kept"], width=width)
    declare_compared(axes, y=str(cell.rows["quantity"].iloc[0]))
    for _, line in _sort_dense_first(cell.others).groupby("run"):
        axes.plot(line["kept"], unit * line["mean"], zorder=1.5, **OTHER_LINE)
    draw_dense(axes, points, unit=unit)
    for (arm, place), line in iterate_groups(_sort_dense_first(points), "arm", "place"):
        style = choose_arm_style(arm, look.inks[arm], place)
        draw_arm(axes, line, unit=unit, style=style, front=arm == "ticket")
    draw_published(axes, published, unit=unit, inks=look.inks, publications=publications)


def _select_rows(table: pd.DataFrame, quantity: str, panel: str) -> pd.DataFrame:
    """Return the rows of one panel."""
    return table[(table["quantity"] == quantity) & (table["panel"] == panel)]


def _sort_dense_first(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points from dense to sparse, the direction of the x axis."""
    return points.sort_values("kept", ascending=False, kind="stable")
