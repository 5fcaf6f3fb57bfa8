"""APGD: projected ascent with momentum and a step size that halves by itself (Croce & Hein 2020, algorithm 1).

"Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks". An image stops at
its first success; the highest loss serves the others.
"""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from reproof.attacks.apgd_steps import Ascent, list_checkpoints
from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.balls import Ball, make_balls
from reproof.attacks.dlr import check_classes, compute_dlr, compute_targeted_dlr, rank_targets
from reproof.attacks.losses import make_signed_cross_entropy
from reproof.attacks.queries import query_logits
from reproof.attacks.search import Found
from reproof.attacks.victim import Loss, Victim
from reproof.storage.files import ReproofError

LEAST_CLASSES = {"cross_entropy": 2, "dlr": 3, "targeted_dlr": 4}  # by loss: the logits that it compares


@attack
def apgd(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, norm: str = "linf",
    steps: int = 100, restarts: int = 1, loss: str = "cross_entropy", targets: int = 9,
) -> Adversarial:  # fmt: skip
    """Return the first success of each image over `restarts` random starts, or else the end of highest loss.

    `epsilon` is a distance of the `norm`, "linf" or "l2", in pixels of [0, 1]. `loss` is "cross_entropy", "dlr", or
    "targeted_dlr" (APGD-T): then a restart climbs towards each of the `targets` most probable wrong classes, and any
    wrong class is a success. Images that are adversarial already return unchanged and cost one query.

    Raises ReproofError for an impossible option, and for a DLR loss with a target or with too few classes.
    """
    _check(aim, steps=steps, restarts=restarts, loss=loss, targets=targets)
    balls, logits = make_balls(norm, images, epsilon), query_logits(victim, images)
    check_classes(f"loss {loss}", logits, least=LEAST_CLASSES[loss])
    found = Found.of(images, aim.is_reached(logits.argmax(dim=-1)))
    for _ in range(restarts):
        for goals, function in _list_goals(aim, logits, loss, targets):
            _climb(victim, balls, aim, goals, function, found, steps=steps, epsilon=epsilon, generator=generator)
    return Adversarial(found.images, found.queries)


def _list_goals(aim: Aim, logits: Tensor, loss: str, targets: int) -> Iterator[tuple[Tensor, Loss]]:
    """Yield the labels of each climb, int64 [N] or pairs [N, 2], and its loss."""
    if loss == "targeted_dlr":
        for target in rank_targets(logits, aim.labels, targets).unbind(1):
            yield torch.stack([aim.labels, target], dim=1), compute_targeted_dlr
    else:
        yield aim.labels, compute_dlr if loss == "dlr" else make_signed_cross_entropy(aim)


def _climb(
    victim: Victim, balls: Ball, aim: Aim, goals: Tensor, loss: Loss, found: Found, *,
    steps: int, epsilon: float, generator: Generator,
) -> None:  # fmt: skip
    """Take `steps` steps from random points with the images that still miss the aim; keep the results in `found`."""
    left = found.list_missed()
    balls, aim, goals = balls.select(left), aim.select(left), goals[left]
    ascent, checkpoints = Ascent.of(balls.draw_start(generator=generator), size=2 * epsilon), list_checkpoints(steps)
    for step in range(steps + 1):
        if not len(left):
            return
        if step:
            ascent = ascent.move(balls, first=step == 1)
        logits, slopes = victim.compute_logits_and_gradient(ascent.points, goals, loss)
        ascent = ascent.arrive(slopes, loss(logits, goals))
        reached = aim.is_reached(logits.argmax(dim=-1))
        found.count_query(left)
        found.keep_success(left[reached], ascent.points[reached])
        if step in checkpoints:
            ascent = ascent.check(checkpoints[step])
        if bool(reached.any()):
            going = ~reached
            left, goals, ascent = left[going], goals[going], ascent.select(going)
            balls, aim = balls.select(going), aim.select(going)
    found.keep_highest(left, ascent.best, ascent.highest)


def _check(aim: Aim, *, steps: int, restarts: int, loss: str, targets: int) -> None:
    """Raise ReproofError for an impossible option."""
    if loss not in LEAST_CLASSES:
        raise ReproofError(f"apgd: loss {loss!r} is unknown; choose one of {', '.join(LEAST_CLASSES)}")
    if min(steps, restarts, targets) < 1:
        raise ReproofError(
            f"apgd: steps {steps}, restarts {restarts}, targets {targets}: each must be above 0; correct them"
        )
    if aim.targeted and loss != "cross_entropy":
        raise ReproofError(f"apgd: loss {loss} leaves a class and reaches no given one; use loss cross_entropy")
