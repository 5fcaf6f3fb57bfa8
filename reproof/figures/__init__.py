"""Draw the figures of the papers from tidy tables; a kind of figure is a function decorated with `@figure`.

Every kind reads some of three tables, one value per row (written by `reproof.pipeline.collect`). Shares are in [0, 1].

measurements   run, arm, level, kept, seed, draw, part, at, metric, value (in the unit of the metric)
curves         run, arm, level, kept, seed, draw, step, split, loss (nats), accuracy (share)
movement       run, level, kept, seed, layer, quantity, group, bin_left, bin_right, share (of the weights in that bin)

`level` 0 is the dense network. `part` names a layer, an attack or a method, "" for none. `at` is a place on the axis of
the metric (a step, an epsilon), NaN for none. In tables of figures, published values have `trials` 0 and a `source`.
"""

from reproof.figures import matplotlib_defaults  # noqa: F401 (it comes before any import of matplotlib)
from reproof.figures.captions import Context
from reproof.figures.drawing import Drawing, draw, save
from reproof.figures.inks import Names
from reproof.figures.kinds import KINDS, figure

__all__ = ["KINDS", "Context", "Drawing", "Names", "draw", "figure", "save"]
