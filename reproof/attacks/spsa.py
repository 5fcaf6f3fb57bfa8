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
    """Lower the margin of the true class (raise that of a target) by Adam inside the L-inf ball, one step per estimate.

    `images` are float32 [N, C, H, W]; `epsilon`, `delta` and `rate` are in pixels of [0, 1]. `pairs` is the number of
    query pairs per step: 2 * 128 queries, like the paper's batch of 128.

    Raises ReproofError for an impossible epsilon, or a budget too small for one step.
    """
    memory = torch.zeros_like(images), torch.zeros_like(images), images.new_zeros(len(images))
    probe = Probe(objective=_make_excess(aim), directions=draw_rademacher, pairs=pairs, step=delta)
    update = partial(compute_adam_step, rate=rate)
    return ascend(
        victim, images, aim, update, memory, probe=probe, epsilon=epsilon, queries=queries, generator=generator
    )


def _make_excess(aim: Aim) -> Loss:
    """Return the loss [N] by which the aim is exceeded, in logits: below 0 until it is reached."""
    missing = make_shortfall(aim, kappa=0)
    return lambda logits, labels: -missing(logits, labels)


def compute_adam_step(gradient: Tensor, losses: Tensor, memory: Memory, *, rate: float) -> tuple[Tensor, Memory]:
    """Return the step, float32 [n, C, H, W], and the new memory (Kingma & Ba 2015, algorithm 1).

    `memory` holds the averages of the gradient and of its square [n, C, H, W], and the number of steps [n].
    """
    mean, square, steps = memory
    mean = DECAY * mean + (1 - DECAY) * gradient
    square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * gradient.square()
    steps = steps + 1
    # The averages start at 0, which biases their first values towards 0.
    unbiased = mean / expand_per_image(1 - DECAY**steps)
    size = (square / expand_per_image(1 - SQUARE_DECAY**steps)).sqrt()
    return rate * unbiased / (size + TINY), (mean, square, steps)
