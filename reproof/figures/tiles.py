"""Create panels of equal size in rows, and wrap the names of their rows."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures.style import create_canvas

# Inches: width of a letter of a title and of a tick label, height of a line of either, margin of labels, right margin.
LETTER, SMALL_LETTER, LINE, SMALL_LINE, MARGIN, RIGHT = 0.07, 0.062, 0.14, 0.12, 0.3, 0.24


def wrap(text: str, letters: int) -> str:
    """Return the text in lines of at most `letters` letters; "(%)" stays with the word before it.

    >>> wrap("softmax, decay 1e-4", 9)
    'softmax,\\ndecay\\n1e-4'
    """
    return textwrap.fill(text.replace(" (%)", "\u00a0(%)"), max(letters, 1), break_on_hyphens=False)


def count_lines(text: str) -> int:
    """Return the number of lines of a text."""
    return text.count("\n") + 1


def create_tiles(
    titles: Sequence[str],
    *,
    across: int,
    size: tuple[float, float],
    labels: Sequence[str],
    gap: float = 0.65,
    drop: float = 0.65,
    left: float = 0.75,
    low: float = 0.74,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel of `size` inches for each title, at most `across` per row; see `create_canvas`.

    Panels are at least as wide as the legend needs.
    """
    # Fewer panels than fit into a line do not need the width of a line.
    across = min(across, len(titles))
    head = 0.4 if any(titles) else 0.2
    # The longest label of the legend must fit into the figure.
    width = max(size[0], (_compute_legend_width(labels) - left - RIGHT - (across - 1) * gap) / across)
    picture, grid = create_canvas(
        -(-len(titles) // across), across, size=(width, size[1]), labels=labels,
        gap=gap, drop=drop, left=left, head=head, low=low,
    )  # fmt: skip
    places = [place for row in grid for place in row]
    for title, place in zip(titles, places, strict=False):
        place.set_title(title, loc="left")
    for place in places[len(titles) :]:
        place.remove()
    return picture, places[: len(titles)]


def _compute_legend_width(labels: Sequence[str]) -> float:
    """Return the width in inches of the longest label of a legend."""
    return max((0.75 + 0.067 * len(label) for label in labels), default=0.0)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows of a panel, the first on top."""
    axes.set_yticks(range(len(names)), names)
    # Downwards, so that the first row is on top.
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def compute_row_height(names: Sequence[str], least: float) -> float:
    """Return the height in inches of a row that fits the highest of the names, at least `least`."""
    return max(least, SMALL_LINE * max(count_lines(name) for name in names) + 0.1)


def compute_name_width(names: Sequence[str]) -> float:
    """Return the width in inches that names of rows need to the left of a panel."""
    return MARGIN + SMALL_LETTER * max(len(line) for name in names for line in name.split("\n"))
