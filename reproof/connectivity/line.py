"""The straight line between two networks, and the error barrier on it (Frankle et al. 2020, section 2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reproof.storage.files import Array, ReproofError
from reproof.training.state import State


def compute_positions(points: int) -> list[float]:
    """Return `points` evenly spaced positions alpha in [0, 1], with both ends (30 in Frankle et al. 2020, section 2).

    Raises ReproofError for fewer than two points.
    """
    if points < 2:
        raise ReproofError(f"points: {points} positions make no line; at least 2, the ends")
    return [place / (points - 1) for place in range(points)]


class Line(Sequence[State]):
    """The states alpha W1 + (1 - alpha) W2 at positions alpha, each computed on access.

    The state is exactly W1 at 1 and W2 at 0, and exactly W on the line from W to itself. Running statistics are
    interpolated like weights. Counters (batches seen) are those of W2.
    """

    def __init__(self, first: State, second: State, alphas: Sequence[float]) -> None:
        self._first, self._second, self._alphas = first, second, alphas

    def __len__(self) -> int:
        return len(self._alphas)

    def __getitem__(self, place: int) -> State:  # type: ignore[override]  # no caller slices
        # Computed on access: thirty copies of a ResNet-50 would take 3 GB.
        alpha = self._alphas[place]
        return {name: _interpolate(self._first[name], value, alpha) for name, value in self._second.items()}


class Lines(Sequence[State]):
    """The states of several lines of equal length, one line after the other."""

    def __init__(self, lines: Sequence[Sequence[State]]) -> None:
        self._lines, self._points = lines, len(lines[0])

    def __len__(self) -> int:
        return len(self._lines) * self._points

    def __getitem__(self, place: int) -> State:  # type: ignore[override]
        # One sequence for all lines, so that each batch of examples is normalised once for all of them.
        line, point = divmod(place, self._points)
        return self._lines[line][point]


def _interpolate(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    """Return the value at alpha between two tensors of one shape and dtype."""
    # `lerp` is exact at both ends and for equal ends, which the sum of two products is not.
    # alpha is the share of the first network, as in the paper. Integer counters cannot be interpolated.
    return torch.lerp(second, first, alpha) if second.is_floating_point() else second


def compute_barrier(errors: Array) -> float:
    """Return the error barrier of a path: its greatest error minus the mean of its ends (section 2).

    errors: floating point [points], shares in [0, 1].

    >>> import numpy as np
    >>> compute_barrier(np.array([0.02, 0.5, 0.04]))
    0.47
    """
    # The greatest over all positions, ends included: a barrier is never below 0. Below 0.02 the paper calls networks
    # stable.
    return float(errors.max() - (errors[0] + errors[-1]) / 2)
