"""Mask criteria: the score of each weight from its initial and its trained value; the least scores are pruned.

A criterion is a function decorated `@criterion`. It maps the initial and final weights of a layer, float32 of one
shape, to scores, floating point of that shape. One with the option `gradient` also gets the gradient at the initial
weights. Its name is the word of configuration (`pruning.by`), as in Zhou et al. 2019, table 1.
"""

from collections.abc import Callable

import numpy as np

from reproof.storage.files import Array

Criterion = Callable[..., Array]  # (initial, final) -> scores, all of the shape of the layer


def criterion(function: Criterion) -> Criterion:
    """Mark a function as a criterion, to be found by name."""
    # Only a mark: `reproof.registry` finds decorated functions in the source, without an import.
    return function


@criterion
def large_final(initial: Array, final: Array) -> Array:
    """Keep the weights with the largest magnitude after training (Frankle & Carbin 2019, section 2).

    initial, final: float32 of one shape. Returns scores of that shape, float32.
    """
    return np.abs(final)


@criterion
def large_init(initial: Array, final: Array) -> Array:
    """Keep the weights with the largest magnitude before training (a control; Frankle & Carbin 2019, appendix F.4).

    initial, final: float32 of one shape. Returns scores of that shape, float32.
    """
    return np.abs(initial)
