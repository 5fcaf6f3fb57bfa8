"""VGG networks for small images (Simonyan & Zisserman 2015), with batch norm and a single fully connected layer.

VGG-19 as in Frankle & Carbin (2019, figure 2 and appendix I.2), VGG-16 as in Frankle et al. (2020, table 1). VGG-11 and
VGG-13 are configurations A and B of Simonyan & Zisserman's table 1. All have 3x3 convolutions with 64, 128, 256, 512
and 512 channels, a 2x2 max pool between stages, and an average over the remaining pixels. Options of all: `width`
multiplies the channels; `batch_norm` false gives the convolutions biases instead.
"""

from collections.abc import Iterator

from torch import nn

from reproof.declarations.costs import Size
from reproof.networks.layers import chain, compute_pooled_size, scale_units
from reproof.networks.registry import network

CHANNELS = (64, 128, 256, 512, 512)


@network(cost=Size(weights=20_024_000, products=398_136_320))
def vgg_19(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, batch_norm: bool = True
) -> nn.Module:
    """Return VGG-19: 2, 2, 4, 4 and 4 convolutions; 20,024,000 weights on CIFAR-10, of which 5,120 are the output's."""
    return _build_vgg("vgg_19", (2, 2, 4, 4, 4), input_shape, classes, width, batch_norm)


@network(cost=Size(weights=14_715_584, products=313_201_664))
def vgg_16(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, batch_norm: bool = True
) -> nn.Module:
    """Return VGG-16: 2, 2, 3, 3 and 3 convolutions; 14,715,584 weights on CIFAR-10."""
    return _build_vgg("vgg_16", (2, 2, 3, 3, 3), input_shape, classes, width, batch_norm)


@network(cost=Size(weights=9_222_848, products=152_769_536))
def vgg_11(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, batch_norm: bool = True
) -> nn.Module:
    """Return VGG-11: 1, 1, 2, 2 and 2 convolutions; 9,222,848 weights on CIFAR-10."""
    return _build_vgg("vgg_11", (1, 1, 2, 2, 2), input_shape, classes, width, batch_norm)


@network(cost=Size(weights=9_407_168, products=228_267_008))
def vgg_13(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, batch_norm: bool = True
) -> nn.Module:
    """Return VGG-13: 2, 2, 2, 2 and 2 convolutions; 9,407,168 weights on CIFAR-10."""
    return _build_vgg("vgg_13", (2, 2, 2, 2, 2), input_shape, classes, width, batch_norm)


def _build_vgg(
    name: str, depths: tuple[int, ...], input_shape: tuple[int, int, int], classes: int, width: float, batch_norm: bool
) -> nn.Module:
    """Return `depths` convolutions per stage, an average pool and the output layer."""
    # Called for its check alone: the average pool below accepts every size.
    compute_pooled_size(name, input_shape, len(depths) - 1)
    channels = [scale_units(stage, width) for stage in CHANNELS]
    return chain(
        *_list_convolutions(input_shape[0], channels, depths, batch_norm),
        ("average", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
        ("output", nn.Linear(channels[-1], classes)),
    )


def _list_convolutions(
    inputs: int, stages: list[int], depths: tuple[int, ...], batch_norm: bool
) -> Iterator[tuple[str, nn.Module]]:
    """Yield `depths[i]` convolutions of `stages[i]` channels, with a pool before each stage but the first."""
    index = 0
    for stage, (channels, depth) in enumerate(zip(stages, depths, strict=True)):
        # The average at the end takes the place of the last pool.
        if stage:
            yield f"pool_{stage}", nn.MaxPool2d(2)
        for _ in range(depth):
            index += 1
            # Batch norm subtracts the mean of its input, which would cancel a bias.
            yield f"conv_{index}", nn.Conv2d(inputs, channels, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                yield f"norm_{index}", nn.BatchNorm2d(channels)
            yield f"relu_{index}", nn.ReLU()
            inputs = channels
