"""Give panels that show one quantity the same limits, so that equal heights are equal values."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Panels keep limits of their own if on shared ones the values of some panel would fill less than this share of it.
LEAST = 0.25
BETWEEN = "|"


def declare_compared(axes: Axes, *, x: str = "", y: str = "") -> None:
    """Declare the quantities on the axes of a panel; panels of a figure with the same one share their limits.

    "" is for an axis that is not compared, such as the levels of a run. `share_limits` does the rest.
    """
    # A label of a panel is not drawn, and nothing else uses it.
    axes.set_label(f"{x}{BETWEEN}{y}")


def share_limits(figure: Figure) -> list[str]:
    """Give panels of a declared quantity the widest of their limits; return a sentence if some have their own."""
    own = 0
    for place in (0, 1):
        for panels in _yield_groups(figure, place):
            axes = [one.yaxis if place else one.xaxis for one in panels]
            limits = np.array([sorted(one.get_view_interval()) for one in axes])
            wide = limits[:, 0].min(), limits[:, 1].max()
            # Lengths on the paper, so on a logarithmic axis ratios.
            transform = axes[0].get_transform()
            spans = np.diff(transform.transform(limits.ravel()).reshape(-1, 2)).ravel()
            if spans.min() < LEAST * np.diff(transform.transform(np.array(wide))):
                own += 1
                continue
            for one in panels:
                inverted = one.yaxis_inverted() if place else one.xaxis_inverted()
                change = one.set_ylim if place else one.set_xlim
                change(*(wide[::-1] if inverted else wide))
    return ["Panels of one quantity with different axes: their values lie too far apart for one scale."] if own else []


def _yield_groups(figure: Figure, place: int) -> Iterator[list[Axes]]:
    """Yield the panels that share a quantity on their x axes (place 0) or y axes (1)."""
    groups: dict[str, list[Axes]] = {}
    for axes in figure.axes:
        parts = str(axes.get_label()).split(BETWEEN)
        if len(parts) == 2 and parts[place]:
            groups.setdefault(parts[place], []).append(axes)
    yield from (panels for panels in groups.values() if len(panels) > 1)
