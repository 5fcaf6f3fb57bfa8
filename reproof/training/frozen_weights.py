"""Networks whose pruned weights are frozen at given values instead of 0 (Zhou et al. 2019, section 4)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.training.members import Member
from reproof.training.state import State


class FrozenWeights(nn.Module):
    """A network whose weights are the sum of a trained and a frozen part.

    It maps inputs [B, ...] to the outputs of `network`. The trained part is a parameter, 0 outside the mask like any
    ticket's, so that every backend and optimiser keeps it there. The frozen part is a buffer, 0 inside the mask, of the
    weight's shape and dtype. `frozen` gives the shapes of the frozen weights by name. The network must have no dropout.
    """

    def __init__(self, network: nn.Module, frozen: Mapping[str, torch.Size]) -> None:
        super().__init__()
        self._network = (network,)  # in a tuple, so that torch does not register its parameters as this module's
        self._frozen = tuple(frozen)
        for name, weight in network.named_parameters():
            self.register_parameter(make_trained_key(name), nn.Parameter(weight.detach().clone()))
        for name, statistic in network.named_buffers():
            self.register_buffer(make_trained_key(name), statistic.detach().clone())
        for name, shape in frozen.items():
            self.register_buffer(make_frozen_key(name), torch.zeros(shape))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of `network`, float32 [B, ...], for inputs float32 [B, ...]."""
        outputs: Tensor = functional_call(self._network[0], self.compute_state(), (inputs,))
        return outputs

    def compute_state(self) -> dict[str, Tensor]:
        """Return the whole state of `network`, in its shapes: trained plus frozen values.

        Gradients flow to the trained part.
        """
        state: dict[str, Tensor] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        whole = {name: state[make_trained_key(name)] for name in self._network[0].state_dict()}
        # Each weight is in one part only, and the other one is 0: the sum rounds nothing.
        return whole | {name: whole[name] + state[make_frozen_key(name)] for name in self._frozen}


def make_frozen_member(
    weights: State, masks: Mapping[str, Tensor], *, seed: int, noise: int, level: int = 0, draw: int = 0
) -> Member:
    """Return a member that starts from all of `weights`, trains those inside `masks` and freezes the others.

    weights: the whole state of the network. masks: bool or 0/1, each of the shape of its weight. `seed`, `noise`,
    `level` and `draw` are those of `Member`.
    """
    trained = {make_trained_key(name): value for name, value in weights.items()}
    # `make_start` sets the trained part to 0 outside the mask, this sets the frozen part to 0 inside.
    frozen = {make_frozen_key(name): weights[name].masked_fill(mask.bool(), 0) for name, mask in masks.items()}
    return Member(
        seed=seed, noise=noise, level=level, draw=draw, weights=trained | frozen,
        masks={make_trained_key(name): mask for name, mask in masks.items()},
    )  # fmt: skip


def make_trained_key(name: str) -> str:
    """Return the name of the parameter that holds the trained part of a weight."""
    # Torch forbids dots in the names of parameters.
    return name.replace(".", "/")


def make_frozen_key(name: str) -> str:
    """Return the name of the buffer that holds the frozen part of a weight."""
    return f"{make_trained_key(name)} held"
