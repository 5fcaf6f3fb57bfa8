"""Operator norms in L2 of fully connected and convolutional layers (Szegedy et al. 2014, section 4.3).

A convolution has several, ordered as follows:

    zero padded, as the network applies it (`estimate_padded_norm`, an estimate that rises to it)
        <= circular on input + kernel - 1 pixels (`compute_padded_bound`: zero-padded kernels, the paper's bound)
        <= the supremum over all frequencies, which circular norms approach as the image grows.

The first inequality holds because a zero-padded convolution is the circular one on a larger image that is 0 outside,
read at some of its outputs. The paper's factor for a stride is recalled as stride^-2. With transforms that preserve
lengths it is stride^-1, and only that agrees with the explicit matrix of the operator.
"""

from math import ceil, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from reproof.storage.files import ReproofError

FREQUENCIES = 64  # per batch, which bounds memory: 64 matrices of 512 x 512 take 256 MiB
Size = tuple[int, int]


def compute_matrix_norm(weight: Tensor) -> float:
    """Return the greatest singular value of a fully connected layer's weight, float [outputs, inputs]."""
    return float(torch.linalg.matrix_norm(weight.double(), ord=2))


def compute_circular_norm(weight: Tensor, *, size: Size, stride: Size = (1, 1)) -> float:
    """Return the exact operator norm of a convolution with circular padding on images of `size`.

    `weight` is float [outputs, inputs, height, width], no larger than `size`, which the stride divides. At stride 1 the
    norm is the supremum over frequencies of the norm of the transformed kernels A(f) [outputs, inputs]. A stride of s_h
    x s_w aliases s_h s_w frequencies: their matrices are concatenated and divided by sqrt(s_h s_w).

    Raises ReproofError for a kernel larger than the image, or a stride that does not divide it.
    """
    _check_sizes(weight, size, stride)
    # A circular convolution is diagonal in frequency: its norm is that of the largest small matrix.
    transformed = torch.fft.fft2(weight.double(), s=size)  # [outputs, inputs, height, width]
    split = transformed.unflatten(-2, (stride[0], -1)).unflatten(-1, (stride[1], -1))
    # The s_h s_w aliases of a frequency go side by side: [height / s_h, width / s_w, outputs, inputs s_h s_w].
    by_frequency = split.permute(3, 5, 0, 1, 2, 4).flatten(3)
    half = len(by_frequency) // 2 + 1  # the rest is conjugate, as the kernels are real
    matrices = by_frequency[:half].flatten(0, 1)
    greatest = max(_compute_greatest_singular_value(part) for part in matrices.split(FREQUENCIES))
    return greatest / sqrt(stride[0] * stride[1])


def compute_padded_bound(layer: nn.Conv2d, *, size: Size) -> float:
    """Return an upper bound on the norm of the layer's operator on images of `size`: that of a circular convolution.

    With zero padding the circular image has size + kernel - 1 pixels, rounded up to a multiple of the stride. A layer
    with circular padding that keeps the size, and whose stride divides it, is its own bound. Each group acts on its own
    channels.

    Raises ReproofError for another padding, or circular padding that changes the size.
    """
    stride = _unpack_pair(layer.stride)
    kernel = _dilate(layer.weight.detach(), _unpack_pair(layer.dilation))
    around = _compute_circular_size(layer, kernel.shape[-2:], size)
    return max(compute_circular_norm(part, size=around, stride=stride) for part in kernel.chunk(layer.groups))


def estimate_padded_norm(
    layer: nn.Conv2d, *, size: Size, generator: torch.Generator, iterations: int = 1000, tolerance: float = 1e-9
) -> float:
    """Return the operator norm of the layer itself, with zero padding, by power iteration on its Gram operator.

    The estimate rises to the norm from below. Iteration ends when it rises by less than the share `tolerance`.
    `generator` draws the first vector.

    Raises ReproofError for another padding.
    """
    _check_zeros(layer)
    weight = layer.weight.detach().double()
    # A random start has a part along the leading singular vector, almost surely.
    vector = torch.randn((1, layer.in_channels, *size), generator=generator, dtype=torch.float64)
    norm = 0.0
    for _ in range(iterations):
        image, vector = _apply_with_transpose(layer, weight, vector / vector.norm())
        before, norm = norm, float(image.norm())
        # Power iteration never falls, so a small rise means it is close to its limit.
        if norm - before <= tolerance * norm:
            break
    return norm


@torch.enable_grad()
def _apply_with_transpose(layer: nn.Conv2d, weight: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
    """Return the convolution of an image [1, C, H, W], and the transposed convolution of that."""
    vector = vector.detach().requires_grad_()
    image = conv2d(vector, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    # The gradient of a linear map is its transpose: autograd gives A^T A v without a rule for padding and stride.
    (back,) = torch.autograd.grad(image, vector, image.detach())
    return image.detach(), back


def _compute_greatest_singular_value(matrices: Tensor) -> float:
    """Return the greatest singular value among complex matrices [n, outputs, inputs], from the smaller Gram matrix."""
    wide = matrices.shape[-1] > matrices.shape[-2]
    # Both Gram matrices have the same eigenvalues except zeros. The eigenvalues are the squared singular values;
    # rounding may make 0 negative.
    gram = matrices @ matrices.mH if wide else matrices.mH @ matrices
    return float(torch.linalg.eigvalsh(gram)[:, -1].max().clamp(min=0).sqrt())


def _compute_circular_size(layer: nn.Conv2d, kernel: torch.Size, size: Size) -> Size:
    """Return the size of the circular image on which the circular operator contains the layer's."""
    stride = _unpack_pair(layer.stride)
    if layer.padding_mode == "circular":
        _check_keeps_size(layer, kernel)
        return size
    _check_zeros(layer)
    # Larger than the zero-padded image, and divisible by the stride, which folding needs.
    height, width = (ceil((n + k - 1) / s) * s for n, k, s in zip(size, kernel, stride, strict=True))
    return height, width


def _dilate(kernel: Tensor, dilation: Size) -> Tensor:
    """Return the kernel with zeros between its entries."""
    height, width = ((k - 1) * d + 1 for k, d in zip(kernel.shape[-2:], dilation, strict=True))
    wide = kernel.new_zeros(*kernel.shape[:2], height, width)
    # The zero-filled kernel applies the same operator, so the Fourier transform needs no rule for dilation.
    wide[..., :: dilation[0], :: dilation[1]] = kernel
    return wide


def _unpack_pair(value: tuple[int, ...]) -> Size:
    """Return a tuple of two as a size (height, width)."""
    height, width = value
    return height, width


def _check_sizes(weight: Tensor, size: Size, stride: Size) -> None:
    """Raise ReproofError unless the kernel fits the image and the stride divides it."""
    height, width = weight.shape[-2:]
    if height > size[0] or width > size[1]:
        raise ReproofError(f"spectra: a kernel of {height}x{width} does not fit an image of {size[0]}x{size[1]}")
    if size[0] % stride[0] or size[1] % stride[1]:
        raise ReproofError(
            f"spectra: stride {stride[0]}x{stride[1]} does not divide {size[0]}x{size[1]}; on a circle it must"
        )


def _check_zeros(layer: nn.Conv2d) -> None:
    """Raise ReproofError unless the layer pads with zeros."""
    if layer.padding_mode != "zeros":
        raise ReproofError(f"spectra: padding with {layer.padding_mode!r} has no known norm; use zeros or circular")


def _check_keeps_size(layer: nn.Conv2d, kernel: torch.Size) -> None:
    """Raise ReproofError unless the padding is half the kernel."""
    halves = [2 * int(p) + 1 for p in layer.padding] if layer.padding != "same" else kernel
    if list(halves) != list(kernel):
        raise ReproofError("spectra: circular padding must be half the kernel, so that the layer keeps the size")
