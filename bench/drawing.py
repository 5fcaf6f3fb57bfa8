"""Draw what was measured beside what is asked for: one line a quantity, on an axis of measured over bound."""

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from reproof.figures.style import STYLE

Row = tuple[str, float, str]
BOUND = re.compile(r"at (most|least) ([\d.]+)")
KEPT, MISSED = "#0072B2", "#D55E00"  # told apart by colour-blind readers, and by their marker


def draw(rows: Sequence[Row], path: str | Path) -> None:
    """Write a picture of all rows (quantity, value, unit) whose unit states a bound."""
    bounded = [(row, found[1] == "most", float(found[2])) for row in rows if (found := BOUND.search(row[2]))]
    if not bounded:
        return
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 0.6 + 0.24 * len(bounded)), layout="constrained")
        for place, ((_, value, unit), upper, bound) in enumerate(reversed(bounded)):
            kept = value <= bound if upper else value >= bound
            axes.plot([1, value / bound], [place, place], color=KEPT if kept else MISSED, linewidth=1)
            axes.plot(value / bound, place, "o" if kept else "X", color=KEPT if kept else MISSED)
            axes.text(1.02, place, f"{value:.3g}  ({unit})", transform=axes.get_yaxis_transform(), va="center")
        axes.axvline(1, color="#222222", linewidth=0.8)
        axes.set(xscale="log", xlabel="measured / bound", yticks=range(len(bounded)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.set_yticklabels([row[0] for row, _, _ in reversed(bounded)])
        figure.savefig(path)
        plt.close(figure)
