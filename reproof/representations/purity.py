"""Whether images have something in common, in numbers: what Szegedy et al. 2014, section 3, judge by eye."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.storage.files import ReproofError


def compute_class_purity(labels: Tensor) -> Tensor:
    """Return the share of the most frequent label in each set [sets, k]: float64 [sets], 1 / k to 1."""
    return _compute_shares(labels).amax(dim=-1)


def compute_label_entropy(labels: Tensor) -> Tensor:
    """Return the entropy of the labels in each set [sets, k], in nats: float64 [sets], 0 if all are the same."""
    terms: Tensor = torch.special.entr(_compute_shares(labels))
    return terms.sum(dim=-1)


def compute_mean_distance(vectors: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean L2 distance over pairs of the chosen vectors [N, D], by index [sets, k]: float64 [sets]."""
    k = chosen.shape[-1]
    if k < 2:
        raise ReproofError(f"purity: {k} image has no pairs; choose at least 2")
    one = vectors[chosen].double()
    distances = torch.cdist(one, one, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum(dim=(-2, -1)) / (k * (k - 1))


def compute_compactness(vectors: Tensor, chosen: Tensor, *, random_sets: int, generator: torch.Generator) -> Tensor:
    """Return the mean distance in each chosen set [sets, k] over that of random sets of k: float64 [sets].

    Below 1, the images lie closer together than any. `vectors` [N, D] are pixels or features; each random set is drawn
    without replacement.
    """
    chances = torch.rand(random_sets, len(vectors), generator=generator)
    drawn = chances.topk(chosen.shape[-1], dim=-1).indices.to(chosen.device)
    return compute_mean_distance(vectors, chosen) / compute_mean_distance(vectors, drawn).mean()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The mean of one group less that of the other, and the two-sided p value of its being chance."""

    mean: float
    p: float


def run_permutation_test(one: Tensor, other: Tensor, *, permutations: int, generator: torch.Generator) -> Difference:
    """Compare the means of two groups [n], [m] by shuffling who belongs to which.

    p is the share of shuffles, the one that was measured included, with a difference as great: never 0. No units stand
    out from random directions if p is large; that alone does not show that they are the same.
    """
    values, n = torch.cat([one, other]).double(), len(one)
    chances = torch.rand(permutations, len(values), generator=generator)
    shuffled = values.cpu()[chances.argsort(dim=-1)]
    differences = _compute_difference(shuffled, n)
    measured = float(_compute_difference(values.cpu(), n))
    rounding = 1e-12 * float(values.abs().max())
    as_great = int((differences.abs() >= abs(measured) - rounding).sum())
    return Difference(mean=measured, p=(1 + as_great) / (1 + permutations))


def _compute_difference(values: Tensor, n: int) -> Tensor:
    return values[..., :n].mean(dim=-1) - values[..., n:].mean(dim=-1)


def _compute_shares(labels: Tensor) -> Tensor:
    """Return the share of each label in each set: float64 [sets, classes]."""
    classes = int(labels.max()) + 1
    counts = torch.nn.functional.one_hot(labels, classes).sum(dim=-2)
    return counts.double() / labels.shape[-1]
