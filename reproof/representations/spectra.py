"""Upper Lipschitz bounds in L2 of a chain network, layer by layer (Szegedy et al. 2014, section 4.3).

|f(x) - f(x + r)| <= (product of the bounds) |r|; biases do not matter. The paper counts max pooling as a contraction.
That holds if no pixel lies in two windows. Otherwise one pixel may be the maximum of all its windows, and the bound is
the root of their greatest number: 2 for AlexNet's windows of 3x3 at stride 2.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import torch
from torch import nn

from reproof.networks.layers import Dropout
from reproof.representations.operator_norms import compute_matrix_norm, compute_padded_bound
from reproof.storage.files import ReproofError

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Upper bound of one layer's stretching of differences, with the layer's name and type."""

    layer: str
    kind: str
    bound: float


def compute_bounds(module: nn.Module, *, input_shape: Shape) -> Iterator[Bound]:
    """Yield the bounds of a chain network in eval mode, in forward order, for one input of `input_shape` (C, H, W).

    The normalisation of pixels before the network is not included. Raises ReproofError for train mode and, with the
    layer's name, for a layer without a rule here, such as a residual block.
    """
    if module.training:
        raise ReproofError("spectra: the network is in training mode; bounds hold in eval mode, call eval() first")
    # Only shapes matter here: some bounds depend on the size of the image.
    inputs = torch.zeros(1, *input_shape)
    for name, layer in _list_chain(module):
        with torch.no_grad():
            outputs = layer(inputs)
        bound = _find_rule(name, layer)(layer, tuple(inputs.shape[1:]), tuple(outputs.shape[1:]))
        yield Bound(layer=name, kind=type(layer).__name__, bound=bound)
        inputs = outputs


def _list_chain(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers of nested chains with their dotted names."""
    if not isinstance(module, nn.Sequential):
        yield prefix, module
        return
    for name, layer in module.named_children():
        yield from _list_chain(layer, f"{prefix}.{name}" if prefix else name)


def _bound_linear(layer: nn.Linear, before: Shape, after: Shape) -> float:
    """Return the greatest singular value of the weight."""
    return compute_matrix_norm(layer.weight.detach())


def _bound_conv(layer: nn.Conv2d, before: Shape, after: Shape) -> float:
    """Return the bound of the zero-padded convolution."""
    height, width = before[-2:]
    return compute_padded_bound(layer, size=(height, width))


def _bound_batch_norm(layer: nn.BatchNorm2d, before: Shape, after: Shape) -> float:
    """Return the greatest |weight| / sqrt(running variance + eps)."""
    # In eval mode the running variance is a constant; without it the layer is not linear.
    if layer.running_var is None:
        raise ReproofError("spectra: batch norm without running statistics depends on the batch; it has no bound")
    scale = (layer.running_var.double() + layer.eps).rsqrt()
    return float((scale if layer.weight is None else scale * layer.weight.detach().double()).abs().max())


def _bound_max_pool(layer: nn.MaxPool2d, before: Shape, after: Shape) -> float:
    """Return the root of the greatest number of windows that contain one pixel."""
    options = zip(
        *(_expand_pair(o) for o in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)), strict=True
    )
    return sqrt(prod(_count_overlap(*axis) for axis in zip(before[-2:], after[-2:], options, strict=True)))


def _bound_average_pool(layer: nn.AvgPool2d, before: Shape, after: Shape) -> float:
    """Return 1 / sqrt(pixels per window), for whole windows that do not overlap."""
    kernel = _expand_pair(layer.kernel_size)
    if (
        _expand_pair(layer.stride) != kernel
        or _expand_pair(layer.padding) != (0, 0)
        or layer.ceil_mode
        or layer.divisor_override
    ):
        raise ReproofError("spectra: average pooling has a bound here only for whole windows that do not overlap")
    # The mean of n values changes by at most |change| / sqrt(n) (Cauchy-Schwarz).
    return 1 / sqrt(prod(kernel))


def _bound_adaptive_pool(layer: nn.AdaptiveAvgPool2d, before: Shape, after: Shape) -> float:
    """Return 1 / sqrt(pixels per window), for windows that tile the image."""
    if any(one % other for one, other in zip(before[-2:], after[-2:], strict=True)):
        raise ReproofError(f"spectra: average pooling of {before[-2:]} to {after[-2:]} has windows that overlap")
    return sqrt(prod(after[-2:]) / prod(before[-2:]))


def _count_overlap(length: int, outputs: int, options: tuple[int, int, int, int]) -> int:
    """Return the greatest number of windows that contain one pixel of an axis."""
    kernel, stride, padding, dilation = options
    # The position that each element of each window reads. Padding lies outside and is no pixel.
    covered = (torch.arange(outputs)[:, None] * stride + torch.arange(kernel) * dilation - padding).flatten()
    return int(torch.bincount(covered[(covered >= 0) & (covered < length)]).max())


def _expand_pair(value: Any) -> tuple[int, int]:
    """Return a size given as one number or two as (height, width)."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _make_constant(value: float) -> Callable[..., float]:
    """Return a rule for layers whose bound is a constant."""
    return lambda *_: value


RULES: Mapping[type[nn.Module], Callable[..., float]] = {
    nn.Linear: _bound_linear,
    nn.Conv2d: _bound_conv,
    nn.BatchNorm1d: _bound_batch_norm,
    nn.BatchNorm2d: _bound_batch_norm,
    nn.MaxPool2d: _bound_max_pool,
    nn.AvgPool2d: _bound_average_pool,
    nn.AdaptiveAvgPool2d: _bound_adaptive_pool,
    # The steepest slope of a sigmoid is 1/4, at 0.
    nn.Sigmoid: _make_constant(0.25),
    **dict.fromkeys((nn.ReLU, nn.Tanh, nn.Flatten, nn.Identity, nn.Dropout, Dropout), _make_constant(1.0)),
}


def _find_rule(name: str, layer: nn.Module) -> Callable[..., float]:
    """Return the rule of the layer's type; raise ReproofError, with its name, if there is none."""
    # The exact type: a subclass may compute something else.
    if type(layer) not in RULES:
        raise ReproofError(f"spectra: no bound is known for layer {name!r} of type {type(layer).__name__}")
    return RULES[type(layer)]
