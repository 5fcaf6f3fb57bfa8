"""Networks trained together: who they are, and their two backends, one after the other or stacked under vmap."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproof.networks import dropouts, memory_format
from reproof.training.objective import Objective

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Member:
    """One network of a block: where it starts, what its mask holds at zero, and the seed of its SGD noise.

    `weights` is the whole state (parameters and running statistics); `masks` maps the pruned parameters to 0/1 tensors
    of their shape. `noise` decides data order, augmentation and dropout.
    """

    seed: int
    weights: Weights
    noise: int
    draw: int = 0
    level: int = 0
    masks: Weights | None = None

    def start(self, device: torch.device) -> dict[str, Tensor]:
        """Return fresh copies of the weights on `device`, those outside the mask zero (a product may give -0)."""
        masks = self.masks or {}
        return {
            name: (weight.masked_fill(~masks[name].bool(), 0) if name in masks else weight).to(device, copy=True)
            for name, weight in self.weights.items()
        }


class Networks(Protocol):
    """What the trainer needs of a group of networks; `size` counts them, written S below."""

    module: nn.Module
    parameters: Sequence[Tensor]

    @property
    def size(self) -> int:
        """The number of networks."""

    def loss(self, inputs: Tensor, targets: Tensor, objective: Objective) -> Tensor:
        """Return the sum over networks of each one's mean loss; inputs [S, B, ...], targets [S, B]."""

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return the outputs [S, B, ...] of all networks for the same inputs [B, ...]."""

    def masks(self) -> list[Tensor | None]:
        """Return the mask of each parameter, in the parameters' order; None where nothing is pruned."""

    def dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        """Yield (index of the network, name of the layer, its buffer [B, features]) to be drawn before a step."""

    def state(self) -> dict[str, Tensor]:
        """Return the live state, stacked over the networks: {name: [S, ...]}, sharing memory."""

    def batch(self, size: int) -> None:
        """Make room for training batches of this size."""


class Single:
    """One plain module: the fastest on a CPU."""

    size = 1

    def __init__(self, module: nn.Module, members: Sequence[Member], device: torch.device) -> None:
        (self._member,) = members
        self.module = module.to(device)
        self.module.load_state_dict(self._member.start(device))
        self.parameters: Sequence[Tensor] = list(self.module.parameters())
        self._device, self._format = device, memory_format(module)

    def loss(self, inputs: Tensor, targets: Tensor, objective: Objective) -> Tensor:
        return objective.loss(self._forward(inputs[0]), targets[0])

    def outputs(self, inputs: Tensor) -> Tensor:
        return self._forward(inputs)[None]

    def _forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.module(inputs.to(memory_format=self._format))
        return outputs

    def masks(self) -> list[Tensor | None]:
        masks = self._member.masks or {}
        names = [name for name, _ in self.module.named_parameters()]
        return [masks[name].to(self._device, torch.float32) if name in masks else None for name in names]

    def dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        return ((0, name, layer.keep) for name, layer in dropouts(self.module).items())

    def state(self) -> dict[str, Tensor]:
        return {name: value.detach()[None] for name, value in self.module.state_dict().items()}

    def batch(self, size: int) -> None:
        for layer in dropouts(self.module).values():
            layer.resize(size)


class Stacked:
    """All members as one vectorised network: parameters stacked over the members, forward mapped by vmap."""

    def __init__(self, module: nn.Module, members: Sequence[Member], device: torch.device) -> None:
        self.module, self.size, self._members, self._device = module.to(device), len(members), members, device
        starts = [member.start(device) for member in members]
        stacked = {name: torch.stack([start[name] for start in starts]) for name in starts[0]}
        self._parameters = {name: stacked[name].requires_grad_() for name, _ in module.named_parameters()}
        self._buffers = {name: stacked[name] for name, _ in module.named_buffers() if name in stacked}
        self._keeps: dict[str, Tensor] = {}
        self.parameters: Sequence[Tensor] = list(self._parameters.values())

    def loss(self, inputs: Tensor, targets: Tensor, objective: Objective) -> Tensor:
        outputs = torch.vmap(self._forward)(self._parameters, self._buffers | self._keeps, inputs)
        return torch.vmap(objective.loss)(outputs, targets).sum()

    def outputs(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = torch.vmap(self._forward, in_dims=(0, 0, None))(self._parameters, self._buffers, inputs)
        return outputs

    def masks(self) -> list[Tensor | None]:
        every = [member.masks or {} for member in self._members]
        return [
            torch.stack([masks[name] for masks in every]).to(self._device, torch.float32) if name in every[0] else None
            for name in self._parameters
        ]

    def dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        return (
            (index, name.removesuffix(".keep"), keep[index])
            for name, keep in self._keeps.items()
            for index in range(self.size)
        )

    def state(self) -> dict[str, Tensor]:
        return {name: value.detach() for name, value in (self._parameters | self._buffers).items()}

    def batch(self, size: int) -> None:
        self._keeps = {
            f"{name}.keep": layer.keep.new_full((self.size, size, layer.keep.shape[-1]), torch.nan)
            for name, layer in dropouts(self.module).items()
        }

    def _forward(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self.module, {**parameters, **buffers}, (inputs,))
        return outputs
