"""Softmax regression: FC10 of Szegedy et al. (2014, table 1)."""

from math import prod

from torch import nn

from reproof.declarations.costs import Size
from reproof.networks.layers import chain
from reproof.networks.registry import network


@network(cost=Size(weights=7_840, products=7_840))
def softmax_regression(*, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return one layer, pixels -> classes, without hidden units; 7,840 weights on 28x28 grey images."""
    return chain(("flatten", nn.Flatten()), ("output", nn.Linear(prod(input_shape), classes)))
