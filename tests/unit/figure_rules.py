"""Rules that every drawn figure keeps, read off its matplotlib artists. Each returns what breaks it, in words."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

Signature = tuple[str, ...]
GREY = "#c4c4c4"  # lines of other panels, for comparison: they share one style


def sign(line: Line2D) -> Signature:
    """Return what a reader can see of a line: colour, marker, dashes, and whether its marks are hollow."""
    marker = str(line.get_marker()) if line.get_marker() not in ("", "None", None) else ""
    dashes = str(line._dash_pattern) if line.get_linestyle() != "None" else ""
    hollow = bool(marker) and to_hex(line.get_markerfacecolor()) != to_hex(line.get_color())
    colour = line.get_markeredgecolor() if hollow and not dashes else line.get_color()
    return to_hex(colour), marker, dashes, "hollow" if hollow else ""


def list_lines(axes: Axes) -> list[Line2D]:
    """Return the lines of a panel that lie at data, so without lines across it."""
    return [line for line in axes.lines if line.get_transform() == axes.transData and len(line.get_xdata()) > 0]


def find_shared_styles(figure: Figure) -> Iterator[str]:
    """No two connected lines of a panel, and no two entries of a legend, look alike."""
    for axes in figure.axes:
        signed = [
            sign(line) for line in list_lines(axes) if line.get_linestyle() != "None" and len(line.get_xdata()) > 1
        ]
        signed = [one for one in signed if one[0] != GREY]
        yield from (f"two lines of {axes.get_title(loc='left')!r} look like {one}" for one in _list_twice(signed))
    handles = [handle for handle, _ in list_legend(figure) if isinstance(handle, Line2D)]
    if figure.legends:
        yield from (f"two entries of the legend look like {one}" for one in _list_twice([sign(one) for one in handles]))


def list_legend(figure: Figure) -> list[tuple[object, str]]:
    """Return handle and label of each entry of the figure's legends and of those of its panels."""
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    return [
        (handle, text.get_text())
        for legend in legends
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True)
    ]


def list_inks(figure: Figure) -> dict[str, str]:
    """Return the colour of each solid entry of the legends, by its label."""
    lines = [(label, one) for one, label in list_legend(figure) if isinstance(one, Line2D)]
    return {label: sign(one)[0] for label, one in lines}


def _list_twice(values: Sequence[Signature]) -> list[Signature]:
    return [one for place, one in enumerate(values) if one in values[:place]]


def find_empty_frames(figure: Figure) -> Iterator[str]:
    """A frame has something in it."""
    for axes in figure.axes:
        if axes.spines["left"].get_visible() and not (axes.lines or axes.collections or axes.patches or axes.images):
            yield f"the frame {axes.get_title(loc='left')!r} is empty"


def find_unmarked_cuts(figure: Figure) -> Iterator[str]:
    """A line that leaves its panel has a triangle at that edge, in its colour."""
    for axes in figure.axes:
        triangles = {to_hex(line.get_color()) for line in axes.lines if isinstance(line.get_marker(), int)}
        for line in list_lines(axes):
            inside = [_lies_within(axes, x, y) for x, y in line.get_xydata() if np.isfinite([x, y]).all()]
            if not all(inside) and sign(line)[0] not in triangles:
                yield f"{sign(line)} leaves {axes.get_title(loc='left')!r} without a mark"
        for bars in axes.collections:
            ends = np.concatenate([*bars.get_segments(), np.empty((0, 2))]) if hasattr(bars, "get_segments") else []
            if not all(_lies_within(axes, x, y) for x, y in ends) and to_hex(bars.get_edgecolor()[0]) not in triangles:
                yield f"a bar leaves {axes.get_title(loc='left')!r} without a mark"


def find_unseen_entries(figure: Figure) -> Iterator[str]:
    """An entry of a legend explains a line, mark or patch that lies in a panel."""
    lines = [(axes, line) for axes in figure.axes for line in axes.lines]
    seen = [sign(line) for axes, line in lines if _is_seen(axes, line)]
    patches = {to_hex(patch.get_facecolor()) for axes in figure.axes for patch in axes.patches}
    patches |= {to_hex(patch.get_edgecolor()) for axes in figure.axes for patch in axes.patches}
    for handle, label in list_legend(figure):
        if not isinstance(handle, Line2D):
            found = to_hex(handle.get_facecolor()) in patches
        else:
            colour, marker, _, hollow = sign(handle)
            # Published marks have the colours of their lines; greys explain a marker or a stroke alone.
            alone = hollow or colour in ("#666666", "#444444")
            alike = [one for one in seen if (one[1] == marker or not marker) and (one[0] == colour or alone)]
            found = bool(alike) or (not marker and colour in patches) or any(one[0] == colour for one in seen)
        if not found:
            yield f"{label!r} explains nothing that is seen"


def _is_seen(axes: Axes, line: Line2D) -> bool:
    x, y = (np.atleast_1d(np.asarray(each, dtype=float)) for each in line.get_data())
    if line.get_transform() == axes.transData:
        return any(_lies_within(axes, *point) for point in zip(x, y, strict=True)) or isinstance(line.get_marker(), int)
    low, high = sorted(axes.get_ylim())
    return bool(low <= y[0] <= high) or not line.get_clip_on()


def _lies_within(axes: Axes, x: float, y: float) -> bool:
    limits = [sorted(axes.get_xlim()), sorted(axes.get_ylim())]
    return all(
        low - 1e-6 * (high - low) <= value <= high + 1e-6 * (high - low)
        for value, (low, high) in zip((x, y), limits, strict=True)
    )


def find_untitled_panels(figure: Figure) -> Iterator[str]:
    """A panel has a title, or is in a row or a column of one that has."""
    named = [axes for axes in figure.axes if axes.get_title(loc="left")]
    for axes in (one for one in figure.axes if any(spine.get_visible() for spine in one.spines.values())):
        here = axes.get_position()
        near = [one.get_position() for one in named]
        texts = any(text.get_fontsize() == 9 for text in figure.texts)  # of the whole figure
        if not texts and not any(abs(one.x0 - here.x0) < 1e-6 or abs(one.y0 - here.y0) < 1e-6 for one in near):
            yield f"the panel with the label {axes.get_ylabel() or axes.get_xlabel()!r} has no title"


def describe_content(figure: Figure) -> str:
    """Return what a figure shows, in a form that is equal for figures that show the same."""
    panels = [
        [(sign(line), np.round(line.get_xydata(), 9).tolist()) for line in list_lines(axes)]
        + [np.asarray(image.get_array()).round(9).tolist() for image in axes.images]
        + [patch.get_path().vertices.round(9).tolist() for patch in axes.patches]
        for axes in figure.axes
    ]
    return repr(sorted(map(repr, panels)))


def find_cut_legends(figure: Figure) -> Iterator[str]:
    """A legend lies within its figure."""
    for legend in figure.legends:
        box = legend.get_window_extent()
        if box.x1 > figure.bbox.x1 or box.x0 < 0:
            yield f"the legend {[text.get_text() for text in legend.get_texts()]} is cut"


def find_cut_texts(figure: Figure) -> Iterator[str]:
    """Each title, label and tick lies within the figure; none of titles, labels and lines below lies over another."""
    room = 1.5  # pixels: letters are smoothed
    hidden = [text for axes in figure.axes for text in _list_hidden_labels(axes)]
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        if not text.get_text().strip() or not text.get_visible() or any(text is one for one in hidden):
            continue
        if box.x0 < -room or box.y0 < -room or box.x1 > figure.bbox.x1 + room or box.y1 > figure.bbox.y1 + room:
            yield f"{text.get_text()!r} leaves the figure"
    named = [text for text in _list_headings(figure) if text.get_text().strip()]
    for place, one in enumerate(named):
        for other in named[:place]:
            if _overlap(one.get_window_extent(), other.get_window_extent(), room):
                yield f"{one.get_text()!r} lies over {other.get_text()!r}"


def _list_headings(figure: Figure) -> list[Text]:
    """Return the titles of panels, the labels of their axes, the texts of the figure and those of its legends."""
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    axes = [one for each in figure.axes for one in (each._left_title, each.title, each.xaxis.label, each.yaxis.label)]
    return [*axes, *figure.texts, *legends]


def _list_hidden_labels(axes: Axes) -> list[Text]:
    """Return the labels of ticks beyond the limits of a panel, which matplotlib keeps and does not draw."""
    return [
        label
        for axis in (axes.xaxis, axes.yaxis)
        for tick in {*axis.majorTicks, *axis.minorTicks} - set(axis._update_ticks())
        for label in (tick.label1, tick.label2)
    ]


def _overlap(one: Bbox, other: Bbox, room: float) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(wide > room and high > room)


def find_unequal_limits(figure: Figure) -> Iterator[str]:
    """Panels with one label on an axis of values have one pair of limits, and its ticks, or the figure says otherwise.

    A panel without a y label has that of its neighbour on the left. Kept shares have ticks at the levels of a run.
    """
    if any("Panels of one quantity with different axes" in text.get_text() for text in figure.texts):
        return
    framed = [axes for axes in figure.axes if axes.spines["left"].get_visible() and not axes.images]
    across: dict[str, list[Axes]] = {}
    down: dict[str, list[Axes]] = {}
    for axes in sorted(framed, key=lambda one: one.get_position().x0):
        left = [one for one in framed if abs(one.get_position().y0 - axes.get_position().y0) < 1e-6]
        labels = [one.get_ylabel() for one in sorted(left, key=lambda one: one.get_position().x0)]
        # The last line with its unit is the quantity; a title of a run may stand above it.
        label = axes.get_ylabel() or next((one for one in labels if one), "")
        if label and not axes.yaxis_inverted():
            across.setdefault(label, []).append(axes)
        if axes.yaxis_inverted():
            down.setdefault(axes.get_xlabel(), []).append(axes)
    for label, panels in across.items():
        if len({str(np.round([*axes.get_ylim(), *_list_ticks(axes.yaxis)], 9)) for axes in panels}) > 1:
            yield f"panels of {label!r} have limits {[axes.get_ylim() for axes in panels]}"
    for label, panels in down.items():
        if len({str(np.round([*axes.get_xlim(), *_list_ticks(axes.xaxis)], 9)) for axes in panels}) > 1:
            yield f"panels of {label!r} have limits {[axes.get_xlim() for axes in panels]}"


def _list_ticks(axis: Axis) -> list[float]:
    low, high = sorted(axis.get_view_interval())
    return [tick for tick in axis.get_majorticklocs() if low <= tick <= high]


RULES = (
    find_unequal_limits,
    find_cut_legends,
    find_cut_texts,
    find_untitled_panels,
    find_shared_styles,
    find_empty_frames,
    find_unmarked_cuts,
    find_unseen_entries,
)


def find_broken_rules(figure: Figure) -> list[str]:
    """Return what any of the rules objects to."""
    figure.draw_without_rendering()
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(figure)]
