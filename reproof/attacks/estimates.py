"""Gradient estimates from logits alone: losses on both sides of an image along random directions.

Normal directions give NES (Ilyas et al. 2018, section 2), Rademacher directions SPSA (Uesato et al. 2018, section 4,
where 1 / u equals u). All images share the directions of a step: the estimate is one matrix product, equal to the
papers' for each image, and independent of which other images are attacked with it.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from reproof.attacks.queries import query_batches, split_indices
from reproof.attacks.victim import Loss, Victim

Directions = Callable[..., Tensor]  # (shape [P, C, H, W], *, generator)


def draw_normal(shape: torch.Size, *, generator: Generator) -> Tensor:
    """Return standard normal directions, float32 of `shape` [P, C, H, W]."""
    return torch.randn(shape, generator=generator)


def draw_rademacher(shape: torch.Size, *, generator: Generator) -> Tensor:
    """Return directions float32 of `shape` [P, C, H, W] with entries -1 or +1, equally likely."""
    return torch.randint(2, shape, generator=generator).to(torch.float32).mul_(2).sub_(1)


def compute_antithetic_gradient(above: Tensor, below: Tensor, directions: Tensor, *, step: float) -> Tensor:
    """Return the mean over P directions u of (L(x + step u) - L(x - step u)) / (2 step) u: [N, C, H, W].

    `above` and `below` are the losses, floating point [N, P], `directions` is float32 [P, C, H, W]. For a linear loss
    with gradient g this is the mean of (u . g) u. Its expectation is g, because the entries of u are uncorrelated, of
    mean 0 and variance 1.
    """
    # [N, P], directional derivatives over P: the product with the directions [P, M] then is the mean.
    slopes = (above - below) / (2 * step * len(directions))
    flat = directions.flatten(1)
    return (slopes.to(flat.dtype) @ flat).view(-1, *directions.shape[1:])


def estimate_gradient(
    victim: Victim, images: Tensor, labels: Tensor, loss: Loss, *, directions: Tensor, step: float
) -> tuple[Tensor, Tensor]:
    """Return the estimated gradient of each image's loss [N, C, H, W] and its mean loss [N], from 2 P queries each.

    `images` are float32 [N, C, H, W], `labels` int64 [N], `directions` [P, C, H, W]. `loss` should compute in float64:
    the differences are small relative to the loss.
    """
    # Differences of both sides cancel the even terms of the loss, its curvature included.
    around = torch.cat([directions, -directions]).mul_(step)
    asked = len(around)
    parts = split_indices(len(images) * asked, images)
    # The shifted images are made per batch: all of them at once would not fit in memory.
    logits = query_batches(victim, (images[rows // asked] + around[rows % asked] for rows in parts))
    # [N * 2 P] -> [N, 2 P]: the first P columns are at +step, the others at -step.
    losses = loss(logits, labels.repeat_interleave(asked)).view(-1, asked)
    above, below = torch.chunk(losses, 2, dim=1)
    return compute_antithetic_gradient(above, below, directions, step=step), losses.mean(dim=1)
