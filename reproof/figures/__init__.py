"""The figures of the papers: tidy tables in, drawings out. A kind of figure is a function marked `@figure`."""

from reproof.figures.captions import Context
from reproof.figures.drawing import Drawing, draw, save
from reproof.figures.kinds import KINDS, figure

__all__ = ["KINDS", "Context", "Drawing", "draw", "figure", "save"]
