"""The steps of APGD: momentum, and checkpoints at which the step size may halve (Croce & Hein 2020, section 3)."""

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from reproof.attacks.balls import Ball

RHO, MOMENTUM = 0.75, 0.75  # share of steps that must raise the loss; share of the new step in a move
FIRST, SHORTER, LEAST = 22, 3, 6  # per cent of the steps: first period, its reduction each time, shortest period


def list_checkpoints(steps: int) -> dict[int, int]:
    """Return {w_j: w_j - w_(j-1)}, w_j = ceil(p_j steps): p_1 0.22, p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06).

    >>> list(list_checkpoints(100))
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    found, place, period, last = {}, FIRST, FIRST, 0
    # Whole per cent: ceil of a float product may round up once too often.
    while place <= 100:
        now = -(-place * steps // 100)
        # With few steps two checkpoints may meet.
        if now > last:
            found[now], last = now - last, now
        period = max(period - SHORTER, LEAST)
        place += period
    return found


@dataclass(frozen=True, eq=False)
class Ascent:
    """State of the images that still climb; each part is [n, ...].

    `points` are where they are and `before` where they were a step ago; `slopes` is the gradient and `losses` the loss
    of the points. `best`, `best_slopes` and `highest` are those of the highest loss so far. `sizes` are step sizes;
    `rises` counts the steps since the last checkpoint that raised the loss. `checked_sizes` and `checked_highest` are
    the values at the last checkpoint.
    """

    points: Tensor
    before: Tensor
    slopes: Tensor
    losses: Tensor
    best: Tensor
    best_slopes: Tensor
    highest: Tensor
    sizes: Tensor
    rises: Tensor
    checked_sizes: Tensor
    checked_highest: Tensor

    @classmethod
    def of(cls, points: Tensor, *, size: float) -> Self:
        """Return the state at the start, before its first query."""
        least = torch.full((len(points),), -torch.inf, dtype=torch.float64, device=points.device)
        sizes, none = torch.full_like(least, size), torch.zeros_like(points)
        # The first query counts as a rise; it lies before the first step.
        return cls(points, points, none, least, points, none, least, sizes, torch.full_like(sizes, -1), sizes, least)

    def select(self, chosen: Tensor) -> Self:
        """Return the state of some of the images, by mask."""
        return replace(self, **{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    def move(self, balls: Ball, *, first: bool) -> Self:
        """Return the state at the next points: a projected step, mixed with the step before unless it is the first."""
        step = balls.project(self.points + _expand(self.sizes, self.points) * balls.compute_steps(self.slopes))
        if first:
            return replace(self, points=step, before=self.points)
        mixed = self.points + MOMENTUM * (step - self.points) + (1 - MOMENTUM) * (self.points - self.before)
        return replace(self, points=balls.project(mixed), before=self.points)

    def arrive(self, slopes: Tensor, losses: Tensor) -> Self:
        """Return the state with the gradient [n, C, H, W] and the loss [n] of its points."""
        better = losses > self.highest
        return replace(
            self, slopes=slopes, losses=losses, rises=self.rises + (losses > self.losses),
            best=_choose(better, self.points, self.best), best_slopes=_choose(better, slopes, self.best_slopes),
            highest=_choose(better, losses, self.highest),
        )  # fmt: skip

    def check(self, period: int) -> Self:
        """Return the state after a checkpoint, `period` steps after the last one.

        A step size halves, and the image returns to its best point, if fewer than rho of the steps raised the loss
        (condition 1), or if neither the size nor the highest loss have changed since the last checkpoint (condition 2).
        """
        stalled = (self.sizes == self.checked_sizes) & (self.highest == self.checked_highest)
        back = (self.rises < RHO * period) | stalled
        return replace(
            self, points=_choose(back, self.best, self.points), slopes=_choose(back, self.best_slopes, self.slopes),
            losses=_choose(back, self.highest, self.losses), sizes=torch.where(back, self.sizes / 2, self.sizes),
            rises=torch.zeros_like(self.rises), checked_sizes=self.sizes, checked_highest=self.highest,
        )  # fmt: skip


def _choose(chosen: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Return `one` for the images `chosen`, bool [n], and `other` for the rest."""
    return torch.where(chosen.view(-1, *[1] * (one.dim() - 1)), one, other)


def _expand(numbers: Tensor, images: Tensor) -> Tensor:
    """Return numbers [n] in the dtype of `images` and as [n, 1, 1, 1]."""
    return numbers.to(images.dtype).view(-1, *[1] * (images.dim() - 1))
