"""Leave out of a grid the panels of what was not measured, and name them in a line below."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures.words import ABSENT, format_run_title, join_words, list_unique, name_quantity


def remove_absent_panels(figure: Figure, table: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Remove the panels that hold only the message ABSENT; return a sentence that names what they would show.

    Titles and labels go to the next panels of their columns and rows, which need them.
    """
    # A matrix may say of single rows that they were not run.
    empty = [axes for axes in figure.axes if not axes.lines and not axes.images]
    absent = [axes for axes in empty if ABSENT in [text.get_text() for text in axes.texts]]
    others = [axes for axes in figure.axes if axes not in absent]
    if not absent or not others:
        return []
    for axes in absent:
        _hand_on(axes, others)
        axes.remove()
    names = "; ".join(_list_absent(table, titles))
    return [f"Not measured at this scale: {names}." if names else "Panels without measurements are left out."]


def _hand_on(axes: Axes, others: list[Axes]) -> None:
    """Give the title and the labels of a panel to its neighbours, if they have none."""
    box = axes.get_position()
    column = [one for one in others if abs(one.get_position().x0 - box.x0) < 1e-6]
    row = [one for one in others if abs(one.get_position().y0 - box.y0) < 1e-6]
    below = max((one for one in column if one.get_position().y0 < box.y0), key=_find_top, default=None)
    above = min((one for one in column if one.get_position().y0 > box.y0), key=_find_top, default=None)
    right = min((one for one in row if one.get_position().x0 > box.x0), key=_find_left, default=None)
    if below is not None and not below.get_title(loc="left"):
        below.set_title(axes.get_title(loc="left"), loc="left")
    if above is not None and not above.get_xlabel():
        above.set_xlabel(axes.get_xlabel())
    if right is not None and not right.get_ylabel():
        right.set_ylabel(axes.get_ylabel())
    # Names of rows stand at the first panel; numbers are drawn later, so their labels are empty here.
    names = [label.get_text() for label in axes.get_yticklabels()]
    if right is not None and any(names) and not any(label.get_text() for label in right.get_yticklabels()):
        right.set_yticks(axes.get_yticks(), names)


def _find_top(axes: Axes) -> float:
    return float(axes.get_position().y0)


def _find_left(axes: Axes) -> float:
    return float(axes.get_position().x0)


def _list_absent(table: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Return the quantities that runs lack which have others: "train instability of LeNet"."""
    measured = table[table["trials"] > 0]
    has = set(zip(measured["run"], measured["quantity"], strict=True))
    lacking = {
        run: [one for one in list_unique(table["quantity"]) if (run, one) not in has]
        for run in list_unique(measured["run"])
    }
    return [
        f"{join_words(name_quantity(one)[0].lower() + name_quantity(one)[1:] for one in quantities)} of "
        f"{format_run_title(run, titles)}"
        for run, quantities in lacking.items()
        if quantities
    ]
