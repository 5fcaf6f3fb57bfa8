"""The descent of Carlini & Wagner 2017 (section V): Adam on |x' - x|^2 + c max(f(x'), 0) over w, one c per image.

x' = (tanh w + 1) / 2 is in the box for every w. An image whose objective stalls leaves the batch.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from reproof.attacks.victim import Loss, Victim

INSIDE = 0.999999  # factor on pixels scaled to [-1, 1]: black and white get a finite w
SLIGHT = 0.9999  # an objective that has not fallen below this share since the last check has stalled
MEANS, SQUARES, TINY = 0.9, 0.999, 1e-8  # Adam's decay rates, and the summand that avoids division by 0


@dataclass(frozen=True, eq=False)
class Nearest:
    """Nearest success of each image, changed in place.

    `images` are float32 [N, C, H, W], `squared` the squared L2 distances [N], `queries` int64 [N].
    """

    images: Tensor
    squared: Tensor
    queries: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Self:
        """Return the results before any success: the unchanged images [N, C, H, W] and one query each."""
        far = torch.full((len(images),), torch.inf, device=images.device)
        return cls(images.clone(), far, torch.ones_like(far, dtype=torch.int64))

    def keep_nearer(self, places: Tensor, images: Tensor, squared: Tensor, reached: Tensor) -> None:
        """Keep the images [n] at `places` [n] that reach their aim at a smaller squared distance than any before."""
        nearer = (reached & (squared < self.squared[places])).nonzero().squeeze(1)
        self.images[places[nearer]], self.squared[places[nearer]] = images[nearer], squared[nearer]


@dataclass(frozen=True, eq=False)
class Descent:
    """State of a descent over its remaining images, each part [n, ...].

    `points` are w, `means` and `squares` Adam's moments, all float32 [n, C, H, W]; `places` are int64 indices among all
    images; `objective` [n] is that of the last check.
    """

    places: Tensor
    originals: Tensor
    labels: Tensor
    c: Tensor
    points: Tensor
    means: Tensor
    squares: Tensor
    objective: Tensor

    @classmethod
    def of(cls, originals: Tensor, labels: Tensor, *, c: Tensor, places: Tensor) -> Self:
        """Return the start at the originals [n, C, H, W], whose indices among all images are `places` [n]."""
        points = torch.atanh((2 * originals - 1) * INSIDE)
        moments = torch.zeros_like(points), torch.zeros_like(points)
        return cls(places, originals, labels, c, points, *moments, torch.full_like(c, torch.inf))

    def select(self, chosen: Tensor) -> Self:
        """Return the descent of some of the images, by mask bool [n]."""
        return replace(self, **{part.name: getattr(self, part.name)[chosen] for part in fields(self)})


def descend(victim: Victim, now: Descent, loss: Loss, nearest: Nearest, *, steps: int, rate: float) -> Tensor:
    """Take `steps` steps, keep the nearest successes in `nearest`, and return bool [N]: images with a success.

    `loss` is f, below 0 where the aim is reached. `now` is changed in place.
    """
    found = torch.zeros_like(nearest.squared, dtype=torch.bool)
    for step in range(steps):
        images = torch.sigmoid(2 * now.points)  # equals (tanh w + 1) / 2 without its rounding near black
        logits, gradient = victim.compute_logits_and_gradient(images, now.labels, loss)
        missed, offsets = loss(logits, now.labels).to(images.dtype), images - now.originals
        squared = offsets.square().flatten(1).sum(dim=1)
        # The pass that gives the gradient is the query.
        nearest.queries[now.places] += 1
        nearest.keep_nearer(now.places, images, squared, missed < 0)
        found[now.places] |= missed < 0
        _step_adam(
            now, _compute_gradient_at_points(now.c * (missed > 0), gradient, offsets, images), step=step + 1, rate=rate
        )
        # The authors' code also checks ten times per search whether it still makes progress.
        if step % max(1, steps // 10) == 0:
            now = _select_falling(now, squared + now.c * missed.relu())
            if not len(now.c):
                break
    return found


def _select_falling(now: Descent, objective: Tensor) -> Descent:
    """Return the images whose objective [n] has fallen since the last check, with the new objective."""
    going = objective <= SLIGHT * now.objective
    return replace(now, objective=objective).select(going)


def _compute_gradient_at_points(weights: Tensor, gradient: Tensor, offsets: Tensor, images: Tensor) -> Tensor:
    """Return the objective's gradient in w from that of f in x': dx'/dw = 2 x' (1 - x'); [n, C, H, W]."""
    outer = gradient.mul_(weights.view(-1, *[1] * (gradient.dim() - 1))).add_(offsets, alpha=2)
    return outer.mul_(images).mul_(1 - images).mul_(2)


def _step_adam(now: Descent, gradient: Tensor, *, step: int, rate: float) -> None:
    """Move the points and Adam's moments in place (Kingma & Ba 2015, algorithm 1); `step` counts from 1."""
    now.means.lerp_(gradient, 1 - MEANS)
    now.squares.mul_(SQUARES).addcmul_(gradient, gradient, value=1 - SQUARES)
    spread = now.squares.sqrt().div_(math.sqrt(1 - SQUARES**step)).add_(TINY)
    now.points.addcdiv_(now.means, spread, value=-rate / (1 - MEANS**step))
