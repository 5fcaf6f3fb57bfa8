"""Fully connected networks of any depth and width: the grid of Zhang, Bengio & Singer (2022, figures 1 to 4)."""

from collections.abc import Iterator
from math import prod

from torch import nn

from reproof.declarations.costs import Size
from reproof.networks.layers import chain
from reproof.networks.registry import network
from reproof.storage.files import ReproofError

PIXELS, CLASSES = 784, 10  # of MNIST


def compute_fc_size(*, depth: int = 3, units: int = 256) -> Size:
    """Return the size of a network `fc` on MNIST; its grid is too wide for one number."""
    weights = PIXELS * units + (depth - 1) * units**2 + units * CLASSES
    # A fully connected layer uses each weight once for an example.
    return Size(weights=weights, products=weights)


@network(cost=compute_fc_size)
def fc(*, input_shape: tuple[int, int, int], classes: int, depth: int = 3, units: int = 256) -> nn.Module:
    """Return `depth` hidden layers of `units` each, with ReLU, and an output layer: the paper's notation is "3x256".

    3x256 has 334,336 weights on 28x28 grey images. Raises ReproofError for a depth or a number of units below 1.
    """
    for name, value in (("depth", depth), ("units", units)):
        # YAML may give 3.0 or 3.5; only whole numbers count.
        if value < 1 or value != int(value):
            raise ReproofError(f"network fc: {name} {value} is no count of 1 or more")
    hidden = _list_hidden(prod(input_shape), depth, units)
    return chain(("flatten", nn.Flatten()), *hidden, ("output", nn.Linear(units, classes)))


def _list_hidden(inputs: int, depth: int, units: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield the hidden layers, each followed by its ReLU."""
    for index in range(1, depth + 1):
        yield f"fc_{index}", nn.Linear(inputs if index == 1 else units, units)
        yield f"relu_{index}", nn.ReLU()
