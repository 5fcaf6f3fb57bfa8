"""Inception-v3 in torchvision's version, for images of 299x299 pixels (Szegedy et al. 2016)."""

from torch import nn
from torchvision import models

from reproof.declarations.costs import Size
from reproof.networks.layers import Dropout
from reproof.networks.registry import network
from reproof.storage.files import ReproofError

FEATURES = 2048  # outputs of the last average pool
SMALLEST = 75  # pixels; smaller images vanish in its pools and unpadded convolutions


@network(cost=Size(weights=23_799_136, products=5_713_216_096))
def inception_v3(*, input_shape: tuple[int, int, int], classes: int, dropout: float = 0.5) -> nn.Module:
    """Return torchvision's Inception-v3 without its auxiliary classifier: 23,799,136 weights with 1,000 classes.

    The published 27.1 million include the auxiliary classifier, which helps training and does not take part in
    evaluation.

    Raises ReproofError for an input of other than 3 channels, or too small.
    """
    channels, height, width = input_shape
    if channels != 3 or min(height, width) < SMALLEST:
        raise ReproofError(
            f"network inception_v3: input {channels}x{height}x{width}; it reads 3 channels, {SMALLEST} pixels or more; "
            "set data.image_size"
        )
    module: nn.Module = models.inception_v3(
        # `init_weights` would draw from the global generator, slowly, and `initialise` overwrites it.
        # `transform_input` would apply a second normalisation to data that the data set has normalised.
        num_classes=classes,
        aux_logits=False,
        init_weights=False,
        transform_input=False,
    )
    module.avgpool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())  # so that dropout sees rows of features
    module.dropout = Dropout(rate=dropout, features=FEATURES)
    return module
