"""What the backends of one network alone have in common: a module, and a state as if the module were all there is."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from reproof.networks import find_dropouts


class HasState(Protocol):
    """An optimiser, as far as the trainer looks into it."""

    def state(self) -> dict[str, Tensor]:
        """Return its state as named tensors, sharing memory."""


class Alone:
    """One network, whose weights are those of its module."""

    size = 1
    module: nn.Module
    descent: HasState

    def outputs(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.module(inputs)
        return outputs[None]

    def dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        return ((0, name, layer.keep) for name, layer in find_dropouts(self.module).items())

    def state(self) -> dict[str, Tensor]:
        return {name: value.detach()[None] for name, value in self.module.state_dict().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        for name, value in self.state().items():
            value.copy_(state[name])

    def optimiser(self) -> dict[str, Tensor]:
        return self.descent.state()
