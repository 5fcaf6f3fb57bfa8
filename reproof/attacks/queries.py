"""Queries of a victim as a black box: logits or classes, for a bounded number of pixels at a time."""

from collections.abc import Iterable

import torch
from torch import Tensor

from reproof.attacks.attack import Aim
from reproof.attacks.victim import Victim

PIXELS = 2**20  # per batch, over all channels: 4 MiB of input, and activations take a multiple of it


@torch.no_grad()
def query_batches(victim: Victim, batches: Iterable[Tensor]) -> Tensor:
    """Return the logits float32 [rows, K] of images that an iterable makes batch by batch."""
    return torch.cat([victim.logits(batch) for batch in batches])


def split_indices(count: int, like: Tensor) -> tuple[Tensor, ...]:
    """Return the indices 0, ..., count - 1, int64, in parts that fit one batch of images of this shape [N, C, H, W]."""
    return torch.split(torch.arange(count, device=like.device), _compute_batch_size(like))


def query_logits(victim: Victim, images: Tensor) -> Tensor:
    """Query each image, float32 [N, C, H, W], once; return the logits float32 [N, K]."""
    return query_batches(victim, torch.split(images, _compute_batch_size(images)))


def query_classes(victim: Victim, images: Tensor) -> Tensor:
    """Query each image [N, C, H, W] once; return the predicted classes int64 [N]. It asks for no logits."""
    return torch.cat([victim.predict(batch) for batch in torch.split(images, _compute_batch_size(images))])


def query_unreached(victim: Victim, images: Tensor, aim: Aim) -> Tensor:
    """Query each image [N, C, H, W] once; return the indices int64 [n] of the images that do not reach the aim."""
    return aim.is_reached(query_logits(victim, images).argmax(dim=-1)).logical_not().nonzero().squeeze(1)


def _compute_batch_size(like: Tensor) -> int:
    """Return the number of images of this shape in one batch, at least 1."""
    # A single image may exceed the limit: it is still queried, alone.
    return max(1, PIXELS // like.shape[1:].numel())
