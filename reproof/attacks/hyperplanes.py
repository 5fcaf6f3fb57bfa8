"""Projections onto a hyperplane within the box [0, 1] (Croce & Hein 2020, "Minimally Distorted ...", section 2.2).

min |z - x| over z with <w, z> = b and 0 <= z <= 1. Every pixel moves at a speed of its own, 1 in L-infinity and its
weight in L2, until it meets its end of the box; all stop at one time. <w, z> rises with the time along straight pieces,
and the piece that meets b is searched.
"""

import torch
from torch import Tensor

CACHED = 2**17  # numbers of float64: a MiB, which a processor keeps at hand


def project_onto_hyperplanes(points: Tensor, normals: Tensor, offsets: Tensor, norm: str) -> Tensor:
    """Return for each row the move, float64 [N, M], to the nearest z in the box with <normal, z> = offset.

    `points` are [N, M] in [0, 1], `normals` [N, M], `offsets` [N]; `norm` is "linf" or "l2". If the plane misses the
    box, each pixel that the normal weighs goes to the end of the box that is nearest to the plane. Pixels of weight 0
    stay.
    """
    # In parts, three times faster on a CPU for a thousand digits. No row depends on another.
    rows = max(1, len(points) if points.is_cuda else CACHED // points.shape[1])
    parts = (torch.split(one, rows) for one in (points, normals, offsets))
    return torch.cat([_project(*part, norm=norm) for part in zip(*parts, strict=True)])


def measure_rows(offsets: Tensor, norm: str) -> Tensor:
    """Return the length [N] of each row of offsets [N, M]."""
    lengths: Tensor = torch.linalg.vector_norm(offsets, ord=torch.inf if norm == "linf" else 2, dim=1)
    return lengths


def _project(points: Tensor, normals: Tensor, offsets: Tensor, *, norm: str) -> Tensor:
    """Return the moves, float64 [n, M], of some of the rows."""
    points, normals = points.double(), normals.double()
    missing = offsets.double() - (normals * points).sum(dim=1)
    # The signs that move towards the plane; from here on, everything is a distance.
    sides = normals.sign() * torch.where(missing < 0, -1.0, 1.0)[:, None]
    weights = normals.abs()
    rooms = torch.where(sides > 0, 1 - points, points) * (weights > 0)
    speeds = (weights > 0).double() if norm == "linf" else weights
    times = _find_times(weights, rooms, speeds, missing.abs())
    return sides * torch.minimum(times[:, None] * speeds, rooms)


def _find_times(weights: Tensor, rooms: Tensor, speeds: Tensor, missing: Tensor) -> Tensor:
    """Return the least t [N] with sum_i w_i min(t v_i, m_i) = missing, or one at which every pixel has arrived.

    Weights w, rooms m and speeds v are [N, M] and at least 0, as is `missing` [N].
    """
    slopes, full = weights * speeds, weights * rooms
    times = torch.zeros_like(missing)
    # Newton's method: the sum is concave in t, so the steps from 0 never pass the root, and each piece is met once.
    for _ in range(weights.shape[1] + 1):
        moving = times[:, None] * speeds < rooms
        speed, arrived = (slopes * moving).sum(dim=1), full.masked_fill(moving, 0).sum(dim=1)
        later = torch.where(speed > 0, (missing - arrived) / speed, times)
        if bool((later <= times).all()):
            break
        times = torch.maximum(times, later)
    return times
