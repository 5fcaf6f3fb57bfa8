"""The tiny network of the course notes: filters as large as the image, a pool, and a ReLU on the outputs."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from reproof.declarations.costs import Size
from reproof.networks.registry import network
from reproof.storage.files import ReproofError


@network(cost=Size(weights=25_408, products=25_408))
def tiny_conv(
    *, input_shape: tuple[int, int, int], classes: int, filters: int = 32, output_relu: bool = True
) -> nn.Module:
    """Return a convolution of `filters` filters of the image's size and an output layer: 25,408 weights on MNIST.

    With `output_relu` no logit is below 0, as in the notes' program. An output whose weighted sum is negative on every
    example then gets no gradient any more: it is dead. Raises ReproofError for a number of filters below 1.
    """
    # YAML may give 32.0 or 32.5; only whole numbers count.
    if filters < 1 or filters != int(filters):
        raise ReproofError(f"network tiny_conv: filters {filters} is no count of 1 or more")
    return TinyConv(input_shape, int(filters), classes, output_relu=output_relu)


class TinyConv(nn.Module):
    """The network on a canvas of twice the image's sides, of which the image is one quarter and the rest is 0.

    The convolution moves by whole images, so that each filter has one output for each quarter. The pool takes the
    greatest. A quarter of zeros gives the bias, so that one look at the image is enough, wherever it lies. The notes'
    program has training images in one quarter and test images in another, which makes no difference.
    """

    def __init__(self, input_shape: tuple[int, int, int], filters: int, classes: int, *, output_relu: bool) -> None:
        super().__init__()
        channels, height, width = input_shape
        self.conv_1 = WholeImageConv(channels, filters, (height, width))
        self.output = nn.Linear(filters, classes)
        self._output_relu = output_relu

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images float32 [N, C, H, W]."""
        blank = self.conv_1.bias
        assert blank is not None
        pooled = torch.maximum(self.conv_1(images), blank)
        logits: Tensor = self.output(relu(pooled))
        return relu(logits) if self._output_relu else logits


class WholeImageConv(nn.Conv2d):
    """A convolution whose filters cover the whole image: one matrix product, which is eight times faster."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs [N, filters] of images [N, C, H, W]."""
        return linear(images.flatten(1), self.weight.flatten(1), self.bias)
