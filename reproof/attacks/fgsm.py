"""The fast gradient sign method (Goodfellow, Shlens & Szegedy 2015, "Explaining and Harnessing ...", section 4)."""

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
    """Return x + epsilon sign(gradient of the cross-entropy at x): one step, one query per image, nothing random.

    `images` are float32 [N, C, H, W]; `epsilon` is an L-infinity distance in pixels of [0, 1]. The paper does not clip,
    and its images leave [0, 1]; `clip` cuts them to it. The attack raises the cross-entropy of the true class or, if
    targeted, lowers that of the target.
    """
    check_epsilon(epsilon)
    sides = victim.compute_gradient(images, aim.labels, make_signed_cross_entropy(aim)).sign()
    # Computed as the farthest pixel, not as x + epsilon: that may round to a point outside the ball.
    return Adversarial(find_farthest(images, epsilon, sides, box=clip), torch.ones_like(aim.labels))
