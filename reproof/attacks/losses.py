"""What a gradient attack climbs: one number an image that rises as the aim comes nearer.

In float64, and never by way of 1 - p: of a confident network that rounds to 0, and half of the gradient goes with it.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from reproof.attacks.attack import Aim
from reproof.attacks.victim import Loss, margin

ENOUGH = 50.0  # the margin past which Madry et al. push no further


def cross_entropy(aim: Aim) -> Loss:
    """Return the cross-entropy, in nats; less it if targeted."""
    return lambda logits, labels: -aim.sign * logsigmoid(_odds(logits.double(), labels))


def clipped_margin(aim: Aim) -> Loss:
    """Return -max(Z_y - max Z_other + 50, 0), the C&W loss of Madry et al.'s code; for a target the two swap places."""
    return lambda logits, labels: -_gap(aim, logits, labels).add(ENOUGH).relu()


def shortfall(aim: Aim, *, kappa: float) -> Loss:
    """Return by how much the aim, with a margin of kappa, is missed: above 0 until it is reached by more than that.

    Unclipped it is Carlini & Wagner's f (section 5, f_6) plus kappa.
    """
    return lambda logits, labels: _gap(aim, logits, labels) + kappa


def _odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the log of p / (1 - p), p the label's probability: [N]."""
    own = logits.gather(-1, labels[:, None]).squeeze(-1)
    return own - logits.scatter(-1, labels[:, None], -torch.inf).logsumexp(dim=-1)


def _gap(aim: Aim, logits: Tensor, labels: Tensor) -> Tensor:
    """Return how far the aim is from the tie at which it is reached: below 0 once it is."""
    return aim.sign * margin(logits.double(), labels)


LOSSES: dict[str, Callable[[Aim], Loss]] = {"cross_entropy": cross_entropy, "margin": clipped_margin}
