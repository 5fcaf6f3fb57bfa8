"""Residual networks for small images (He et al. 2016, section 4.2), with convolutions on the shortcuts.

ResNet-20 is the "Resnet-18" of Frankle & Carbin (2019, figure 2 and appendix I.3). A shortcut that changes shape is a
1x1 convolution (2,560 weights in all) with batch norm. The paper prunes neither shortcuts nor the output layer (640).
"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from reproof.declarations.costs import Size
from reproof.networks.layers import scale_units
from reproof.networks.registry import network


@network(cost=Size(weights=270_896, products=40_813_184))
def resnet_20(*, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Module:
    """Return ResNet-20: 16, 3x[16,16], 3x[32,32], 3x[64,64]; 270,896 weights on CIFAR-10, 267,696 of them pruned.

    The paper's 270K convolutional weights include the shortcuts. Its total of 274K exceeds this network's parameters
    (272,474 with biases and batch norm) by 1 %. `width` multiplies the channels.
    """
    return ResNet(inputs=input_shape[0], classes=classes, channels=_scale_channels(width), blocks=3)


@network(cost=Size(weights=77_360, products=12_501_632))
def resnet_8(*, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Module:
    """Return ResNet-8: ResNet-20 with one block per stage; `width` multiplies the channels."""
    return ResNet(inputs=input_shape[0], classes=classes, channels=_scale_channels(width), blocks=1)


class ResNet(nn.Module):
    """A 3x3 convolution, then stages of `blocks` residual blocks; each stage after the first halves the image."""

    def __init__(self, *, inputs: int, classes: int, channels: list[int], blocks: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        # `probing.layers` leaves the prefix "blocks." out of the names of layers.
        self.blocks = nn.Sequential()
        before = channels[0]
        for stage, after in enumerate(channels, start=1):
            for index in range(1, blocks + 1):
                # The first convolution keeps the size of the image, and so does the first stage.
                stride = 2 if stage > 1 and index == 1 else 1
                self.blocks.add_module(f"stage_{stage}_block_{index}", Block(before, after, stride))
                before = after
        self.output = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] of images float32 [N, C, H, W]."""
        x = self.blocks(relu(self.norm(self.conv(x))))
        return self.output(avg_pool2d(x, x.shape[-2:]).flatten(1))  # type: ignore[no-any-return]


class Block(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), the shortcut a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        # No biases: the batch norm that follows each convolution has a shift.
        self.conv_1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm_1 = nn.BatchNorm2d(after)
        self.conv_2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm_2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            # A pool of size 1 selects every second pixel; the convolution then runs on a quarter of them.
            self.shortcut.add_module("stride", nn.AvgPool2d(1, stride))
            self.shortcut.add_module("conv", nn.Conv2d(before, after, 1, bias=False))
            self.shortcut.add_module("norm", nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """Return activations float32 [N, after, H / stride, W / stride] of activations float32 [N, before, H, W]."""
        # The sum comes before the last ReLU. The input of every block is therefore not negative, on which
        # `probing.layers.find_branch_norms` relies.
        change = self.norm_2(self.conv_2(relu(self.norm_1(self.conv_1(x)))))
        return relu(change + self.shortcut(x))


def _scale_channels(width: float) -> list[int]:
    """Return the channels of the three stages times the width multiplier."""
    return [scale_units(stage, width) for stage in (16, 32, 64)]
