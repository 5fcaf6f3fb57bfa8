"""What the trainer needs of a group of networks."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from reproof.training.batches import Batches
from reproof.training.state import State


class Networks(Protocol):
    """A group of networks with their optimiser; `size` counts them, written S below."""

    module: nn.Module

    @property
    def size(self) -> int:
        """The number of networks."""

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        """Take one step of gradient descent; masked weights and all that belongs to them stay exactly 0."""

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return the outputs [S, B, ...] of all networks for the same inputs [B, ...]."""

    def list_dropout_masks(self) -> Iterator[tuple[int, str, Tensor]]:
        """Yield (index of the network, name of the layer, its buffer [B, features]) to be drawn before a step."""

    def read_state(self) -> dict[str, Tensor]:
        """Return the weights as they are now, stacked over the networks: {name: [S, ...]}; to be read, or copied."""

    def load_state(self, state: State) -> None:
        """Take over weights, on whatever device."""

    def read_optimiser_state(self) -> dict[str, Tensor]:
        """Return the optimiser's state as flat named tensors; to write into them is to change it."""
