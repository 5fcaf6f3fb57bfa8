"""FAB: the fast adaptive boundary attack (Croce & Hein 2020, "Minimally Distorted Adversarial Examples ...", alg. 1).

The targeted version of AutoAttack: one search for each probable wrong class, with the one hyperplane at which this
class overtakes the true one.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.balls import make_balls
from reproof.attacks.dlr import compute_difference, rank_targets
from reproof.attacks.hyperplanes import measure_rows, project_onto_hyperplanes
from reproof.attacks.queries import query_logits
from reproof.attacks.search import Found
from reproof.attacks.victim import Victim, compute_margin
from reproof.storage.files import ReproofError

MOST_BIAS, OVERSHOOT, BACK = 0.1, 1.05, 0.9  # alpha_max, eta and beta of the paper
LEAST = 1e-8  # as in the authors' code: a length that is no longer divided by
# Share of the greatest logit. Batches of other sizes round logits by up to 2e-6 of it, measured on LeNet and Conv-2.
ROUNDING = 1e-5


@attack
def fab(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, norm: str = "linf",
    steps: int = 100, targets: int = 9, final_steps: int = 3,
) -> Adversarial:  # fmt: skip
    """Return the nearest adversarial image of a search if it is within epsilon, and else the unchanged image.

    `epsilon` is a distance of the `norm`, "linf" or "l2", in pixels of [0, 1]. Each of the `targets` most probable
    wrong classes gets one search of `steps` steps, from the image itself, with the images that still resist; any wrong
    class is a success if its logit is clearly above that of the true class: by more than rounding. `final_steps` steps
    of a final search come nearer on the line to the image. Images that are adversarial already return unchanged and
    cost one query. The attack draws no random numbers.

    Raises ReproofError for an impossible option or a targeted aim.
    """
    _check(aim, steps=steps, targets=targets, final_steps=final_steps)
    make_balls(norm, images, epsilon)  # refuses an impossible distance
    logits = query_logits(victim, images)
    found = Found.of(images, aim.is_reached(logits.argmax(dim=-1)))
    for target in rank_targets(logits, aim.labels, targets).unbind(1):
        left = found.list_missed()
        if not len(left):
            break
        pairs = torch.stack([aim.labels[left], target[left]], dim=1)
        nearest = search_nearest(victim, images[left], pairs, norm=norm, steps=steps, final_steps=final_steps)
        found.queries[left] += nearest.queries
        inside = nearest.lengths <= epsilon
        found.keep_success(left[inside], nearest.images[inside])
    return Adversarial(found.images, found.queries)


@dataclass(frozen=True, eq=False)
class Nearest:
    """Nearest adversarial images [N, C, H, W], their distances float64 [N], inf without success, and queries [N]."""

    images: Tensor
    lengths: Tensor
    queries: Tensor


def search_nearest(
    victim: Victim, originals: Tensor, pairs: Tensor, *, norm: str, steps: int, final_steps: int
) -> Nearest:
    """Return the nearest adversarial images of one search towards one class.

    `originals` are float32 [N, C, H, W], correctly classified; `pairs` int64 [N, 2] hold the true class and the target.
    """
    labels, measure = pairs[:, 0], partial(_measure, originals=originals, norm=norm)
    points, best = originals.clone(), originals.clone()
    lengths = torch.full((len(originals),), torch.inf, dtype=torch.float64, device=originals.device)
    for _ in range(steps):
        points = _step(victim, points, originals, pairs, norm)
        logits = query_logits(victim, points)
        wrong = logits.argmax(dim=-1).ne(labels)
        nearer = _is_clearly_wrong(logits, labels) & (measure(points) < lengths)
        best[nearer], lengths[nearer] = points[nearer], measure(points)[nearer]
        # Beyond the boundary the search returns towards the original, to meet the boundary at a nearer place.
        points[wrong] = (1 - BACK) * originals[wrong] + BACK * points[wrong]
    queries = torch.full_like(labels, 2 * steps)
    some = lengths.isfinite().nonzero().squeeze(1)
    if final_steps and len(some):
        best[some] = search_finally(victim, originals[some], best[some], labels[some], steps=final_steps)
        lengths[some] = measure(best)[some]
        queries[some] += final_steps + 2
    return Nearest(best, lengths, queries)


def search_finally(victim: Victim, originals: Tensor, found: Tensor, labels: Tensor, *, steps: int) -> Tensor:
    """Return adversarial images [N, C, H, W] nearer on the line from `found` to the originals (section 2.4).

    The difference of the two logits is taken as linear between the nearest points known on both sides of the boundary;
    each of the `steps` steps queries the point where it is clearly above 0. `labels` are int64 [N].
    """
    inner, outer = originals, found
    inner_logits, outer_logits = query_logits(victim, inner), query_logits(victim, outer)
    for _ in range(steps):
        pairs = torch.stack([labels, outer_logits.argmax(dim=-1)], dim=1)
        below, above = -compute_difference(inner_logits, pairs), compute_difference(outer_logits, pairs)
        # At the zero itself rounding would decide the class.
        clear = 2 * _compute_rounding(outer_logits)
        share = (below + clear) / (below + above).clamp(min=LEAST)
        # Away from [0, 1] the line of the two logits does not describe this segment.
        share = torch.where((share >= 0) & (share <= 1), share, 1.0).to(inner.dtype).view(-1, 1, 1, 1)
        middle = torch.lerp(inner, outer, share)
        logits = query_logits(victim, middle)
        right = ~_is_clearly_wrong(logits, labels)
        inner, outer = _choose(right, middle, inner), _choose(right, outer, middle)
        inner_logits, outer_logits = _choose(right, logits, inner_logits), _choose(right, outer_logits, logits)
    return outer


def _step(victim: Victim, points: Tensor, originals: Tensor, pairs: Tensor, norm: str) -> Tensor:
    """Return the next points: a step beyond the hyperplane, biased towards the original's projection onto it.

    The hyperplane is that of z_t - z_y = 0, linear around the points.
    """
    logits, slopes = victim.compute_logits_and_gradient(points, pairs, compute_difference)
    flat, normals, centres = points.flatten(1).double(), slopes.flatten(1).double(), originals.flatten(1).double()
    offsets = (normals * flat).sum(dim=1) - compute_difference(logits, pairs)
    own, central = (project_onto_hyperplanes(one, normals, offsets, norm) for one in (flat, centres))
    near, far = (measure_rows(one, norm).clamp(min=LEAST) for one in (own, central))
    bias = (near / (near + far)).clamp(max=MOST_BIAS)[:, None]
    moved = (1 - bias) * (flat + OVERSHOOT * own) + bias * (centres + OVERSHOOT * central)
    return moved.clamp_(0, 1).to(points.dtype).view_as(points)


def _is_clearly_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """Return bool [N]: True where another logit of [N, K] is above that of the label in batches of any size."""
    return compute_margin(logits.double(), labels) < -_compute_rounding(logits)


def _compute_rounding(logits: Tensor) -> Tensor:
    """Return a difference of logits, float64 [N], that is beyond rounding."""
    return ROUNDING * logits.double().abs().amax(dim=-1)


def _measure(images: Tensor, *, originals: Tensor, norm: str) -> Tensor:
    """Return the distances, float64 [N], of images from their originals."""
    return measure_rows((images.double() - originals.double()).flatten(1), norm)


def _choose(chosen: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Return `one` for the images `chosen`, bool [N], and `other` for the rest."""
    return torch.where(chosen.view(-1, *[1] * (one.dim() - 1)), one, other)


def _check(aim: Aim, *, steps: int, targets: int, final_steps: int) -> None:
    """Raise ReproofError for an impossible option."""
    if aim.targeted:
        raise ReproofError("fab: it leaves a class and reaches no given one; leave targeted out")
    if min(steps, targets) < 1 or final_steps < 0:
        raise ReproofError(
            f"fab: steps {steps} and targets {targets} must be above 0, final_steps {final_steps} at least 0; "
            "correct them"
        )
