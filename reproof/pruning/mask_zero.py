"""Mask-0 actions: what becomes of the weights that are pruned (Zhou et al. 2019, section 4).

Each maps a layer to the values that it starts from, decorated `@mask_zero`; its name is the word of configuration. The
pruned weights then stay at those values while the kept ones train.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reproof.storage.files import Array


@dataclass(frozen=True, eq=False)
class PrunedLayer:
    """A layer's weights before and after the training that decided its mask, and the mask.

    `final` of a weight pruned in an earlier round is its value at the end of the last training that it took part in.
    """

    initial: Array
    final: Array
    mask: Array

    @property
    def shrank(self) -> Array:
        """Where training moved a weight towards zero."""
        return np.asarray(np.abs(self.initial) > np.abs(self.final))

    @property
    def grew(self) -> Array:
        """Where training moved a weight away from zero."""
        return np.asarray(np.abs(self.initial) < np.abs(self.final))


Action = Callable[[PrunedLayer, np.random.Generator], Array]


def mask_zero(function: Action) -> Action:
    """Mark a function as a mask-0 action, to be found by name."""
    return function


@mask_zero
def zero(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Pruned weights are 0: the ticket itself."""
    return np.where(layer.mask, layer.initial, 0)


@mask_zero
def frozen(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Pruned weights stay at their initial values."""
    return layer.initial.copy()


@mask_zero
def frozen_or_zero(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Pruned weights that moved towards zero are 0, the others stay at their initial values (variant 1)."""
    return np.where(~layer.mask & layer.shrank, 0, layer.initial)


@mask_zero
def frozen_or_zero_everywhere(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """The same, and kept weights that moved towards zero start from 0 too (variant 2)."""
    return np.where(layer.shrank, 0, layer.initial)


@mask_zero
def frozen_or_zero_shuffled(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """As many pruned weights are 0 as in variant 1, chosen at random (its control)."""
    pruned = np.flatnonzero(~layer.mask)
    values = layer.initial.copy()
    values.reshape(-1)[chance.choice(pruned, int((~layer.mask & layer.shrank).sum()), replace=False)] = 0
    return values


@mask_zero
def frozen_or_zero_reversed(layer: PrunedLayer, chance: np.random.Generator) -> Array:
    """Pruned weights that moved away from zero are 0, the others stay at their initial values."""
    return np.where(~layer.mask & layer.grew, 0, layer.initial)
