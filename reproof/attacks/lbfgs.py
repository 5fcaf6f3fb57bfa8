"""L-BFGS in a box, for many problems at once, each with its own history, step length and stopping point.

A projected quasi-Newton method with two metrics (Bertsekas 1982) and limited memory (Nocedal 1980). It solves the
problems of L-BFGS-B (Byrd et al. 1995) in another way: it has no generalised Cauchy point. In each iteration

1. coordinates on a bound, or very near it, whose gradient pushes outwards are bound and move straight onto it;
2. the free ones follow the quasi-Newton direction of the last `history` pairs, by the two-loop recursion;
3. the step along the direction projected onto the box is at least halved until the function falls enough (Armijo).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vecdot

from reproof.attacks.two_loop import Pair, compute_direction, compute_unit_scale, find_known, make_pair
from reproof.storage.files import ReproofError

# From points [n, M] and the numbers of their problems [n] to values [n] and gradients [n, M].
Function = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Box = tuple[float, float]

ARMIJO = 1e-4  # least share of the decrease predicted by the slope, as in L-BFGS-B
TRIALS = 20
NEAR = 1e-3  # greatest distance from a bound that counts as on it; smaller for small gradients
LEFT = 0.875  # below this share of unfinished problems, dropping the others pays for the copy


class Tolerances(NamedTuple):
    """Stopping rule: bounds on the projected gradient (`flat`) and on the decrease of an iteration (`gain`)."""

    flat: float
    gain: float


@dataclass(frozen=True, eq=False)
class Minimum:
    """Solution of each problem.

    `points` [N, M], `values` [N], `evaluations` int64 [N] of the function, and `converged` bool [N].
    """

    points: Tensor
    values: Tensor
    evaluations: Tensor
    converged: Tensor


@dataclass(frozen=True, eq=False)
class _Batch:
    """Unfinished problems: their indices [n], points [n, M], values [n], gradients [n, M] and history."""

    rows: Tensor
    points: Tensor
    values: Tensor
    gradients: Tensor
    scale: Tensor
    done: Tensor
    pairs: tuple[Pair, ...] = ()


def minimise(
    function: Function,
    start: Tensor,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
    history: int = 10,
    iterations: int = 100,
    flat: float = 1e-5,
    gain: float = 1e-7,
) -> Minimum:
    """Minimise N functions of M variables in [lower, upper] from `start`, float [N, M], each independently.

    `function(points, problems)` returns the values [n] and gradients [n, M] of the problems with these indices. A
    problem is done when no entry of its projected gradient exceeds `flat`; when an iteration lowers its value v by at
    most gain * max(|v|, 1); or when no step lowers it. A finished problem leaves the batch. The memory is 2 M `history`
    numbers per problem.

    Raises ReproofError for an empty box, or a `history` or `iterations` below 1.
    """
    _check(lower, upper, history, iterations)
    box, points = (lower, upper), start.detach().clamp(lower, upper)
    rows = torch.arange(len(points), device=points.device)
    values, gradients = function(points, rows)
    done = _measure_projected_gradient(points, gradients, box) <= flat
    found = Minimum(points.clone(), values.clone(), torch.ones_like(rows), torch.zeros_like(done))
    batch = _Batch(rows, points, values, gradients, compute_unit_scale(gradients), done)
    for _ in range(iterations):
        # Problems end at different times; the function is called only for those at work.
        batch = _drop_done(batch, found)
        if not len(batch.rows):
            break
        after = _search_line(function, batch, *_compute_directions(batch, box), box, found.evaluations)
        batch = _update_batch(batch, after, box, history, Tolerances(flat, gain))
    _write_found(batch, found)
    return found


def _compute_directions(batch: _Batch, box: Box) -> tuple[Tensor, Tensor]:
    """Return the directions [n, M] and the slopes along them [n], below 0."""
    (lower, upper), points, gradients = box, batch.points, batch.gradients
    # A band that shrinks with the gradient keeps the method from zigzagging along a bound (Bertsekas 1982).
    near = _measure_projected_gradient(points, gradients, box).clamp(max=NEAR)[:, None]
    low, high = (points <= lower + near) & (gradients > 0), (points >= upper - near) & (gradients < 0)
    direct = compute_direction(batch.pairs, batch.scale, gradients, ~(low | high))
    # Bound coordinates go straight to their bound in a full step.
    directions = torch.where(low, lower - points, torch.where(high, upper - points, direct))
    return directions, vecdot(gradients, directions)


def _search_line(
    function: Function, batch: _Batch, directions: Tensor, slopes: Tensor, box: Box, evaluations: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return points [n, M], values [n] and gradients [n, M] after a step, unchanged where none lowers the function.

    `evaluations`, int64 [N], counts the function's calls in place. Finished problems stay unchanged.
    """
    points, values, gradients = batch.points.clone(), batch.values.clone(), batch.gradients.clone()
    left, length = (~batch.done).nonzero().squeeze(-1), torch.ones_like(values)[~batch.done]
    for _ in range(TRIALS):
        tried = (batch.points[left] + length[:, None] * directions[left]).clamp_(*box)
        reached, gradient = function(tried, batch.rows[left])
        evaluations[batch.rows[left]] += 1
        fall, promised = batch.values[left] - reached, -length * slopes[left]
        enough = fall >= ARMIJO * promised
        points[left[enough]], values[left[enough]], gradients[left[enough]] = (
            tried[enough],
            reached[enough],
            gradient[enough],
        )
        # Below the rounding error of the value no decrease can be seen, so shorter steps are pointless.
        visible = promised > torch.finfo(values.dtype).eps * batch.values[left].abs()
        again = ~enough & visible
        left, length = left[again], _shorten(length, fall, promised)[again]
        if not len(left):
            break
    return points, values, gradients


def _shorten(length: Tensor, fall: Tensor, promised: Tensor) -> Tensor:
    """Return the step length [n] at the minimum of the parabola through known values, a tenth to half of the last."""
    # The parabola through the value, the slope and the tried value. If that is NaN, the share is the least.
    share = (promised / (2 * (promised - fall))).nan_to_num(0.0)
    return length * share.clamp(0.1, 0.5)


def _update_batch(
    batch: _Batch, after: tuple[Tensor, Tensor, Tensor], box: Box, history: int, ends: Tolerances
) -> _Batch:
    """Return the batch after a step, with one more pair and the finished problems marked.

    A problem that did not move drops its pairs and tries steepest descent; without pairs it is done.
    """
    points, values, gradients = after
    # Exactly: the line search leaves a point untouched if no step lowers the function.
    stuck = (points == batch.points).all(dim=-1)
    little = batch.values - values <= ends.gain * values.abs().clamp(min=1)
    # A problem that did not move is over only if it has no pairs left: its pairs may have misled it.
    over = torch.where(
        stuck,
        ~find_known(batch.pairs, stuck),
        little | (_measure_projected_gradient(points, gradients, box) <= ends.flat),
    )
    pair, scale = make_pair(points - batch.points, gradients - batch.gradients)
    scale = torch.where(stuck, compute_unit_scale(gradients), torch.where(pair.inverse > 0, scale, batch.scale))
    pairs = tuple(one.forget(stuck) for one in (*batch.pairs, pair)[-history:])
    return _Batch(batch.rows, points, values, gradients, scale, batch.done | over, pairs)


def _drop_done(batch: _Batch, found: Minimum) -> _Batch:
    """Write the finished problems to `found` and drop them, once enough are finished to pay for the copy."""
    left = ~batch.done
    if left.sum() > LEFT * len(left):
        return batch
    _write_found(batch, found)
    kept = left.nonzero().squeeze(-1)
    points, values, gradients = batch.points[kept], batch.values[kept], batch.gradients[kept]
    pairs = tuple(pair.select(kept) for pair in batch.pairs)
    return _Batch(batch.rows[kept], points, values, gradients, batch.scale[kept], batch.done[kept], pairs)


def _write_found(batch: _Batch, found: Minimum) -> None:
    """Write the points, values and ends of a batch to `found`, in place."""
    found.points[batch.rows], found.values[batch.rows] = batch.points, batch.values
    found.converged[batch.rows] = batch.done


def _measure_projected_gradient(points: Tensor, gradients: Tensor, box: Box) -> Tensor:
    """Return the greatest absolute entry of each projected gradient step [n]: 0 at a minimum."""
    # The gradient with its entries cut where the box ends the step.
    return (points - (points - gradients).clamp_(*box)).abs_().amax(dim=-1)


def _check(lower: float, upper: float, history: int, iterations: int) -> None:
    """Raise ReproofError for an empty box or a count below 1."""
    if not lower < upper:
        raise ReproofError(f"lbfgs: the box from {lower:g} to {upper:g} is empty; lower must be below upper")
    for name, value in (("history", history), ("iterations", iterations)):
        if value < 1:
            raise ReproofError(f"lbfgs: {name} {value} is below 1")
