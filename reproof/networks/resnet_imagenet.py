"""ResNet-18 to ResNet-152 in torchvision's version, for images of about 224x224 pixels (He et al. 2016, table 1).

The option `without` names blocks that are left out, by shell patterns (`layer3.1`, `layer*.[1-9]`), of those that keep
the shape of their input.
"""

from collections.abc import Sequence

from torch import nn
from torchvision import models

from reproof.declarations.costs import Size
from reproof.networks.blocks import leave_out_blocks
from reproof.networks.registry import network
from reproof.storage.files import ReproofError


@network(cost=Size(weights=11_678_912, products=1_814_073_344))
def resnet_18_imagenet(*, input_shape: tuple[int, int, int], classes: int, without: Sequence[str] = ()) -> nn.Module:
    """Return torchvision's ResNet-18: 11,678,912 weights with 1,000 classes."""
    return leave_out_blocks(_check_channels(models.resnet18(num_classes=classes), input_shape), without)


@network(cost=Size(weights=25_502_912, products=4_089_184_256))
def resnet_50_imagenet(*, input_shape: tuple[int, int, int], classes: int, without: Sequence[str] = ()) -> nn.Module:
    """Return torchvision's ResNet-50: 25,502,912 weights with 1,000 classes."""
    return leave_out_blocks(_check_channels(models.resnet50(num_classes=classes), input_shape), without)


@network(cost=Size(weights=44_442_816, products=7_801_405_440))
def resnet_101_imagenet(*, input_shape: tuple[int, int, int], classes: int, without: Sequence[str] = ()) -> nn.Module:
    """Return torchvision's ResNet-101: 44,442,816 weights with 1,000 classes."""
    return leave_out_blocks(_check_channels(models.resnet101(num_classes=classes), input_shape), without)


@network(cost=Size(weights=60_040_384, products=11_513_626_624))
def resnet_152_imagenet(*, input_shape: tuple[int, int, int], classes: int, without: Sequence[str] = ()) -> nn.Module:
    """Return torchvision's ResNet-152: 60,040,384 weights with 1,000 classes."""
    return leave_out_blocks(_check_channels(models.resnet152(num_classes=classes), input_shape), without)


def _check_channels(module: nn.Module, input_shape: tuple[int, int, int]) -> nn.Module:
    """Return the network; raise ReproofError unless inputs have 3 channels."""
    # torchvision calls its shortcuts `downsample`. `list_prunable` therefore counts them as "conv", not as "shortcut".
    if input_shape[0] != 3:
        raise ReproofError(f"network resnet_*_imagenet: reads 3 channels, not {input_shape[0]}; choose resnet_18, ...")
    return module
