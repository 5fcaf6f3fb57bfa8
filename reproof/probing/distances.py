"""Distances of a trained layer from a checkpoint: L2 and L-infinity norms, absolute and relative."""

from collections.abc import Mapping, Sequence

import numpy as np

from reproof.storage.files import Array

DISTANCES = ("distance_l2", "distance_linf", "relative_distance_l2", "relative_distance_linf")


def compute_distances(
    trained: Mapping[str, Array], start: Mapping[str, Array], names: Sequence[str]
) -> dict[str, float]:
    """Return the norms of `trained` - `start` over the entries `names`, taken as one vector of D parameters.

    trained, start: whole states, float32 arrays of equal shapes by name. distance_l2 is ||difference||_2 / sqrt(D), the
    root mean square change, which is comparable between wide and narrow layers. distance_linf is the largest change.
    The relative distances are ratios of the norms of the difference and of `start`, NaN where the latter is 0.
    """
    # One vector of weights, bias and normalisation: the paper treats a layer, or a block, as one module.
    after, before = _flatten(trained, names), _flatten(start, names)
    change = after - before
    l2, linf = float(np.linalg.norm(change)), float(np.abs(change).max())
    return {
        "distance_l2": l2 / change.size**0.5,
        "distance_linf": linf,
        "relative_distance_l2": _divide(l2, float(np.linalg.norm(before))),
        "relative_distance_linf": _divide(linf, float(np.abs(before).max())),
    }


def _flatten(state: Mapping[str, Array], names: Sequence[str]) -> Array:
    """Return these entries as one vector, float64 [D]: a float32 norm of a large layer loses digits."""
    return np.concatenate([np.ravel(state[name]) for name in names]).astype(np.float64)


def _divide(value: float, norm: float) -> float:
    """Return value / norm, or NaN for a norm of 0."""
    return value / norm if norm else float("nan")
