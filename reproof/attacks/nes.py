"""NES: signed steps along a gradient estimated by natural evolution strategies (Ilyas et al. 2018, section 2)."""

from functools import partial

import torch
from torch import Generator, Tensor

from reproof.attacks.ascent import Memory, Probe, ascend, expand_per_image
from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.estimates import draw_normal
from reproof.attacks.losses import make_signed_cross_entropy
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

LEAST_RATE = 5e-5  # as in the authors' code


@attack
def nes(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, queries: int = 10_000,
    pairs: int = 25, sigma: float = 1e-3, rate: float = 1e-2, momentum: float = 0.9, plateau: int = 5,
) -> Adversarial:  # fmt: skip
    """Raise the cross-entropy (lower that of a target) by steps rate * sign(momentum) inside the L-inf ball.

    `images` are float32 [N, C, H, W]. `pairs` is the number of query pairs per step: 25 are the paper's 50 samples.
    `sigma`, `rate` and `epsilon` are in pixels of [0, 1]. The rate of an image is halved, down to 5e-5, whenever the
    last of `plateau` losses is no better than the first.

    Raises ReproofError for a `plateau` below 2, an impossible epsilon, or a budget too small for one step.
    """
    if plateau < 2:
        raise ReproofError(f"attack: a plateau of {plateau} steps compares nothing; give at least 2")
    count = len(images)
    memory = torch.zeros_like(images), images.new_full((count,), rate), _make_empty_history(images, plateau)
    probe = Probe(objective=make_signed_cross_entropy(aim), directions=draw_normal, pairs=pairs, step=sigma)
    update = partial(compute_signed_step, momentum=momentum)
    return ascend(
        victim, images, aim, update, memory, probe=probe, epsilon=epsilon, queries=queries, generator=generator
    )


def compute_signed_step(gradient: Tensor, losses: Tensor, memory: Memory, *, momentum: float) -> tuple[Tensor, Memory]:
    """Return the step, float32 [n, C, H, W], and the new memory.

    `memory` holds the averaged gradient [n, C, H, W], the rate [n], and the last losses [n, plateau], -inf for none.
    """
    average, rate, seen = memory
    # A running mean. Its scale has no effect, because only its sign is used below.
    average = momentum * average + (1 - momentum) * gradient
    seen = torch.cat([seen[:, 1:], losses[:, None]], dim=1)
    # -inf marks a history that is not full; no finite loss is at most that.
    stuck = seen[:, -1] <= seen[:, 0]
    rate = torch.where(stuck, rate / 2, rate).clamp(min=LEAST_RATE)
    # A new plateau begins after each halving, so that one stall does not halve the rate twice.
    seen = seen.masked_fill(stuck[:, None], -torch.inf)
    return expand_per_image(rate) * average.sign(), (average, rate, seen)


def _make_empty_history(images: Tensor, plateau: int) -> Tensor:
    """Return losses float64 [N, plateau] of no step: -inf."""
    return torch.full((len(images), plateau), -torch.inf, dtype=torch.float64, device=images.device)
