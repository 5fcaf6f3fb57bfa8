"""LeNet-300-100: the fully connected network that Frankle & Carbin (2019, figure 2) call "Lenet".

It is not the convolutional LeNet-5.
"""

from math import prod

from torch import nn

from reproof.declarations.costs import Size
from reproof.networks.layers import chain, scale_units
from reproof.networks.registry import network


@network(cost=Size(weights=266_200, products=266_200))
def lenet_300_100(*, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Module:
    """Return LeNet-300-100: pixels -> 300 -> 100 -> classes, with ReLU; 266,200 weights on 28x28 grey images.

    `width` multiplies the hidden units.
    """
    pixels, first, second = prod(input_shape), scale_units(300, width), scale_units(100, width)
    return chain(
        ("flatten", nn.Flatten()),
        ("fc_1", nn.Linear(pixels, first)),
        ("relu_1", nn.ReLU()),
        ("fc_2", nn.Linear(first, second)),
        ("relu_2", nn.ReLU()),
        ("output", nn.Linear(second, classes)),
    )
