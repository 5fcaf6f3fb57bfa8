"""Mask criteria: the score of each weight from its initial and its trained value; the least scores are pruned.

Each criterion is a function of two arrays of one shape that returns the scores, decorated `@criterion`; its name is
the word of configuration (`pruning.by`). Names as in Zhou et al. 2019, table 1.
"""

from collections.abc import Callable

import numpy as np

from reproof.storage.files import Array

Criterion = Callable[[Array, Array], Array]


def criterion(function: Criterion) -> Criterion:
    """Mark a function of a layer's initial and final weights as a criterion, to be found by name."""
    return function


@criterion
def large_final(initial: Array, final: Array) -> Array:
    """Keep the weights that training made largest (Frankle & Carbin 2019, section 2)."""
    return np.abs(final)


@criterion
def large_init(initial: Array, final: Array) -> Array:
    """Keep the weights that were largest before training (Frankle & Carbin 2019, appendix F.4, as a control)."""
    return np.abs(initial)
