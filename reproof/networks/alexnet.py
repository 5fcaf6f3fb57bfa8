"""AlexNet in torchvision's version, for images of about 224x224 pixels (Krizhevsky 2014, "One weird trick")."""

from collections.abc import Iterator

from torch import nn
from torchvision import models

from reproof.declarations.costs import Size
from reproof.networks.layers import Dropout, chain
from reproof.networks.registry import network
from reproof.storage.files import ReproofError

SMALLEST = 63  # pixels; smaller images vanish in its unpadded pools
NAMES = (
    *("conv_1", "relu_1", "pool_1", "conv_2", "relu_2", "pool_2", "conv_3", "relu_3", "conv_4", "relu_4"),
    *("conv_5", "relu_5", "pool_3", "average", "flatten"),
    *("dropout_1", "fc_1", "relu_6", "dropout_2", "fc_2", "relu_7", "output"),
)


@network(cost=Size(weights=61_090_496, products=714_188_480))
def alexnet(*, input_shape: tuple[int, int, int], classes: int, dropout: float = 0.5) -> nn.Module:
    """Return torchvision's AlexNet as one chain of layers: 61,090,496 weights with 1,000 classes.

    Its convolutions have 64, 192, 384, 256 and 256 channels and no local normalisation. Those of Krizhevsky et al.
    2012, whose bounds Szegedy et al. 2014 print in table 5, had 96, 256, 384, 384 and 256.

    Raises ReproofError for an input of other than 3 channels, or too small.
    """
    channels, height, width = input_shape
    if channels != 3 or min(height, width) < SMALLEST:
        raise ReproofError(
            f"network alexnet: input {channels}x{height}x{width}; it reads 3 channels, {SMALLEST} pixels or more; "
            "set data.image_size"
        )
    # torchvision draws initial values of its own here; `initialise` overwrites all of them.
    whole = models.alexnet(num_classes=classes)
    # torchvision's forward pass joins three parts. One flat chain lets the probes and the Lipschitz bounds go through
    # the network layer by layer.
    layers = [*whole.features, whole.avgpool, nn.Flatten(), *whole.classifier]
    return chain(*zip(NAMES, _adapt_layers(layers, dropout), strict=True))


def _adapt_layers(layers: list[nn.Module], rate: float) -> Iterator[nn.Module]:
    """Yield the layers with dropout whose masks the trainer draws, and with ReLUs that do not overwrite their input."""
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Dropout) and isinstance(following, nn.Linear):
            yield Dropout(rate=rate, features=following.in_features)
        else:
            # torchvision's ReLUs overwrite their input, which hooks on activations still read.
            yield nn.ReLU() if isinstance(layer, nn.ReLU) else layer
