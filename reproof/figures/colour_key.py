"""Draw the key of a colour scale above the panels, with its unit."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reproof.figures.margins import add_margin
from reproof.figures.scales import TICKS_APART
from reproof.figures.style import MUTED

WIDE, HIGH, ROOM = 1.4, 0.09, 0.46  # inches of the bar, and of the margin for it
MARK = "▲"  # at a value beyond the end of the scale


def draw_colour_key(figure: Figure, *, colours: str, limit: float, label: str, beyond: bool = False) -> None:
    """Draw a bar of the colours from 0 to `limit`, with ticks and its label; `beyond` explains the marks of values.

    The figure becomes higher for it. `colours` names a colour map of matplotlib.
    """
    left = min(axes.get_position().x0 for axes in figure.axes) * figure.get_figwidth()
    add_margin(figure, ROOM, beyond=figure.get_figheight())
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, (height - 0.22) / height, WIDE / width, HIGH / height))
    axes.imshow(np.linspace(0, 1, 128)[None], cmap=colours, aspect="auto", extent=(0, limit, 0, 1))
    axes.set(yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=TICKS_APART))
    axes.tick_params(axis="x", labelsize=6.5, length=2, pad=1)
    text = label + (f"\n{MARK} beyond the scale" if beyond else "")
    axes.text(1.06, 0.5, text, transform=axes.transAxes, va="center", fontsize=7, color=MUTED)
