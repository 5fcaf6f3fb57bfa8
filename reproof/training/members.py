"""The members of a block: where each network starts, what its mask holds at zero, the seed of its SGD noise."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.training.state import State


@dataclass(frozen=True, eq=False)
class Member:
    """One network of a block: where it starts, what its mask holds at zero, and the seed of its SGD noise.

    `weights` is the whole state (parameters and running statistics); `masks` maps the pruned parameters to 0/1 tensors
    of their shape. `noise` decides data order, augmentation and dropout.
    """

    seed: int
    weights: State
    noise: int
    draw: int = 0
    level: int = 0
    masks: Mapping[str, Tensor] | None = None

    def make_start(self, device: torch.device) -> dict[str, Tensor]:
        """Return fresh copies of the weights on `device`, those outside the mask zero (a product may give -0)."""
        masks = self.masks or {}
        return {
            name: (weight.masked_fill(~masks[name].bool(), 0) if name in masks else weight).to(device, copy=True)
            for name, weight in self.weights.items()
        }
