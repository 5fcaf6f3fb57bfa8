"""A network with fixed weights and learned masks (Zhou et al. 2019, section 5.2)."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import list_prunable
from reproof.seeding import derive

MaskRule = Callable[[Tensor, np.random.Generator], Tensor]  # (scores, chance) -> mask 0/1, both of the weight's shape


class MaskedNetwork(nn.Module):
    """A network in which every prunable weight is multiplied by a mask made from its scores.

    It maps inputs [B, ...] to the outputs of `network`. The only parameters are the scores, float32 of the shape of
    each prunable weight. The weights of the network are buffers. So are the two numbers that seed the masks, int64
    scalars: `noise`, a seed, and `drawn`, the number of forward passes in train mode. A resumed training therefore
    draws the same masks. In eval mode the mask has a seed of its own and is the same for every batch until the next
    training step.

    `mask(scores, chance)` returns the mask of one layer, 0 and 1, through which gradients reach the scores. `rescaled`
    multiplies each layer by size / kept in every forward pass ("dynamic weight rescaling"). Gradients flow through that
    factor too, as in the authors' code.
    """

    noise: Tensor
    drawn: Tensor

    def __init__(self, network: nn.Module, mask: MaskRule, *, rescaled: bool = False) -> None:
        super().__init__()
        self._network = (network,)  # in a tuple, so that torch does not register its parameters as this module's
        self._mask, self._rescaled = mask, rescaled
        self._names = tuple(list_prunable(network))
        for name, weight in network.state_dict().items():
            # Buffers, not parameters: no optimiser sees them, yet they are saved and moved with the scores.
            self.register_buffer(make_weight_key(name), weight.detach().clone())
        shapes = {_replace_dots(name): network.get_parameter(name).shape for name in self._names}
        # A score of 0 is a probability of 1/2 under the Bernoulli rule, where Zhou et al.'s code starts.
        self.scores = nn.ParameterDict({name: torch.zeros(shape) for name, shape in shapes.items()})
        self.register_buffer("noise", torch.zeros((), dtype=torch.int64))
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of `network`, float32 [B, ...], for inputs float32 [B, ...] under newly drawn masks."""
        # `drawn` changes in train mode only, so that all batches of an evaluation see the same mask.
        masks = self.draw_masks(("step" if self.training else "evaluation", int(self.drawn)))
        if self.training:
            self.drawn += 1
        outputs: Tensor = functional_call(self._network[0], self.apply_masks(masks), (inputs,))
        return outputs

    def draw_masks(self, purpose: tuple[str | int, ...]) -> dict[str, Tensor]:
        """Return the mask of each prunable weight, 0 and 1 of its shape and dtype.

        `purpose` and `noise` seed the draw: equal purposes give equal masks.
        """
        chance = np.random.default_rng(derive("supermask", int(self.noise), *purpose))
        return {name: self._mask(self.scores[_replace_dots(name)], chance) for name in self._names}

    def apply_masks(self, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the whole state of the network under these masks, 0 and 1 of the shapes and dtypes of the weights."""
        state = {name: self.get_buffer(make_weight_key(name)) for name in self._network[0].state_dict()}
        for name, mask in masks.items():
            # An empty mask has no kept weight to rescale: the factor stays finite.
            factor = mask.numel() / mask.sum().clamp(min=1) if self._rescaled else 1
            state[name] = state[name] * mask * factor
        return state


def make_weight_key(name: str) -> str:
    """Return the name of the buffer of a weight of the network."""
    return f"weights_{_replace_dots(name)}"


def make_score_key(name: str) -> str:
    """Return the name of the parameter of the scores of a prunable weight."""
    return f"scores.{_replace_dots(name)}"


def _replace_dots(name: str) -> str:
    # Torch forbids dots in the names of parameters and buffers.
    return name.replace(".", "/")
