"""Networks whose pruned weights stay at values of their own instead of 0 (Zhou et al. 2019, section 4)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.training.members import Member
from reproof.training.state import State


class FrozenWeights(nn.Module):
    """Maps inputs to the outputs of `network` under its trained weights plus those that are held.

    The trained weights are parameters, 0 outside the mask as any ticket's are, so that every backend and optimiser
    holds them there; the held ones are buffers, 0 inside the mask. The network must have no dropout.
    """

    def __init__(self, network: nn.Module, held: Mapping[str, torch.Size]) -> None:
        super().__init__()
        self._network = (network,)  # in a tuple: its parameters are none of this module's
        self._held = tuple(held)
        for name, weight in network.named_parameters():
            self.register_parameter(make_trained_key(name), nn.Parameter(weight.detach().clone()))
        for name, statistic in network.named_buffers():
            self.register_buffer(make_trained_key(name), statistic.detach().clone())
        for name, shape in held.items():
            self.register_buffer(make_frozen_key(name), torch.zeros(shape))

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self._network[0], self.compute_state(), (inputs,))
        return outputs

    def compute_state(self) -> dict[str, Tensor]:
        """Return the whole state of the network."""
        state: dict[str, Tensor] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        whole = {name: state[make_trained_key(name)] for name in self._network[0].state_dict()}
        return whole | {name: whole[name] + state[make_frozen_key(name)] for name in self._held}


def make_frozen_member(
    weights: State, masks: Mapping[str, Tensor], *, seed: int, noise: int, level: int = 0, draw: int = 0
) -> Member:
    """Return a network that starts from all of `weights`, trains those inside its masks and holds the others."""
    trained = {make_trained_key(name): value for name, value in weights.items()}
    held = {make_frozen_key(name): weights[name].masked_fill(mask.bool(), 0) for name, mask in masks.items()}
    return Member(
        seed=seed, noise=noise, level=level, draw=draw, weights=trained | held,
        masks={make_trained_key(name): mask for name, mask in masks.items()},
    )  # fmt: skip


def make_trained_key(name: str) -> str:
    """Return the name that a weight of the network has as one that trains."""
    return name.replace(".", "/")


def make_frozen_key(name: str) -> str:
    """Return the name of the buffer that holds the pruned weights of a layer."""
    return f"{make_trained_key(name)} held"
