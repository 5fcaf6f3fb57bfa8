"""The difference of logits ratio (Croce & Hein 2020, "Reliable Evaluation ...", section 4, equations 6 and 7).

Unlike the cross-entropy it changes neither with a shift nor with a positive factor of the logits, so that a network
cannot make its gradients vanish by greater logits. Losses compute in float64.
"""

import torch
from torch import Tensor

from reproof.attacks.victim import compute_margin
from reproof.storage.files import ReproofError

TINY = 1e-12  # summand of the denominator, as in the authors' code: equal logits give 0 instead of NaN


def compute_dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -(z_y - max_{i != y} z_i) / (z_1 - z_3) [N] of logits [N, K] and true classes [N]; z_1 is the greatest.

    It is above 0 where the class is wrong, and 1 at most.
    """
    exact = logits.double()
    greatest = exact.topk(3, dim=-1).values
    return -compute_margin(exact, labels) / (greatest[:, 0] - greatest[:, 2] + TINY)


def compute_targeted_dlr(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return -(z_y - z_t) / (z_1 - (z_3 + z_4) / 2) [N] of logits [N, K] and pairs [N, 2]: true class y, target t."""
    exact = logits.double()
    greatest, (own, other) = exact.topk(4, dim=-1).values, gather_pairs(exact, pairs)
    return (other - own) / (greatest[:, 0] - (greatest[:, 2] + greatest[:, 3]) / 2 + TINY)


def compute_difference(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return z_t - z_y [N], float64, of logits [N, K] and pairs [N, 2]: true class y, target t."""
    own, other = gather_pairs(logits.double(), pairs)
    return other - own


def gather_pairs(logits: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits [N] of both classes of each pair, int64 [N, 2]."""
    own, other = logits.gather(-1, pairs).unbind(-1)
    return own, other


def rank_targets(logits: Tensor, labels: Tensor, targets: int) -> Tensor:
    """Return the most probable wrong classes of logits [N, K], most probable first: int64 [N, targets].

    `targets` beyond K - 1 gives all K - 1.
    """
    others = logits.scatter(-1, labels[:, None], -torch.inf)
    return others.topk(min(targets, logits.shape[-1] - 1), dim=-1).indices


def check_classes(name: str, logits: Tensor, *, least: int) -> None:
    """Raise ReproofError if the logits [N, K] have fewer classes than a loss compares."""
    if logits.shape[-1] < least:
        raise ReproofError(
            f"attack: {name} compares {least} logits, and this network has {logits.shape[-1]}; "
            "use apgd with its loss cross_entropy"
        )
