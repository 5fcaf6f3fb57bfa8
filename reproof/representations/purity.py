"""Numerical measures of what images have in common, which Szegedy et al. 2014, section 3, judge by eye."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.storage.files import ReproofError


def compute_class_purity(labels: Tensor) -> Tensor:
    """Return the share of the most frequent label in each set, int64 [sets, k]: float64 [sets], 1 / k to 1."""
    return _compute_shares(labels).amax(dim=-1)


def compute_label_entropy(labels: Tensor) -> Tensor:
    """Return the entropy of the labels in each set, int64 [sets, k], in nats: float64 [sets], 0 if all are equal."""
    terms: Tensor = torch.special.entr(_compute_shares(labels))
    return terms.sum(dim=-1)


def compute_mean_distance(vectors: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean L2 distance over pairs of `vectors` [N, D] in each set of indices [sets, k]: float64 [sets].

    Raises ReproofError for sets of one.
    """
    k = chosen.shape[-1]
    if k < 2:
        raise ReproofError(f"purity: {k} image has no pairs; choose at least 2")
    one = vectors[chosen].double()
    # The fast way by matrix products loses digits where images nearly coincide.
    distances = torch.cdist(one, one, compute_mode="donot_use_mm_for_euclid_dist")
    # The matrix holds each pair twice and zeros on its diagonal.
    return distances.sum(dim=(-2, -1)) / (k * (k - 1))


def compute_compactness(vectors: Tensor, chosen: Tensor, *, random_sets: int, generator: torch.Generator) -> Tensor:
    """Return the mean distance in each chosen set [sets, k] over that of random sets of k: float64 [sets].

    Below 1, the images are closer together than random ones. `vectors` [N, D] are pixels or features. Each of the
    `random_sets` is drawn without replacement.
    """
    chances = torch.rand(random_sets, len(vectors), generator=generator)
    # The places of the k greatest random numbers are a draw without replacement.
    drawn = chances.topk(chosen.shape[-1], dim=-1).indices.to(chosen.device)
    return compute_mean_distance(vectors, chosen) / compute_mean_distance(vectors, drawn).mean()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference of the means of two groups, and its two-sided p value, in (0, 1]."""

    mean: float
    p: float


def run_permutation_test(one: Tensor, other: Tensor, *, permutations: int, generator: torch.Generator) -> Difference:
    """Compare the means of two groups, floating point [n] and [m], by permuting the group labels.

    p is the share of permutations, the observed one included, with a difference at least as great: never 0. A large p
    means that units do not differ detectably from random directions; it does not show that they are equal.
    """
    values, n = torch.cat([one, other]).double(), len(one)
    chances = torch.rand(permutations, len(values), generator=generator)
    shuffled = values.cpu()[chances.argsort(dim=-1)]
    differences = _compute_difference(shuffled, n)
    measured = float(_compute_difference(values.cpu(), n))
    # Sums in another order round differently; equal differences must count as equal.
    rounding = 1e-12 * float(values.abs().max())
    as_great = int((differences.abs() >= abs(measured) - rounding).sum())
    # The observed grouping counts as one permutation, so p cannot be 0.
    return Difference(mean=measured, p=(1 + as_great) / (1 + permutations))


def _compute_difference(values: Tensor, n: int) -> Tensor:
    """Return the mean of the first n values less that of the others."""
    return values[..., :n].mean(dim=-1) - values[..., n:].mean(dim=-1)


def _compute_shares(labels: Tensor) -> Tensor:
    """Return the share of each label in each set: float64 [sets, classes]."""
    classes = int(labels.max()) + 1
    counts = torch.nn.functional.one_hot(labels, classes).sum(dim=-2)
    return counts.double() / labels.shape[-1]
