"""Ascent along an estimated gradient, inside a ball of the maximum norm: what NES and SPSA share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from reproof.attacks.attack import Adversarial, Aim, check_epsilon
from reproof.attacks.balls import LInf
from reproof.attacks.estimates import Directions, estimate_gradient
from reproof.attacks.queries import query_unreached
from reproof.attacks.victim import Loss, Victim
from reproof.storage.files import ReproofError

Memory = tuple[Tensor, ...]  # what an update remembers of each image, each tensor [N, ...]
Update = Callable[[Tensor, Tensor, Memory], tuple[Tensor, Memory]]  # (gradient, objective, state) to (move, state)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How a gradient is estimated: of which objective, along how many directions, how far to each side of the image."""

    objective: Loss
    directions: Directions
    pairs: int
    step: float


def ascend(
    victim: Victim, images: Tensor, aim: Aim, update: Update, state: Memory, *,
    probe: Probe, epsilon: float, queries: int, generator: Generator,
) -> Adversarial:  # fmt: skip
    """Move each image by `update` until the aim is reached or one more step would cost more than its `queries`.

    An image is asked about once as it is; each step asks on both sides of it and then where it has moved. Questions may
    lie `step` times a direction outside the ball and the box, as in the papers; the images returned do not.
    """
    check_epsilon(epsilon)
    steps = (queries - 1) // _count_queries_per_step(probe, queries)
    ball = LInf.around(images, epsilon)
    made, asked = images.clone(), torch.ones_like(aim.labels)
    left = query_unreached(victim, images, aim)
    state = tuple(one[left] for one in state)
    for _ in range(steps):
        if not len(left):
            break
        move, state = update(*_estimate_at(victim, made[left], aim.labels[left], probe, generator), state)
        made[left] = ball.select(left).project(made[left] + move)
        asked[left] += 2 * probe.pairs + 1
        going = query_unreached(victim, made[left], aim.select(left))
        left, state = left[going], tuple(one[going] for one in state)
    return Adversarial(made, asked)


def expand_per_image(values: Tensor) -> Tensor:
    """Return one value an image [N] in the shape that multiplies images: [N, 1, 1, 1]."""
    return values.view(-1, 1, 1, 1)


def _estimate_at(
    victim: Victim, images: Tensor, labels: Tensor, probe: Probe, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return the estimated gradient of the objective [n, C, H, W] and the objective [n]."""
    shape = torch.Size((probe.pairs, *images.shape[1:]))
    directions = probe.directions(shape, generator=generator).to(images.device)
    return estimate_gradient(victim, images, labels, probe.objective, directions=directions, step=probe.step)


def _count_queries_per_step(probe: Probe, queries: int) -> int:
    """Return how often a step asks; raise ReproofError if not one fits the budget, or there is nothing to ask."""
    if probe.pairs < 1 or probe.step <= 0:
        raise ReproofError(
            f"attack: {probe.pairs} pairs of questions {probe.step:g} to each side estimate no gradient; "
            "give at least 1 pair and a distance above 0"
        )
    cost = 2 * probe.pairs + 1
    if queries <= cost:
        raise ReproofError(f"attack: {queries} queries do not pay for one step; give at least {cost + 1}")
    return cost
