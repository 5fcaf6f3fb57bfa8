"""Define the look of all figures: fonts, colours distinct for colour-blind readers, margins, legend, foot line."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures.inks import Ink, Names
from reproof.figures.margins import add_margin
from reproof.figures.matplotlib_defaults import DEFAULTS

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#444444",
    "axes.labelcolor": "#222222",
    "axes.grid": True,
    # Values are read off y. Lines across the levels of x would compete with the data.
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "reproof",  # without it matplotlib puts random identifiers into the file
    "svg.fonttype": "path",  # letters as outlines: the reader's machine need not have the font
    "pdf.fonttype": 42,  # TrueType: many publishers refuse Type 3 fonts, matplotlib's default
    "savefig.dpi": 160,  # of the PNG: 1.7 pixels for each CSS pixel
}
# The dense network is the reference of every figure; black is no arm's colour.
DENSE, MUTED = "#000000", "#666666"
LEGEND_LINE, FOOT_LINE = 0.17, 0.11  # inches


@dataclass(frozen=True)
class Look:
    """The ink of every arm, the titles of runs and the names of the paper: what a plot needs besides its table."""

    inks: Mapping[str, Ink]
    titles: Mapping[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)


@contextmanager
def apply_style() -> Iterator[None]:
    """Draw and save in the body with matplotlib's defaults and STYLE alone, whatever a user's matplotlibrc says.

    Drawing and saving both belong into a body: matplotlib reads some settings only when it saves.
    """
    with matplotlib.rc_context(DEFAULTS | STYLE):
        yield


def create_canvas(
    rows: int,
    columns: int,
    *,
    size: tuple[float, float],
    labels: Sequence[str],
    gap: float = 0.52,
    drop: float = 0.44,
    left: float = 0.95,
    head: float = 0.4,
    low: float = 0.74,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with rows x columns panels of `size` (width, height), and room for a legend with these labels.

    `gap` and `drop` are the distances between neighbours, across and down; `left`, `head` and `low` are the margins.
    All are in inches. Margins are fixed, not found by a layout solver: they are fast and do not depend on the machine.
    """
    width, height = size
    panels = left + columns * width + (columns - 1) * gap
    # The longest entry of the legend must fit into the figure.
    right = max(0.24, max((0.75 + 0.067 * len(label) for label in labels), default=0.0) - panels)
    total = panels + right
    # The legend grows upwards; panels keep their size, so figures of a page remain comparable.
    top = head + LEGEND_LINE * len(wrap_legend(labels, total))
    tall = top + rows * height + (rows - 1) * drop + low
    figure = Figure(figsize=(total, tall))
    grid = figure.add_gridspec(
        *(rows, columns),
        # matplotlib takes margins as shares of the figure, and gaps as shares of a panel.
        left=left / total,
        right=1 - right / total,
        bottom=low / tall,
        top=1 - top / tall,
        wspace=gap / width,
        hspace=drop / height,
    )
    return figure, [[figure.add_subplot(grid[row, column]) for column in range(columns)] for row in range(rows)]


def draw_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Draw one legend for all panels at the top left of the figure, wrapped into lines."""
    width, height = figure.get_size_inches()
    # One entry per label; of equal labels the last handle.
    named = {str(handle.get_label()): handle for handle in handles}
    for place, labels in enumerate(wrap_legend(list(named), width)):
        figure.legend(
            handles=[named[label] for label in labels],
            ncols=len(labels),
            loc="upper left",
            bbox_to_anchor=(0.1 / width, 1 - (0.05 + LEGEND_LINE * place) / height),
            borderaxespad=0,
            borderpad=0,
            handlelength=2.4,
            columnspacing=1.6,
        )


def wrap_legend(labels: Sequence[str], width: float) -> list[list[str]]:
    """Return the labels of a legend line by line, as many per line as fit into a figure `width` inches wide."""
    lines: list[list[str]] = []
    free = 0.0  # inches; widths are estimated from the number of letters, so that no renderer is needed
    for label in labels:
        # 0.5 inches for the line and the gap to the next entry, 0.067 for a letter of 8 points.
        needs = 0.5 + 0.067 * len(label)
        if not lines or free < needs:
            lines.append([])
            free = width - 0.2
        lines[-1].append(label)
        free -= needs
    return lines


def draw_foot_lines(figure: Figure, texts: Sequence[str]) -> None:
    """Draw small texts under the panels, each on lines of its own, wrapped to the width of the figure."""
    # 0.053 inches for a letter of 6.5 points.
    letters = int((figure.get_figwidth() - 0.2) / 0.053)
    lines = [line for text in texts for line in textwrap.wrap(text, letters)]
    # The margin below the panels has room for two lines.
    add_margin(figure, FOOT_LINE * max(len(lines) - 2, 0))
    width, height = figure.get_size_inches()
    figure.text(0.1 / width, 0.06 / height, "\n".join(lines), fontsize=6.5, color=MUTED, va="bottom")


def draw_blank(text: str) -> Figure:
    """Return a figure with one low panel that contains only a message."""
    figure, ((axes,),) = create_canvas(1, 1, size=(6.0, 0.6), labels=())
    draw_message(axes, text)
    return figure


def draw_message(axes: Axes, text: str) -> None:
    """Remove the frame and the ticks of a panel and write a message into its middle."""
    axes.set(xticks=[], yticks=[])
    # An empty frame looks like a result of nothing.
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)
