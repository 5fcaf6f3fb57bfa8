"""The least distortion that makes a network predict another class (Szegedy et al. 2014, section 4.1).

The paper minimises c |r| + loss_f(x + r, l) subject to x + r in [0, 1]^m by box-constrained L-BFGS, and finds by line
search the c whose minimiser has f(x + r) = l. It prints "minimum c > 0". The argument needs the greatest such c: the
larger the weight of the distortion, the smaller the distortion, and any c close to 0 reaches the class.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.lbfgs import Function, minimise
from reproof.attacks.victim import Victim, compute_margin
from reproof.storage.files import ReproofError
from reproof.training.objective import compute_cross_entropy

WIDER, WIDEST = 2.0, 1e4  # first and greatest factor by which c changes until it is bracketed
WEIGHTS = (1e-9, 1e9)


def compute_squared_norm(perturbations: Tensor) -> Tensor:
    """Return |r|^2 of each perturbation, float [n, M]: [n] of the same dtype."""
    return perturbations.square().sum(dim=-1)


def compute_l2_norm(perturbations: Tensor) -> Tensor:
    """Return |r| of each perturbation, float [n, M]: [n], smoothed within 1e-6 of 0, where it has no gradient."""
    return (compute_squared_norm(perturbations) + 1e-12).sqrt()


PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {"squared": compute_squared_norm, "l2": compute_l2_norm}


@attack
def minimum_distortion(
    victim: Victim,
    images: Tensor,
    aim: Aim,
    *,
    generator: torch.Generator,
    penalty: str = "squared",
    searches: int = 10,
    iterations: int = 100,
    gain: float = 1e-5,
) -> Adversarial:
    """Return the least distorted images, float32 [N, C, H, W], that reach their target, after `searches` values of c.

    The paper writes the penalty as |r|. "squared" is |r|^2: smooth at the start r = 0, and its minimiser varies
    smoothly with c. "l2" is |r|: its minimiser stays at 0 for every c above the slope of the loss. For both, the
    minimiser at the greatest successful c lies where the target's region begins.

    The first c is exact for a linear network of two classes. It changes by a factor of 2, 4, 16, ... until the
    threshold is bracketed; then the bracket is halved geometrically. The first search starts at the image, each later
    one at the best success so far. `iterations` and `gain` are those of `minimise`. Images without success return
    unchanged, as do images already predicted as their target. The attack draws no random numbers.

    Raises ReproofError for an untargeted aim, an unknown penalty or no search.
    """
    _check(aim, penalty, searches)
    best, queries = images.clone(), torch.ones_like(aim.labels)
    left = (~aim.is_reached(victim.predict(images))).nonzero().squeeze(-1)
    if len(left):
        search = _Search(penalty, searches, iterations, gain)
        best[left], further = _search_least(victim, images[left], aim.select(left), search)
        queries[left] += further
    return Adversarial(best, queries)


class _Search(NamedTuple):
    """Options of the attack."""

    penalty: str
    searches: int
    iterations: int
    gain: float


def _search_least(victim: Victim, images: Tensor, aim: Aim, search: _Search) -> tuple[Tensor, Tensor]:
    """Return the least distorted successes, or the images, float32 [n, C, H, W], and the queries of each, int64 [n]."""
    best, distance = images.clone(), torch.full((len(images),), torch.inf, device=images.device)
    low, high = torch.zeros_like(distance), distance.clone()
    weight, queries = _compute_first_weight(victim, images, aim, search.penalty), torch.ones_like(aim.labels)
    for turn in range(search.searches):
        objective = _make_objective(victim, images, aim, weight, PENALTIES[search.penalty])
        # A start at the best success needs fewer iterations than one at the image.
        found = minimise(objective, best.flatten(1), iterations=search.iterations, gain=search.gain)
        made = found.points.view_as(images)
        reached, size = aim.is_reached(victim.predict(made)), (made - images).flatten(1).norm(dim=-1)
        # A success at a smaller c is farther away, so the last one need not be the best.
        better = reached & (size < distance)
        best[better], distance[better] = made[better], size[better]
        # A success asks for a larger c, which weights the distortion more; a failure for a smaller one.
        low, high = torch.where(reached, weight, low), torch.where(reached, high, weight)
        weight, queries = _compute_next_weight(low, high, turn), queries + found.evaluations + 1
    return best, queries


def _make_objective(
    victim: Victim, images: Tensor, aim: Aim, weight: Tensor, penalty: Callable[[Tensor], Tensor]
) -> Function:
    """Return c |r| + loss_f(x + r, l) and its gradient as a function of x + r [n, M] and the images' indices [n]."""
    flat = images.flatten(1)

    def function(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        pixels = points.detach().requires_grad_()
        losses = compute_cross_entropy(victim.logits(pixels.view(-1, *images.shape[1:])), aim.labels[rows])
        total = losses + weight[rows] * penalty(pixels - flat[rows])
        # Each problem has its own pixels, so the gradient of the sum holds each one's own.
        (gradient,) = torch.autograd.grad(total.sum(), pixels)
        return total.detach(), gradient

    return function


def _compute_first_weight(victim: Victim, images: Tensor, aim: Aim, penalty: str) -> Tensor:
    """Return the c [N] that is exact if the margin is linear and only two classes count.

    At the border of the target's region its probability is 1/2, and the loss has half the margin's slope s. The gap g
    is closed by |r| = g / s. The gradients cancel if 2 c |r| = s / 2 for the squared penalty, c = s / 2 for the other.
    """
    logits, gradient = victim.compute_logits_and_gradient(images, aim.labels, compute_margin)
    gap, slope = -compute_margin(logits, aim.labels), gradient.flatten(1).norm(dim=-1)
    # Without slope and gap the quotient is NaN, and any c will do: 1 below.
    weight: Tensor = slope / 2 if penalty == "l2" else slope.square() / (4 * gap.clamp(min=0))
    return weight.nan_to_num(nan=1.0).clamp(*WEIGHTS)


def _compute_next_weight(low: Tensor, high: Tensor, turn: int) -> Tensor:
    """Return the c between the greatest success `low` (0: none) and the least failure `high` (infinite: none): [N]."""
    # The factor squares each turn, so a first c that is wrong by orders of magnitude costs few searches.
    wider = min(WIDER**2 ** min(turn, 5), WIDEST)
    weight = torch.where(high.isinf(), low * wider, torch.where(low == 0, high / wider, (low * high).sqrt()))
    return weight.clamp(*WEIGHTS)


def _check(aim: Aim, penalty: str, searches: int) -> None:
    """Raise ReproofError for an untargeted aim, an unknown penalty or no search."""
    if not aim.targeted:
        raise ReproofError("minimum_distortion: needs a class to reach for each image; draw one with `draw_targets`")
    if penalty not in PENALTIES:
        raise ReproofError(f"minimum_distortion: penalty {penalty!r} is unknown; choose one of {', '.join(PENALTIES)}")
    if searches < 1:
        raise ReproofError(f"minimum_distortion: searches {searches} is below 1")
