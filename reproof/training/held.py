"""Networks whose pruned weights stay at a value of their own instead of 0 (Zhou et al. 2019, section 4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.training.members import Member


@dataclass(frozen=True, eq=False)
class Held(Member):
    """A network that starts from all of its weights, and trains those inside its mask.

    The trainer multiplies gradients by the mask, so that the weights outside it stay where they are, to the bit.
    """

    def start(self, device: torch.device) -> dict[str, Tensor]:
        """Return fresh copies of the weights on `device`, those outside the mask as well."""
        return {name: weight.to(device, copy=True) for name, weight in self.weights.items()}
