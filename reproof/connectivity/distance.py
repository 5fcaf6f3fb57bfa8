"""How far apart two networks are: in weights, and in what they say of examples (Frankle et al. 2020, app. B, G)."""

from collections.abc import Collection, Sequence
from math import sqrt

import torch
from torch import Tensor

from reproof.data.dataset import Dataset, Split
from reproof.training.evaluate import BATCH
from reproof.training.state import State
from reproof.training.variants import Variants


def compute_distance(first: State, second: State, names: Collection[str]) -> float:
    """Return the L2 distance of two states over the weights with these names."""
    squares = [(first[name].double() - second[name].double()).square().sum() for name in names]
    return sqrt(float(torch.stack(squares).sum()))


def compute_share_of_travel(ends: Sequence[State], origins: Sequence[State], names: Collection[str]) -> float:
    """Return the distance of two networks over the mean distance that they have travelled from their origins.

    From one origin: 0 where both ended in one place, sqrt(2) where they left in unrelated directions, 2 in opposite.
    """
    travelled = sum(compute_distance(end, origin, names) for end, origin in zip(ends, origins, strict=True)) / 2
    return compute_distance(ends[0], ends[1], names) / travelled


def compute_predictions(variants: Variants, split: Split, *, dataset: Dataset) -> Tensor:
    """Return the class that each state gives to each example of a split, int64 [P, N], in eval mode."""
    variants.module.eval()
    with torch.no_grad():
        parts = [
            variants.compute_outputs(dataset.normalise(part)).argmax(-1) for part in torch.split(split.images, BATCH)
        ]
    variants.module.train()
    return torch.cat(parts, dim=1)


def compute_disagreement(first: Tensor, second: Tensor) -> float:
    """Return the share of examples to which two networks give different classes [N]."""
    return float((first != second).double().mean())


def compute_share_of_most(first: Tensor, second: Tensor, labels: Tensor) -> float:
    """Return the disagreement of two networks over the greatest that networks of their errors could have.

    That is where no example is misread by both: the sum of the errors, at most 1. Two networks without error agree: 0.
    """
    most = min(1.0, float((first != labels).double().mean() + (second != labels).double().mean()))
    return compute_disagreement(first, second) / most if most else 0.0
