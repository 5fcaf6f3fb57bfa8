"""Ascent along an estimated gradient inside a ball of the maximum norm: the loop shared by NES and SPSA."""

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

Memory = tuple[Tensor, ...]  # state of an update for each image, tensors [N, ...]
Update = Callable[[Tensor, Tensor, Memory], tuple[Tensor, Memory]]  # (gradient, objective, memory) to (move, memory)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Settings of the gradient estimate.

    `objective` maps logits [N, K] and labels [N] to the numbers [N] to raise. `directions` draws `pairs` random
    directions [pairs, C, H, W]. `step` is the distance of each query from the image along a direction, in pixels of [0,
    1].
    """

    objective: Loss
    directions: Directions
    pairs: int
    step: float


def ascend(
    victim: Victim, images: Tensor, aim: Aim, update: Update, memory: Memory, *,
    probe: Probe, epsilon: float, queries: int, generator: Generator,
) -> Adversarial:  # fmt: skip
    """Move each image by `update` until it reaches the aim or its `queries` do not pay for another step.

    `images` are float32 [N, C, H, W] in [0, 1]; `memory` holds what `update` remembers of each image, tensors [N, ...];
    `epsilon` is the L-infinity radius. The first query is the image itself. Each step queries both sides of the image
    along every direction, and then the moved image. Queries may lie `step` times a direction outside the ball and the
    box, as in the papers; the returned images do not.

    Raises ReproofError if epsilon is impossible or the budget does not pay for one step.
    """
    check_epsilon(epsilon)
    # One query is spent on the unchanged image.
    steps = (queries - 1) // _count_queries_per_step(probe, queries)
    ball = LInf.around(images, epsilon)
    made, asked = images.clone(), torch.ones_like(aim.labels)
    # Images that are already adversarial cost one query and stay unchanged.
    left = query_unreached(victim, images, aim)
    memory = tuple(one[left] for one in memory)
    for _ in range(steps):
        if not len(left):
            break
        move, memory = update(*_estimate_at(victim, made[left], aim.labels[left], probe, generator), memory)
        # Only images that have not reached the aim take part: they alone pay for queries.
        made[left] = ball.select(left).project(made[left] + move)
        asked[left] += 2 * probe.pairs + 1
        going = query_unreached(victim, made[left], aim.select(left))
        left, memory = left[going], tuple(one[going] for one in memory)
    return Adversarial(made, asked)


def expand_per_image(values: Tensor) -> Tensor:
    """Return values [N], one per image, as [N, 1, 1, 1] of the same dtype, which multiplies images."""
    return values.view(-1, 1, 1, 1)


def _estimate_at(
    victim: Victim, images: Tensor, labels: Tensor, probe: Probe, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return the estimated gradient of the objective [n, C, H, W] and the mean objective [n]."""
    shape = torch.Size((probe.pairs, *images.shape[1:]))
    directions = probe.directions(shape, generator=generator).to(images.device)
    return estimate_gradient(victim, images, labels, probe.objective, directions=directions, step=probe.step)


def _count_queries_per_step(probe: Probe, queries: int) -> int:
    """Return the queries of one step; raise ReproofError if the budget does not pay for it or no pair is asked for."""
    if probe.pairs < 1 or probe.step <= 0:
        raise ReproofError(
            f"attack: {probe.pairs} pairs of questions {probe.step:g} to each side estimate no gradient; "
            "give at least 1 pair and a distance above 0"
        )
    cost = 2 * probe.pairs + 1
    if queries <= cost:
        raise ReproofError(f"attack: {queries} queries do not pay for one step; give at least {cost + 1}")
    return cost
