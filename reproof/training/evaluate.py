"""Measurement of networks on a split: every example counts once, in eval mode."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from reproof.data.dataset import Dataset, Split
from reproof.training.backends.protocol import Networks
from reproof.training.objective import Objective

BATCH = 1000  # large enough for full-rate matrix products, small enough for the cache


@runtime_checkable
class ReadsBytes(Protocol):
    """Networks that take stored bytes, and so need not normalise pixels that they do not use."""

    def compute_outputs_of_bytes(self, images: Tensor, dataset: Dataset) -> Tensor:
        """Return outputs float32 [S, B, ...] of all networks for the same images uint8 [B, C, H, W]."""


def evaluate(networks: Networks, split: Split, *, dataset: Dataset, objective: Objective) -> dict[str, Tensor]:
    """Return {measure: float64 [S]}: each network's mean over all examples of the split.

    The units are those of the objective: the loss in nats, the accuracy as a share in [0, 1]. The networks are left in
    train mode.
    """
    networks.module.eval()
    with torch.no_grad():
        sums = [_sum_measures(networks, part, dataset, objective) for part in _split_batches(split)]
    networks.module.train()
    # Float64 sums: the mean of 10,000 float32 losses would depend on the order of the batches.
    return {name: torch.stack([one[name] for one in sums]).sum(0).cpu() / len(split) for name in objective.measures}


def _split_batches(split: Split) -> list[Split]:
    """Return the split in parts of at most BATCH examples."""
    return [
        Split(images, labels)
        for images, labels in zip(torch.split(split.images, BATCH), torch.split(split.labels, BATCH), strict=True)
    ]


def _sum_measures(networks: Networks, part: Split, dataset: Dataset, objective: Objective) -> dict[str, Tensor]:
    """Return {measure: float64 [S]}: the sums over the examples of one part."""
    # A sparse network reads few of the pixels, and normalises these alone.
    if isinstance(networks, ReadsBytes):
        outputs = networks.compute_outputs_of_bytes(part.images, dataset)
    else:
        outputs = networks.compute_outputs(dataset.normalise(part.images))
    return {
        name: torch.stack([measure(one, part.labels).double().sum() for one in outputs])
        for name, measure in objective.measures.items()
    }
