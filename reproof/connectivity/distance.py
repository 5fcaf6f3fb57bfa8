"""Distances of two networks: in weights, and in predictions (Frankle et al. 2020, appendices B and G)."""

from collections.abc import Collection, Sequence
from math import sqrt

import torch
from torch import Tensor

from reproof.data.dataset import Dataset, Split
from reproof.training.evaluate import BATCH
from reproof.training.state import State
from reproof.training.variants import Variants


def compute_distance(first: State, second: State, names: Collection[str]) -> float:
    """Return the L2 distance of two states over the weights `names`, summed in float64.

    States map names to tensors of equal shapes; `names` leaves out running statistics, which are no weights.
    """
    squares = [(first[name].double() - second[name].double()).square().sum() for name in names]
    return sqrt(float(torch.stack(squares).sum()))


def compute_share_of_travel(ends: Sequence[State], origins: Sequence[State], names: Collection[str]) -> float:
    """Return the distance of two networks over the mean of their distances from their origins.

    ends, origins: two states each. With one origin the result is 0 for equal ends, sqrt(2) for orthogonal directions
    and 2 for opposite directions.

    States map names to tensors of equal shapes and dtypes.
    """
    # Ends over their travel (appendix B): a distance alone would grow with the length of the training.
    travelled = sum(compute_distance(end, origin, names) for end, origin in zip(ends, origins, strict=True)) / 2
    return compute_distance(ends[0], ends[1], names) / travelled


def compute_predictions(variants: Variants, split: Split, *, dataset: Dataset) -> Tensor:
    """Return the predicted class of each of N examples under each of P states, int64 [P, N], in eval mode."""
    variants.module.eval()
    with torch.no_grad():
        parts = [
            variants.compute_outputs(dataset.normalise(part)).argmax(-1) for part in torch.split(split.images, BATCH)
        ]
    variants.module.train()
    return torch.cat(parts, dim=1)


def compute_disagreement(first: Tensor, second: Tensor) -> float:
    """Return the share, in [0, 1], of examples whose predicted classes, int64 [N], differ."""
    return float((first != second).double().mean())


def compute_share_of_most(first: Tensor, second: Tensor, labels: Tensor) -> float:
    """Return the disagreement of two networks over the greatest possible at their errors, a share in [0, 1].

    first, second, labels: int64 [N]. The greatest disagreement is the sum of the errors, at most 1: no example is then
    misclassified by both. Two networks without error give 0.
    """
    # Two networks can disagree only where at least one of them is wrong: at most their errors add up.
    most = min(1.0, float((first != labels).double().mean() + (second != labels).double().mean()))
    return compute_disagreement(first, second) / most if most else 0.0
