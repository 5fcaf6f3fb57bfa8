"""The members of a block: initial weights, masks and the seed of the SGD noise."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.training.state import State


@dataclass(frozen=True, eq=False)
class Member:
    """One network of a block.

    seed: the replicate of the experiment. noise: the seed of data order, augmentation and dropout.
    weights: the whole state to start from, parameters and running statistics.
    masks: bool or 0/1 by name of a pruned parameter, of its shape; None for a dense network.
    draw, level: the number of the random draw and the level of pruning; they label the curves.
    """

    seed: int
    weights: State
    noise: int
    draw: int = 0
    level: int = 0
    masks: Mapping[str, Tensor] | None = None

    def make_start(self, device: torch.device) -> dict[str, Tensor]:
        """Return copies of the weights on `device`, of their shapes, exactly 0 outside the masks."""
        masks = self.masks or {}
        # A fill, not a product with the mask: that would give -0 for negative weights.
        return {
            name: (weight.masked_fill(~masks[name].bool(), 0) if name in masks else weight).to(device, copy=True)
            for name, weight in self.weights.items()
        }
