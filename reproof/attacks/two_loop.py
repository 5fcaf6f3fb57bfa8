"""History of L-BFGS for many problems at once, and the quasi-Newton direction (Nocedal 1980)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.linalg import vecdot


@dataclass(frozen=True, eq=False)
class Pair:
    """A step [n, M], the change of the gradient over it [n, M], and 1 / <step, change> [n]; 0 excludes the pair."""

    step: Tensor
    change: Tensor
    inverse: Tensor

    def select(self, kept: Tensor) -> "Pair":
        """Return the pairs of some of the problems, by index int64 [n] or mask bool [N]."""
        return Pair(self.step[kept], self.change[kept], self.inverse[kept])

    def forget(self, where: Tensor) -> "Pair":
        """Return the pair, excluded for the problems in `where`, bool [n]."""
        return replace(self, inverse=self.inverse.masked_fill(where, 0))


def make_pair(step: Tensor, change: Tensor) -> tuple[Pair, Tensor]:
    """Return the pair, excluded where the function does not curve upwards, and the scale [n] that it suggests.

    step, change: float [n, M]. The scale is <step, change> / |change|^2.
    """
    curvature, stiffness = vecdot(step, change), vecdot(change, change)
    # Without positive curvature the update would not keep the metric positive definite.
    bends = curvature > torch.finfo(step.dtype).eps * stiffness
    return Pair(step, change, torch.where(bends, 1 / curvature, 0)), curvature / stiffness


def find_known(pairs: tuple[Pair, ...], like: Tensor) -> Tensor:
    """Return bool [n], of the shape and device of `like`: True where a problem has a pair."""
    return torch.stack([torch.zeros_like(like), *(pair.inverse > 0 for pair in pairs)]).any(dim=0)


def compute_unit_scale(gradients: Tensor) -> Tensor:
    """Return the scale [n] of a first step along gradients, float [n, M]: to length 1, or the gradient's if shorter."""
    lengths: Tensor = vecdot(gradients, gradients).sqrt()
    return 1 / lengths.clamp(min=1)


def compute_direction(pairs: tuple[Pair, ...], scale: Tensor, gradients: Tensor, free: Tensor) -> Tensor:
    """Return the quasi-Newton direction of the free variables [n, M] by the two-loop recursion, oldest pair first.

    `free` is bool [n, M]. The bound variables are set to 0 between the loops. The result is a descent direction for any
    pairs. It equals that of the pairs' free parts once the bound variables no longer move.
    """
    # Bound variables take no part, or they would leak into the free ones through the pairs.
    downhill, shares = -gradients * free, []
    for pair in reversed(pairs):
        shares.append(pair.inverse * vecdot(pair.step, downhill))
        downhill.addcmul_(pair.change, shares[-1][:, None], value=-1)
    downhill.mul_(free).mul_(scale[:, None])
    for pair, share in zip(pairs, reversed(shares), strict=True):
        further = share - pair.inverse * vecdot(pair.change, downhill)
        downhill.addcmul_(pair.step, further[:, None])
    return downhill
