"""Make room in a figure: wrap titles and labels to the width of their panels, and move panels apart for their lines."""

from collections.abc import Iterable
from functools import cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

LINE = 1.25  # height of a line, in sizes of its letters; 72 points are an inch
HINTED = 1.05  # letters of a PNG are moved to whole pixels, which makes lines longer than their outlines
APART = 0.1  # inches between a title and its neighbour's
LABEL_LINES = 2  # lines of a y label that the left margin of every figure has room for


def add_margin(figure: Figure, inches: float, *, beyond: float = 0.0, across: bool = False) -> None:
    """Make a figure larger by this margin: what lies beyond a place moves, and keeps its size.

    `beyond` is in inches from the lower edge, or from the left one with `across`. Panels that begin below it stay.
    """
    sizes = list(figure.get_size_inches())
    axis = 0 if across else 1
    old, new = sizes[axis], sizes[axis] + inches

    def move(place: float) -> float:
        return float((place * old + inches * (place * old >= beyond - 1e-6)) / new)

    places = [
        (legend, list(figure.transFigure.inverted().transform(legend.get_bbox_to_anchor().p0)))
        for legend in figure.legends
    ]
    boxes = [axes.get_position().bounds for axes in figure.axes]
    figure.set_size_inches(*(new if one == axis else sizes[one] for one in (0, 1)))
    for axes, box in zip(figure.axes, boxes, strict=True):
        moved = list(box)
        moved[axis], moved[axis + 2] = move(box[axis]), box[axis + 2] * old / new
        axes.set_position((moved[0], moved[1], moved[2], moved[3]))
    for text in figure.texts:
        at = list(text.get_position())
        # Texts and legends at the left edge stay there.
        at[axis] = at[axis] * old / new if across else move(at[axis])
        text.set_position((at[0], at[1]))
    for legend, at in places:
        at[axis] = at[axis] * old / new if across else move(at[axis])
        legend.set_bbox_to_anchor((at[0], at[1]), transform=figure.transFigure)


def wrap_headings(figure: Figure) -> None:
    """Wrap the titles of panels and the labels of their y axes to fit, and make room for what became more lines."""
    for row in list_rows(figure.axes):
        named = [axes for axes in row if axes.get_title(loc="left")]
        more = 0.0
        for place, axes in enumerate(named):
            left = axes.get_position().x0
            right = named[place + 1].get_position().x0 if axes is not named[-1] else 1.0
            old, size = axes.get_title(loc="left"), float(axes.title.get_fontsize())
            new = wrap_to_width(old, figure.get_figwidth() * (right - left) - APART, size=size)
            axes.set_title(new, loc="left", fontsize=size)
            more = max(more, (new.count("\n") - old.count("\n")) * size * LINE / 72)
        if more > 0:
            # All that lies above this row, and the row's own titles.
            add_margin(figure, more, beyond=row[0].get_position().y1 * figure.get_figheight() + 0.01)
    _wrap_labels(figure)


def _wrap_labels(figure: Figure) -> None:
    """Wrap the y labels of the leftmost panels to the height of a panel and half of the distance to the next ones."""
    more = 0.0
    for axes in figure.axes:
        label, height = axes.get_ylabel(), figure.get_figheight() * axes.get_position().height
        size = float(axes.yaxis.label.get_fontsize())
        new = "\n".join(wrap_to_width(line, height + 0.2, size=size) for line in label.split("\n"))
        if new != label:
            axes.set_ylabel(new)
            more = max(more, (new.count("\n") + 1 - LABEL_LINES) * size * LINE / 72)
    if more > 0:
        add_margin(figure, more, across=True)


def wrap_to_width(text: str, inches: float, *, size: float) -> str:
    """Return the text in lines that are at most so many inches wide, in the font of the figures at `size` points.

    Breaks that the text has stay if its lines fit. A word that is wider than a line keeps its own line.
    """
    if all(measure_width(line, size=size) <= inches for line in text.split("\n")):
        return text
    lines = [""]
    # A unit belongs to the word before it.
    for word in text.replace(" (%)", "\u00a0(%)").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measure_width(longer, size=size) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


@cache
def measure_width(text: str, *, size: float) -> float:
    """Return the width in inches of a line of text in the font of the figures, which matplotlib brings along."""
    if not text.strip():
        return 0.0
    outline = TextPath((0, 0), text, size=size, prop=FontProperties(family="DejaVu Sans"))
    return HINTED * float(outline.get_extents().width) / 72


def list_rows(panels: Iterable[Axes]) -> list[list[Axes]]:
    """Return the panels row by row, from the top, each from the left."""
    rows: dict[float, list[Axes]] = {}
    for axes in sorted(panels, key=lambda one: (-one.get_position().y1, one.get_position().x0)):
        rows.setdefault(round(axes.get_position().y1, 6), []).append(axes)
    return list(rows.values())
