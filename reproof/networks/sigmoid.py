"""Fully connected networks with sigmoids: FC100-100-10 and its variants in Szegedy et al. (2014, tables 1 to 4)."""

from math import prod

from torch import nn

from reproof.declarations.costs import Size
from reproof.networks.layers import chain
from reproof.networks.registry import network
from reproof.storage.files import ReproofError


@network(cost=Size(weights=89_400, products=89_400))
def sigmoid_fc(*, input_shape: tuple[int, int, int], classes: int, first: int = 100, second: int = 100) -> nn.Module:
    """Return pixels -> `first` -> `second` -> classes, with a sigmoid after each hidden layer.

    FC100-100-10 has 89,400 weights on 28x28 grey images. The paper also has FC200-200-10 and FC123-456-10. Raises
    ReproofError for a number of units below 1.
    """
    return _build("sigmoid", nn.Sigmoid, (prod(input_shape), first, second, classes))


@network(cost=Size(weights=89_400, products=89_400))
def tanh_fc(*, input_shape: tuple[int, int, int], classes: int, first: int = 100, second: int = 100) -> nn.Module:
    """Return the same network with hyperbolic tangents, for transfer between activations; the paper has none.

    Raises ReproofError for a number of units below 1.
    """
    return _build("tanh", nn.Tanh, (prod(input_shape), first, second, classes))


def _build(word: str, activation: type[nn.Module], sizes: tuple[int, int, int, int]) -> nn.Module:
    """Return a network of the sizes: pixels, units of two hidden layers, classes."""
    pixels, first, second, classes = sizes
    for name, value in (("first", first), ("second", second)):
        # YAML may give 100.0 or 100.5; only whole numbers count.
        if value < 1 or value != int(value):
            raise ReproofError(f"network {word}_fc: {name} {value} is no count of 1 or more")
    # Sigmoids keep the outputs of hidden layers in (0, 1). `attacks.pools` searches adversarial outputs in that box.
    return chain(
        ("flatten", nn.Flatten()),
        ("fc_1", nn.Linear(pixels, first)),
        (f"{word}_1", activation()),
        ("fc_2", nn.Linear(first, second)),
        (f"{word}_2", activation()),
        ("output", nn.Linear(second, classes)),
    )
