"""Mask-0 actions: the frozen values of the pruned weights (Zhou et al. 2019, section 4).

An action is a function decorated `@mask_zero`. It maps a layer to its start values, float32 of the shape of the layer,
and draws from `chance`. Its name is the word of configuration. The pruned weights stay at their start values while the
kept ones train.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reproof.storage.files import Array


@dataclass(frozen=True, eq=False)
class PrunedLayer:
    """A layer's weights before and after the training that decided its mask, and the mask.

    initial, final: float32 of the shape of the layer. mask: bool of that shape, True where a weight is kept. For a
    weight pruned in an earlier round, `final` is its value at the end of the last training that it took part in.
    """

    initial: Array
    final: Array
    mask: Array

    @property
    def shrank(self) -> Array:
        """Return bool, of the shape of the layer: True where training moved a weight towards zero."""
        # Strictly: a weight that did not move neither shrank nor grew.
        return np.asarray(np.abs(self.initial) > np.abs(self.final))

    @property
    def grew(self) -> Array:
        """Return bool, of the shape of the layer: True where training moved a weight away from zero."""
        return np.asarray(np.abs(self.initial) < np.abs(self.final))


Action = Callable[[PrunedLayer, np.random.Generator], Array]


def mask_zero(function: Action) -> Action:
    """Mark a function as a mask-0 action, to be found by name."""
    return function


@mask_zero
def zero(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Set pruned weights to 0: the ticket itself.

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    return np.where(layer.mask, layer.initial, 0)


@mask_zero
def frozen(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Leave pruned weights at their initial values.

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    return layer.initial.copy()


@mask_zero
def frozen_or_zero(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Set pruned weights that moved towards zero to 0, and leave the others at their initial values (variant 1).

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    return np.where(~layer.mask & layer.shrank, 0, layer.initial)


@mask_zero
def frozen_or_zero_everywhere(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Set all weights that moved towards zero to 0, kept ones too; these train from there (variant 2).

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    return np.where(layer.shrank, 0, layer.initial)


@mask_zero
def frozen_or_zero_shuffled(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Set as many pruned weights to 0 as variant 1, selected at random (its control).

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    pruned = np.flatnonzero(~layer.mask)
    # `reshape` of a fresh copy is a view, so that the zeros reach `values` itself.
    values = layer.initial.copy()
    values.reshape(-1)[chance.choice(pruned, int((~layer.mask & layer.shrank).sum()), replace=False)] = 0
    return values


@mask_zero
def frozen_or_zero_reversed(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Set pruned weights that moved away from zero to 0, and leave the others at their initial values.

    layer: arrays of one shape. Returns the start values of all its weights, float32 of that shape.
    """
    return np.where(~layer.mask & layer.grew, 0, layer.initial)
