"""A network whose weights stand still and whose masks are learned (Zhou et al. 2019, section 5.2)."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import list_prunable
from reproof.seeding import derive

Mask = Callable[[Tensor, np.random.Generator], Tensor]


class Masked(nn.Module):
    """Maps inputs [B, ...] to the outputs of `network` with every prunable weight times a mask made from its scores.

    The only parameters are the scores, one for each prunable weight. The network's weights are buffers, and so is what
    chance depends on: `noise` (int64), a seed, and `drawn` (int64), the forward passes in training so far. A training
    that goes on from a saved state thus draws what it would have drawn. In evaluation the mask is drawn by a seed of
    its own, the same for every batch until a training step is made.

    `mask(scores, chance)` returns the mask of one layer, 0 and 1, through which gradients reach the scores.
    `rescaled` multiplies each layer by size / kept in every forward pass ("dynamic weight rescaling"); gradients flow
    through that factor too, as in the authors' code.
    """

    noise: Tensor
    drawn: Tensor

    def __init__(self, network: nn.Module, mask: Mask, *, rescaled: bool = False) -> None:
        super().__init__()
        self._network = (network,)  # in a tuple: its parameters are none of this module's
        self._mask, self._rescaled = mask, rescaled
        self._names = tuple(list_prunable(network))
        for name, weight in network.state_dict().items():
            self.register_buffer(weight_key(name), weight.detach().clone())
        shapes = {_plain(name): network.get_parameter(name).shape for name in self._names}
        self.scores = nn.ParameterDict({name: torch.zeros(shape) for name, shape in shapes.items()})
        self.register_buffer("noise", torch.zeros((), dtype=torch.int64))
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        masks = self.masks(("step" if self.training else "evaluation", int(self.drawn)))
        if self.training:
            self.drawn += 1
        outputs: Tensor = functional_call(self._network[0], self.masked(masks), (inputs,))
        return outputs

    def masks(self, purpose: tuple[str | int, ...]) -> dict[str, Tensor]:
        """Return the mask of each prunable weight, drawn for this purpose."""
        chance = np.random.default_rng(derive("supermask", int(self.noise), *purpose))
        return {name: self._mask(self.scores[_plain(name)], chance) for name in self._names}

    def masked(self, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the whole state of the network under these masks."""
        state = {name: self.get_buffer(weight_key(name)) for name in self._network[0].state_dict()}
        for name, mask in masks.items():
            factor = mask.numel() / mask.sum().clamp(min=1) if self._rescaled else 1
            state[name] = state[name] * mask * factor
        return state


def weight_key(name: str) -> str:
    """Return the name of the buffer that holds a weight of the network."""
    return f"weights_{_plain(name)}"


def score_key(name: str) -> str:
    """Return the name of the parameter that holds the scores of a prunable weight."""
    return f"scores.{_plain(name)}"


def _plain(name: str) -> str:
    return name.replace(".", "/")
