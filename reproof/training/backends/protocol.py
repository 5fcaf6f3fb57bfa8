"""The interface of a group of networks to the trainer."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from reproof.training.batches import Batches
from reproof.training.state import State


class Networks(Protocol):
    """A group of S networks with their optimiser."""

    module: nn.Module

    @property
    def size(self) -> int:
        """Return the number of networks, S."""

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        """Take one step of gradient descent of learning rate `rate` on the batch of `step`.

        Masked weights, their gradients and their optimiser state stay exactly 0.
        """

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [S, B, ...] of all networks for the same inputs float32 [B, ...]."""

    def list_dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        """Yield (index of the network, name of the layer, buffer float32 [B, features]) of each dropout mask."""

    def read_state(self) -> dict[str, Tensor]:
        """Return the current states, {name: [S, ...]} of the dtypes of the weights.

        They share memory: copy what must not change.
        """

    def load_state(self, state: State) -> None:
        """Copy states {name: [S, ...]}, of the same dtypes and from any device, into the networks."""

    def read_optimiser_state(self) -> dict[str, Tensor]:
        """Return the optimiser's state as named tensors: of the shapes of the parameters, or scalar counts.

        They share memory: writing to them changes the state.
        """
