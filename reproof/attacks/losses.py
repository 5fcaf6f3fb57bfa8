"""Losses that gradient attacks raise: one number per image, greater the nearer the aim.

They compute in float64 and avoid the gradient through 1 - p: for a confident network 1 - p rounds to 0, and half of the
gradient vanishes with it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softmax

from reproof.attacks.attack import Aim
from reproof.attacks.victim import Loss, compute_margin
from reproof.training.objective import compute_cross_entropy

ENOUGH = 50.0  # logits; Madry et al. stop at this margin


def make_signed_cross_entropy(aim: Aim) -> Loss:
    """Return the loss logits [N, K], labels [N] -> cross-entropy [N], in nats; negated if targeted."""
    return lambda logits, labels: aim.sign * _CrossEntropy.apply(logits, labels)


def make_clipped_margin(aim: Aim) -> Loss:
    """Return the loss -max(Z_y - max Z_other + 50, 0), the C&W loss of Madry et al.'s code; swapped for a target."""
    # Its gradient vanishes beyond the margin of 50. Until then, unlike the cross-entropy's, it does not fade as the
    # network grows confident.
    return lambda logits, labels: -_compute_gap(aim, logits, labels).add(ENOUGH).relu()


def make_shortfall(aim: Aim, *, kappa: float) -> Loss:
    """Return the loss [N] by which the aim with a margin of `kappa` logits is missed: below 0 once it is exceeded.

    Clipped at 0 it is Carlini & Wagner's f (section 5, f_6) plus kappa.
    """
    return lambda logits, labels: _compute_gap(aim, logits, labels) + kappa


class _CrossEntropy(torch.autograd.Function):
    """`cross_entropy` whose gradient at the label, p - 1, is the negated sum of the other p, which does not round."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy, float64 [N], of logits [N, K] and labels [N]."""
        # The label's entry is left out of the softmax and set to less the sum of the others.
        exact, places = logits.double(), labels[:, None]
        gradient = softmax(exact, dim=-1).scatter_(-1, places, 0)
        ctx.save_for_backward(gradient.scatter_(-1, places, -gradient.sum(dim=-1, keepdim=True)))
        return compute_cross_entropy(exact, labels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient in the logits [N, K], and none for the labels."""
        (gradient,) = ctx.saved_tensors
        return gradients[0][:, None] * gradient, None


def _compute_gap(aim: Aim, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the distance [N], in logits, from the tie at which the aim is reached: below 0 once it is reached."""
    return aim.sign * compute_margin(logits.double(), labels)


LOSSES: dict[str, Callable[[Aim], Loss]] = {"cross_entropy": make_signed_cross_entropy, "margin": make_clipped_margin}
