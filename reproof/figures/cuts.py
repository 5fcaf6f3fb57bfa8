"""Mark, at the edge of a panel, what lies beyond it: a cut value must not look like one that is missing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWN, CARETLEFT, CARETRIGHT, CARETUP
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [points, 2]
# (axis, side): marker whose tip lies on the edge. Axis 0 is x, side 0 the smaller value.
MARKERS = {(0, 0): CARETLEFT, (0, 1): CARETRIGHT, (1, 0): CARETDOWN, (1, 1): CARETUP}
NEAR = 1e-6  # of the panel: what lies on the edge is not beyond it


def mark_cuts(figure: Figure) -> None:
    """Draw a triangle at the edge for each line, band and bar that leaves its panel, in its colour."""
    for axes in figure.axes:
        # A set: a point and its bar leave at one place.
        for colour, axis, side, x, y in sorted(set() if axes.images else set(_yield_marks(axes))):
            # Upside down, the smaller value is at the top.
            turned = axes.xaxis_inverted() if axis == 0 else axes.yaxis_inverted()
            look: dict[str, Any] = {"marker": MARKERS[axis, side ^ turned], "markersize": 4.5, "color": colour}
            axes.plot([x], [y], linestyle="none", clip_on=False, zorder=4, scalex=False, scaley=False, **look)


def _yield_marks(axes: Axes) -> Iterator[tuple[str, int, int, float, float]]:
    """Yield colour, axis, side and place of each mark of a panel."""
    limits = np.array([sorted(axes.get_xlim()), sorted(axes.get_ylim())])
    room = NEAR * (limits[:, 1] - limits[:, 0])
    for colour, points in _yield_points(axes):
        points = points[np.isfinite(points).all(axis=1)]
        for axis in (0, 1):
            low, high = limits[axis] + [-room[axis], room[axis]]
            for side, beyond in enumerate((points[:, axis] < low, points[:, axis] > high)):
                if beyond.any():
                    # The first point beyond the edge is where a line leaves.
                    x, y = points[beyond][0].clip(limits[:, 0], limits[:, 1])
                    yield to_hex(colour), axis, side, float(x), float(y)


def _yield_points(axes: Axes) -> Iterator[tuple[Any, Points]]:
    """Yield colour and points of each line, bar and band at data."""
    for line in axes.lines:
        if line.get_transform() == axes.transData:
            alone = line.get_linestyle() == "None"
            yield line.get_markeredgecolor() if alone else line.get_color(), np.array(line.get_xydata(), dtype=float)
    for one in axes.collections:
        if isinstance(one, LineCollection):  # bars: each may be cut
            yield from ((one.get_edgecolor()[0], np.asarray(bar, dtype=float)) for bar in one.get_segments())
        elif isinstance(one, PolyCollection):
            yield from ((one.get_facecolor()[0], np.asarray(path.vertices, dtype=float)) for path in one.get_paths())
