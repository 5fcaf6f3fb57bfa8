"""Questions to a victim that answers with logits alone, a bounded number of pixels at a time."""

from collections.abc import Iterable

import torch
from torch import Tensor

from reproof.attacks.attack import Aim
from reproof.attacks.victim import Victim

PIXELS = 2**20  # of one batch, all channels counted: 4 MiB of input, and a network's activations are a multiple of it


@torch.no_grad()
def answers(victim: Victim, batches: Iterable[Tensor]) -> Tensor:
    """Return the logits [rows, K] of images that are made batch by batch."""
    return torch.cat([victim.logits(batch) for batch in batches])


def parts_of(count: int, like: Tensor) -> tuple[Tensor, ...]:
    """Return 0, ..., count - 1 in parts, each of as many images like these [N, C, H, W] as one batch may hold."""
    return torch.split(torch.arange(count, device=like.device), _batch(like))


def logits_of(victim: Victim, images: Tensor) -> Tensor:
    """Ask about each image once; return the logits [N, K]."""
    return answers(victim, torch.split(images, _batch(images)))


def unreached(victim: Victim, images: Tensor, aim: Aim) -> Tensor:
    """Ask about each image once; return the indices int64 [n] of those that are not yet what the aim is after."""
    return aim.reached(logits_of(victim, images).argmax(dim=-1)).logical_not().nonzero().squeeze(1)


def _batch(like: Tensor) -> int:
    return max(1, PIXELS // like.shape[1:].numel())
