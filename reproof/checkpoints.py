"""Checkpoints: the weights of a block of networks at named points of their training, stacked over its members."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reproof.files import Array, ReproofError, read_tensors, write_tensors

Weights = dict[str, Array]


def write_checkpoint(
    path: str | Path, points: Mapping[str, Mapping[str, Array]], *, seeds: Sequence[int], kinds: Mapping[str, str]
) -> None:
    """Write {point: {name: [members, ...]}} with the seeds of the members and the kinds of the prunable weights."""
    tensors = {f"{point}/{name}": value for point, weights in points.items() for name, value in weights.items()}
    write_tensors(path, tensors, {"seeds": json.dumps(list(seeds)), "kinds": json.dumps(dict(kinds))})


def read_checkpoint(path: str | Path, *points: str) -> list[list[Weights]]:
    """Return, for each named point, the weights of each member.

    Raises ReproofError naming the file if it is damaged, lacks the point, or holds a weight that is not finite.
    """
    tensors, metadata = read_tensors(path)
    members = len(json.loads(metadata.get("seeds", "[]")))
    return [_members(path, tensors, point, members) for point in points]


def read_kinds(path: str | Path) -> dict[str, str]:
    """Return {name of a prunable weight: kind of its layer}, in forward order."""
    from reproof.files import read_metadata  # noqa: PLC0415

    kinds: dict[str, str] = json.loads(read_metadata(path).get("kinds", "{}"))
    return kinds


def _members(path: str | Path, tensors: Mapping[str, Array], point: str, members: int) -> list[Weights]:
    prefix = f"{point}/"
    stacked = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if not stacked:
        raise ReproofError(f"{path}: holds no weights at {point}; delete it and run Snakemake again to make it anew")
    for name, value in stacked.items():
        if len(value) != members:
            raise ReproofError(f"{path}: {prefix}{name} is of {len(value)} networks, not {members}; train it again")
        if not np.isfinite(value).all():
            raise ReproofError(f"{path}: {prefix}{name} holds values that are not finite; delete it and train again")
    return [{name: value[index] for name, value in stacked.items()} for index in range(members)]
