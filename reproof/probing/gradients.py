"""Gradients of layers, and what a training with frozen layers saves of them."""

from collections.abc import Collection, Mapping
from math import prod, sqrt

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from reproof.probing.layers import list_layers

FEWEST = 3  # layers of a rank correlation: with two it is always 1 or -1


def compute_gradient_norms(module: nn.Module, loss: Tensor) -> dict[str, float]:
    """Return the root mean square of the gradient of a scalar loss over the parameters of each layer of `module`."""
    named = dict(module.named_parameters())
    found = dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))
    norms = {}
    for layer, names in list_layers(module).items():
        gradients = [found[name].double() for name in names if name in found]
        squares = sum(float(one.square().sum()) for one in gradients)
        norms[layer] = sqrt(squares / sum(one.numel() for one in gradients))
    return norms


def compute_rank_correlation(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Return Spearman's correlation of two measurements of the same layers; None for constant or too few values."""
    pairs = np.array([(value, other[layer]) for layer, value in one.items()])
    if len(pairs) < FEWEST or (np.ptp(pairs, axis=0) == 0).any():
        return None
    return float(stats.spearmanr(pairs[:, 0], pairs[:, 1]).statistic)


def compute_saved_share(module: nn.Module, input_shape: tuple[int, int, int], frozen: Collection[str]) -> float:
    """Return the share, in [0, 1], of the multiply-adds of a training step that freezing the parameters `frozen` saves.

    A step computes for each linear or convolutional layer its outputs, the gradient of its weights and the gradient of
    its inputs, at equal cost. The gradient of frozen weights is not needed. The gradient of inputs is not needed up to
    the first layer that is trained, and never for the first layer. Layers count in the order of the forward pass.
    """
    counted = list(_count_products(module, input_shape).items())
    places = [place for place, (layer, _) in enumerate(counted) if f"{layer}.weight" not in frozen]
    first = min(places, default=len(counted))
    whole = sum(3 * products for _, products in counted) - counted[0][1]
    left = sum(products * (1 + (place in places) + (place > first)) for place, (_, products) in enumerate(counted))
    return 1 - left / whole


def _count_products(module: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    """Return the multiply-adds of each linear or convolutional layer for one example, in forward order."""
    found: dict[str, int] = {}

    def count(name: str, layer: nn.Module, output: Tensor) -> None:
        weight = (
            layer.get_buffer("weight") if "weight" in dict(layer.named_buffers()) else layer.get_parameter("weight")
        )
        # Each of the output's pixels takes one product a weight.
        found[name] = weight.numel() * prod(output.shape[2:])

    handles = [
        part.register_forward_hook(lambda layer, _, output, name=name: count(name, layer, output))
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | nn.Conv2d)
    ]
    training = module.training
    with torch.no_grad():
        module.eval()(torch.zeros(1, *input_shape, device=next(iter(module.state_dict().values())).device))
    module.train(training)
    for handle in handles:
        handle.remove()
    return found
