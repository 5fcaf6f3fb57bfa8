"""The straight line between two networks, and the error barrier on it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reproof.storage.files import Array, ReproofError
from reproof.training.state import State


def compute_positions(points: int) -> list[float]:
    """Return evenly spaced positions alpha from 0 to 1, both ends included (Frankle et al. 2020, section 2: 30)."""
    if points < 2:
        raise ReproofError(f"points: {points} positions make no line; at least 2, the ends")
    return [place / (points - 1) for place in range(points)]


class Line(Sequence[State]):
    """The states alpha W1 + (1 - alpha) W2 at some positions alpha, each made when it is asked for.

    Exactly W1 at 1 and W2 at 0, and exactly W on the line from W to itself. Running statistics are interpolated like
    weights; what counts (batches seen) is W2's.
    """

    def __init__(self, first: State, second: State, alphas: Sequence[float]) -> None:
        self._first, self._second, self._alphas = first, second, alphas

    def __len__(self) -> int:
        return len(self._alphas)

    def __getitem__(self, place: int) -> State:  # type: ignore[override]  # a slice is never asked for
        alpha = self._alphas[place]
        return {name: _interpolate(self._first[name], value, alpha) for name, value in self._second.items()}


class Lines(Sequence[State]):
    """The states of several lines, one line after the other."""

    def __init__(self, lines: Sequence[Sequence[State]]) -> None:
        self._lines, self._points = lines, len(lines[0])

    def __len__(self) -> int:
        return len(self._lines) * self._points

    def __getitem__(self, place: int) -> State:  # type: ignore[override]
        line, point = divmod(place, self._points)
        return self._lines[line][point]


def _interpolate(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    return torch.lerp(second, first, alpha) if second.is_floating_point() else second


def compute_barrier(errors: Array) -> float:
    """Return the error barrier of a path [points]: its greatest error less the mean of its ends (section 2).

    >>> barrier(np.array([0.02, 0.5, 0.04]))
    0.47
    """
    return float(errors.max() - (errors[0] + errors[-1]) / 2)
