"""SPSA: Adam along a gradient estimated from simultaneous perturbations (Uesato et al. 2018, section 4)."""

from functools import partial

import torch
from torch import Generator, Tensor

from reproof.attacks.ascent import Memory, Probe, ascend, expand_per_image
from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.estimates import draw_rademacher
from reproof.attacks.losses import make_shortfall
from reproof.attacks.victim import Loss, Victim

DECAY, SQUARE_DECAY, TINY = 0.9, 0.999, 1e-8  # Adam's usual settings


@attack
def spsa(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, queries: int = 10_000,
    pairs: int = 128, delta: float = 0.01, rate: float = 0.01,
) -> Adversarial:  # fmt: skip
    """Lower the margin of the true class (of a target, raise it) by Adam inside the L-inf ball, one step an estimate.

    `pairs` of questions, one on each side: a step asks 2 * 128 times, as the paper's batch of 128 does.
    """
    state = torch.zeros_like(images), torch.zeros_like(images), images.new_zeros(len(images))
    probe = Probe(objective=_make_excess(aim), directions=draw_rademacher, pairs=pairs, step=delta)
    update = partial(compute_adam_step, rate=rate)
    return ascend(
        victim, images, aim, update, state, probe=probe, epsilon=epsilon, queries=queries, generator=generator
    )


def _make_excess(aim: Aim) -> Loss:
    """Return by how much the aim is exceeded, in logits: below 0 until it is reached."""
    missing = make_shortfall(aim, kappa=0)
    return lambda logits, labels: -missing(logits, labels)


def compute_adam_step(gradient: Tensor, losses: Tensor, state: Memory, *, rate: float) -> tuple[Tensor, Memory]:
    """State: the averages of the gradient and its square [n, C, H, W], and the number of steps [n]."""
    mean, square, steps = state
    mean = DECAY * mean + (1 - DECAY) * gradient
    square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * gradient.square()
    steps = steps + 1
    unbiased = mean / expand_per_image(1 - DECAY**steps)
    size = (square / expand_per_image(1 - SQUARE_DECAY**steps)).sqrt()
    return rate * unbiased / (size + TINY), (mean, square, steps)
