"""A network under autograd without the channels and units that its mask has cut off."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from reproof.networks import Dropout
from reproof.settings import TrainingSettings
from reproof.training.backends.channels import Places
from reproof.training.backends.plain import Single
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.objective import Objective
from reproof.training.optimisers import Descent


class Narrow(Single):
    """The channels at `places` alone, as a network of its own; equal to `Single` to rounding in all that is computed.

    The state is that of the whole network. Weights of channels that take no part have slope 0: they stay where they
    are, unless weight decay moves them. Such channels' running statistics stay, too; no output depends on them.
    """

    def __init__(
        self, module: nn.Module, members: Sequence[Member], *,
        device: torch.device, settings: TrainingSettings, objective: Objective, places: Places,
    ) -> None:  # fmt: skip
        (member,) = members
        whole = member.start(device)
        self._whole, self._places = whole, {name: at for name, at in places.items() if name in whole}
        masks = {name: self._part(name, mask) for name, mask in (member.masks or {}).items()}
        part = replace(member, weights={name: self._part(name, value) for name, value in whole.items()}, masks=masks)
        super().__init__(narrowed(module, places), [part], device=device, settings=settings, objective=objective)
        names = [name for name, _ in module.named_parameters() if name in self._places]
        self._idle = _Idle(self._whole, {name: self._places[name] for name in names}, settings)

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        super().descend(batches, step, rate)
        self._idle.decay(rate)

    def state(self) -> dict[str, Tensor]:
        for name, (value,) in super().state().items():
            self._whole[name][self._places.get(name, ())] = value
        self._idle.write(self._whole)
        return {name: value[None] for name, value in self._whole.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        for name, value in super().state().items():
            value[0] = self._part(name, state[name][0])
        for name, value in self._whole.items():
            value.copy_(state[name][0])
        self._idle.read(self._whole)

    def optimiser(self) -> dict[str, Tensor]:
        return super().optimiser() | self._idle.optimiser()

    def _part(self, name: str, whole: Tensor) -> Tensor:
        return whole[self._places.get(name, ())]


class _Idle:
    """Weights that no slope reaches, and that weight decay moves all the same."""

    def __init__(self, whole: Mapping[str, Tensor], places: Places, settings: TrainingSettings) -> None:
        self._outside = {name: torch.ones_like(whole[name], dtype=torch.bool) for name in places}
        for name, at in places.items():
            self._outside[name][at] = False
        self._decays = settings.weight_decay > 0
        self._weights = [whole[name][outside] for name, outside in self._outside.items()]
        self._slopes = [torch.zeros_like(one) for one in self._weights]
        self._descent = Descent(self._weights, [None] * len(self._weights), settings)

    def decay(self, rate: float) -> None:
        """Take one step of which the gradient is 0."""
        if self._decays:
            self._descent.apply(self._slopes, rate)

    def write(self, whole: Mapping[str, Tensor]) -> None:
        """Put the weights where they belong."""
        for (name, outside), weights in zip(self._outside.items(), self._weights, strict=True):
            whole[name][outside] = weights

    def read(self, whole: Mapping[str, Tensor]) -> None:
        """Take them from there."""
        for (name, outside), weights in zip(self._outside.items(), self._weights, strict=True):
            weights.copy_(whole[name][outside])

    def optimiser(self) -> dict[str, Tensor]:
        """Return the optimiser's state as flat named tensors, sharing memory."""
        return {f"idle.{name}": one for name, one in self._descent.state().items()}


def narrowed(module: nn.Module, places: Places) -> nn.Module:
    """Return a copy of a module that has of each tensor only what lies at `places`."""
    part = copy.deepcopy(module)
    for name, at in places.items():
        owner, _, leaf = name.rpartition(".")
        layer = part.get_submodule(owner)
        if isinstance(layer, Dropout):
            parent, _, child = owner.rpartition(".")
            setattr(part.get_submodule(parent), child, _DropoutOfPart(layer, *at))
        elif isinstance(value := getattr(layer, leaf), nn.Parameter):
            setattr(layer, leaf, nn.Parameter(value.detach()[at]))
        elif value is not None:
            setattr(layer, leaf, value[at])
    return part


class _DropoutOfPart(Dropout):
    """Dropout whose mask is drawn for the features of the whole layer, so that each has the chance it has there."""

    def __init__(self, whole: Dropout, features: Tensor) -> None:
        super().__init__(rate=whole.rate, features=whole.keep.shape[-1])
        self._features = features

    def forward(self, x: Tensor) -> Tensor:
        return x * self.keep[:, self._features] if self.training else x
