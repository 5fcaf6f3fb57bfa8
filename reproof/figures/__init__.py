"""Draw the figures of the papers from tidy tables; a kind of figure is a function decorated with `@figure`."""

from reproof.figures import matplotlib_defaults  # noqa: F401 (it comes before any import of matplotlib)
from reproof.figures.captions import Context
from reproof.figures.drawing import Drawing, draw, save
from reproof.figures.kinds import KINDS, figure

__all__ = ["KINDS", "Context", "Drawing", "draw", "figure", "save"]
