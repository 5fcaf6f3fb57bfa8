"""Projected gradient descent on the negative loss, after Madry et al. 2018 (section 2.1) and its code."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.balls import Ball, make_balls
from reproof.attacks.losses import LOSSES
from reproof.attacks.victim import Loss, Victim
from reproof.storage.files import ReproofError

Climb = Callable[[Ball, Aim], tuple[Tensor, Tensor]]  # to ends [N, C, H, W] and queries [N]


@attack
def pgd(
    victim: Victim, images: Tensor, aim: Aim, *, generator: torch.Generator,
    epsilon: float, norm: str = "linf", steps: int = 40, step_size: float = 0.01, restarts: int = 1,
    random_start: bool = True, loss: str = "cross_entropy", stop_early: bool = False,
) -> Adversarial:  # fmt: skip
    """Return the ends of `steps` projected steps of `step_size` from a random point of the ball.

    `images` are float32 [N, C, H, W]. `epsilon` and `step_size` are distances of the `norm` in pixels of [0, 1]: "linf"
    (sign steps) or "l2" (normalised gradients). `loss` is "cross_entropy" or "margin". A restart takes only images not
    yet adversarial. An image that no restart makes adversarial returns as the end of highest loss. The paper takes all
    steps; with `stop_early` an image stops at its first success and costs no further queries.

    Raises ReproofError for an impossible option.
    """
    _check(steps=steps, step_size=step_size, restarts=restarts, random_start=random_start, loss=loss)
    settings = _Settings(steps, step_size, LOSSES[loss](aim), stop_early)

    def climb(some: Ball, goal: Aim) -> tuple[Tensor, Tensor]:
        start = some.draw_start(generator=generator) if random_start else some.originals.clone()
        return _climb(victim, some, goal, start, settings)

    balls = make_balls(norm, images, epsilon)
    if restarts == 1:
        return Adversarial(*climb(balls, aim))  # one end needs no choice, so no query of it
    return _climb_repeatedly(victim, balls, aim, climb, settings.loss, restarts)


@dataclass(frozen=True)
class _Settings:
    """Options of one climb."""

    steps: int
    step_size: float
    loss: Loss
    stop_early: bool


def _climb(victim: Victim, balls: Ball, aim: Aim, start: Tensor, settings: _Settings) -> tuple[Tensor, Tensor]:
    """Return the ends [N, C, H, W] of the steps from `start`, and the queries of each image, int64 [N]."""
    ends, queries, images = start.clone(), torch.zeros_like(aim.labels), start
    left = torch.arange(len(start), device=start.device)
    for _ in range(settings.steps):
        logits, gradient = victim.compute_logits_and_gradient(images, aim.labels, settings.loss)
        queries[left] += 1
        if settings.stop_early and bool((reached := aim.is_reached(logits.argmax(dim=-1))).any()):
            ends[left] = images
            going = ~reached
            # Finished images leave the batch, which saves their passes.
            left, images, gradient = left[going], images[going], gradient[going]
            balls, aim = balls.select(going), aim.select(going)
            if not len(left):
                return ends, queries
        images = balls.project(images.add(balls.compute_steps(gradient), alpha=settings.step_size))
    ends[left] = images
    return ends, queries


def _climb_repeatedly(victim: Victim, balls: Ball, aim: Aim, climb: Climb, loss: Loss, restarts: int) -> Adversarial:
    """Return for each image the first adversarial end of a climb, or else the end of highest loss."""
    best, queries = balls.originals.clone(), torch.zeros_like(aim.labels)
    highest = torch.full(aim.labels.shape, -torch.inf, dtype=torch.float64, device=best.device)
    left = torch.arange(len(best), device=best.device)
    for _ in range(restarts):
        goal = aim.select(left)
        ends, asked = climb(balls.select(left), goal)
        reached, losses = _judge(victim, ends, goal, loss)
        # The end itself is queried once, to judge it.
        queries[left] += asked + 1
        # A success replaces every failure, even one of higher loss.
        better = reached | (losses > highest[left])
        best[left[better]], highest[left[better]] = ends[better], losses[better]
        # A restart queries only the images that still resist.
        left = left[~reached]
        if not len(left):
            break
    return Adversarial(best, queries)


@torch.no_grad()
def _judge(victim: Victim, images: Tensor, aim: Aim, loss: Loss) -> tuple[Tensor, Tensor]:
    """Return where the aim is reached, bool [N], and the loss, float64 [N]."""
    logits = victim.logits(images)
    return aim.is_reached(logits.argmax(dim=-1)), loss(logits, aim.labels)


def _check(*, steps: int, step_size: float, restarts: int, random_start: bool, loss: str) -> None:
    """Raise ReproofError for an impossible option."""
    if loss not in LOSSES:
        raise ReproofError(f"pgd: loss {loss!r} is unknown; choose one of {', '.join(LOSSES)}")
    if min(steps, restarts) < 1 or not step_size > 0:
        raise ReproofError(
            f"pgd: steps {steps}, step_size {step_size:g}, restarts {restarts}: each must be above 0; correct them"
        )
    # Without a random start every restart would repeat the first.
    if restarts > 1 and not random_start:
        raise ReproofError(
            f"pgd: {restarts} restarts from the same point have the same end; set random_start to true or restarts to 1"
        )
