"""The fast gradient sign method of Goodfellow, Shlens & Szegedy 2015, "Explaining and Harnessing ..." (section 4)."""

import torch
from torch import Tensor

from reproof.attacks.attack import Adversarial, Aim, attack, check_epsilon
from reproof.attacks.balls import find_farthest
from reproof.attacks.losses import make_signed_cross_entropy
from reproof.attacks.victim import Victim


@attack
def fgsm(
    victim: Victim, images: Tensor, aim: Aim, *, generator: torch.Generator, epsilon: float, clip: bool = True
) -> Adversarial:
    """Return x + epsilon sign(gradient of the cross-entropy at x): one step, one query an image, nothing drawn.

    The paper does not clip, and its images leave [0, 1]; with `clip` they are cut at it. The cross-entropy is of the
    true class and rises, or, if targeted, is of the target and falls.
    """
    check_epsilon(epsilon)
    sides = victim.compute_gradient(images, aim.labels, make_signed_cross_entropy(aim)).sign()
    return Adversarial(find_farthest(images, epsilon, sides, box=clip), torch.ones_like(aim.labels))
