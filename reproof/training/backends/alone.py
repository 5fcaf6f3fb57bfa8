"""The common part of the backends of one network: a module whose state is that of the network."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from reproof.networks import find_dropouts
from reproof.training.state import State


class HasState(Protocol):
    """The part of an optimiser that the trainer saves."""

    def read_state(self) -> dict[str, Tensor]:
        """Return its state as named tensors that share memory, of the shapes of the parameters or scalar."""


class Alone:
    """A group of one network (S = 1) whose weights are those of its module."""

    size = 1
    module: nn.Module
    descent: HasState

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [1, B, ...] of inputs float32 [B, ...]; see `Networks.compute_outputs`."""
        outputs: Tensor = self.module(inputs)
        return outputs[None]

    def list_dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        """Yield (0, name of the layer, its buffer float32 [B, features]); see `Networks.list_dropout_masks`."""
        return ((0, name, layer.keep) for name, layer in find_dropouts(self.module).items())

    def read_state(self) -> dict[str, Tensor]:
        """Return the state {name: [1, ...]}; it shares the module's memory."""
        # Views of the module's own memory: `load_state` writes through them.
        return {name: value.detach()[None] for name, value in self.module.state_dict().items()}

    def load_state(self, state: State) -> None:
        """Copy a state {name: [1, ...]} into the module."""
        for name, value in self.read_state().items():
            value.copy_(state[name])

    def read_optimiser_state(self) -> dict[str, Tensor]:
        """Return the optimiser's named tensors, of the parameters' shapes or scalar; they share memory."""
        return self.descent.read_state()
