"""ResNet-18 to ResNet-152 for small images: the four stages of ImageNet's networks (He et al. 2016, table 1) behind a
3x3 convolution, without the pool that would leave a 32x32 image 8x8 pixels before its first block.

Options of all: `width` multiplies the channels; `without` names blocks that are left out, by shell patterns
(`stage_2_block_2`, `stage_*_block_[2-9]`), of those that keep the shape of their input. The shortcut
that changes shape is a 1x1 convolution with batch norm.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from reproof.declarations.costs import Size
from reproof.networks.blocks import leave_out_blocks
from reproof.networks.layers import scale_units
from reproof.networks.registry import network
from reproof.networks.resnet import Block

STAGES = (64, 128, 256, 512)
WIDER = 4  # output channels of a bottleneck per channel of its 3x3 convolution


@network(cost=Size(weights=11_164_352, products=555_422_720))
def resnet_18(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, without: Sequence[str] = ()
) -> nn.Module:
    """Return ResNet-18: stages of 2, 2, 2 and 2 plain blocks; 11,164,352 weights on CIFAR-10."""
    return leave_out_blocks(_build_resnet(input_shape, classes, (2, 2, 2, 2), width, bottleneck=False), without)


@network(cost=Size(weights=23_467_712, products=1_297_829_888))
def resnet_50(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, without: Sequence[str] = ()
) -> nn.Module:
    """Return ResNet-50: stages of 3, 4, 6 and 3 bottlenecks; 23,467,712 weights on CIFAR-10."""
    return leave_out_blocks(_build_resnet(input_shape, classes, (3, 4, 6, 3), width, bottleneck=True), without)


@network(cost=Size(weights=42_407_616, products=2_509_983_744))
def resnet_101(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, without: Sequence[str] = ()
) -> nn.Module:
    """Return ResNet-101: stages of 3, 4, 23 and 3 bottlenecks; 42,407,616 weights on CIFAR-10."""
    return leave_out_blocks(_build_resnet(input_shape, classes, (3, 4, 23, 3), width, bottleneck=True), without)


@network(cost=Size(weights=58_005_184, products=3_722_137_600))
def resnet_152(
    *, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, without: Sequence[str] = ()
) -> nn.Module:
    """Return ResNet-152: stages of 3, 8, 36 and 3 bottlenecks; 58,005,184 weights on CIFAR-10."""
    return leave_out_blocks(_build_resnet(input_shape, classes, (3, 8, 36, 3), width, bottleneck=True), without)


class ResNet(nn.Module):
    """A 3x3 convolution, then `depths[i]` residual blocks a stage; each stage after the first halves the image."""

    def __init__(
        self, *, inputs: int, classes: int, channels: list[int], depths: tuple[int, ...], bottleneck: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        # Bottlenecks start from 64 channels, too, and widen them to 256: also the first block of stage 1 then has a
        # convolution on its shortcut.
        self.blocks = nn.Sequential()
        before = channels[0]
        for stage, (width, depth) in enumerate(zip(channels, depths, strict=True), start=1):
            after = width * WIDER if bottleneck else width
            for index in range(1, depth + 1):
                # Small images keep their size in the first stage.
                stride = 2 if stage > 1 and index == 1 else 1
                block = Bottleneck(before, width, stride) if bottleneck else Block(before, after, stride)
                self.blocks.add_module(f"stage_{stage}_block_{index}", block)
                before = after
        self.output = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] of images float32 [N, C, H, W]."""
        x = self.blocks(relu(self.norm(self.conv(x))))
        return self.output(avg_pool2d(x, x.shape[-2:]).flatten(1))  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, each with batch norm, plus the shortcut; the 3x3 one has the stride.

    torchvision places the stride there, too; He et al. place it on the first 1x1 convolution.
    """

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * WIDER
        self.conv_1, self.norm_1 = nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv_2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.norm_2 = nn.BatchNorm2d(width)
        self.conv_3, self.norm_3 = nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut.add_module("conv", nn.Conv2d(before, after, 1, stride=stride, bias=False))
            self.shortcut.add_module("norm", nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """Return activations float32 [N, 4 width, H / stride, W / stride] of activations float32 [N, before, H, W]."""
        change = relu(self.norm_2(self.conv_2(relu(self.norm_1(self.conv_1(x))))))
        return relu(self.norm_3(self.conv_3(change)) + self.shortcut(x))


def _build_resnet(
    input_shape: tuple[int, int, int], classes: int, depths: tuple[int, ...], width: float, *, bottleneck: bool
) -> nn.Module:
    """Return a network of `depths` blocks per stage, its channels times the width multiplier."""
    channels = [scale_units(stage, width) for stage in STAGES]
    return ResNet(inputs=input_shape[0], classes=classes, channels=channels, depths=depths, bottleneck=bottleneck)
