"""Checkpoints: the weights of a block of networks at named points of training, stacked over the members.

A sparse tensor is stored as a bitmap of its non-zero places and the values there: a pruned weight costs one bit.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from reproof.storage.files import Array, ReproofError, read_metadata, read_tensors, write_tensors
from reproof.storage.reading import guard_reading

Weights = dict[str, Array]
PLACES, VALUES = "|places", "|values"
PACKED_BELOW = 0.9  # share of non-zero values; above it the bitmap saves nothing


def write_checkpoint(
    path: str | Path, points: Mapping[str, Mapping[str, Array]], *, seeds: Sequence[int], kinds: Mapping[str, str]
) -> None:
    """Write weights {point: {name: array [members, ...]}} to a safetensors file.

    The metadata holds the `seeds` of the members and the `kinds` of the prunable weights, {name: kind of layer}.
    """
    tensors = {f"{point}/{name}": value for point, weights in points.items() for name, value in weights.items()}
    # Only tensors that shrink are packed; the names in `shapes` mark them for the reader.
    packed = {key for key, value in tensors.items() if _is_sparse(value)}
    stored = {name: part for key, value in tensors.items() for name, part in _split_parts(key, value, key in packed)}
    shapes = {key: tensors[key].shape for key in sorted(packed)}
    about = {"seeds": list(seeds), "kinds": dict(kinds), "shapes": shapes}
    write_tensors(path, stored, {key: json.dumps(value) for key, value in about.items()})


def read_checkpoint(path: str | Path, *points: str) -> list[list[Weights]]:
    """Return, for each named point, the weights of each member: {name: array, shape of the weight}.

    Raises ReproofError with the file's name if it is damaged, lacks the point, or holds a weight that is not finite.
    """
    stored, metadata = read_tensors(path)
    with guard_reading(path):
        members = len(json.loads(metadata["seeds"]))
        tensors = _unpack(stored, json.loads(metadata["shapes"]))
        return [_split_members(path, tensors, point, members) for point in points]


def read_kinds(path: str | Path) -> dict[str, str]:
    """Return {name of a prunable weight: kind of its layer}, in forward order; raise ReproofError if it is damaged."""
    with guard_reading(path):
        kinds: dict[str, str] = json.loads(read_metadata(path)["kinds"])
        if not all(isinstance(kind, str) for kind in kinds.values()):
            raise ValueError("a kind of layer is no text")
        return kinds


def _is_sparse(value: Array) -> bool:
    return value.dtype == np.float32 and bool(np.count_nonzero(_view_bits(value)) < PACKED_BELOW * value.size)


def _view_bits(value: Array) -> Array:
    """Return float32 values as uint32 bits, in which -0.0 differs from 0.0 and therefore survives the packing."""
    return np.ascontiguousarray(value).view(np.uint32)


def _split_parts(key: str, value: Array, packed: bool) -> Iterator[tuple[str, Array]]:
    if not packed:
        yield key, value
        return
    present = _view_bits(value) != 0
    yield f"{key}{PLACES}", np.packbits(present)
    yield f"{key}{VALUES}", value[present]


def _unpack(stored: Mapping[str, Array], shapes: Mapping[str, Sequence[int]]) -> Weights:
    """Return the tensors by name; raise ValueError or KeyError if places and values do not match."""
    whole = {key: value for key, value in stored.items() if not key.endswith((PLACES, VALUES))}
    return whole | {key: _fill(stored[f"{key}{PLACES}"], stored[f"{key}{VALUES}"], shapes[key]) for key in shapes}


def _fill(places: Array, values: Array, shape: Sequence[int]) -> Array:
    size = prod(shape)
    # A damaged file must end in an error that names it, never in weights at wrong places.
    if places.shape != (-(-size // 8),) or places.dtype != np.uint8:
        raise ValueError(f"{places.size} bytes of places for {size} values")
    present = np.unpackbits(places, count=size).astype(bool)
    if values.shape != (present.sum(),):
        raise ValueError(f"{values.size} values for {present.sum()} places")
    filled = np.zeros(size, dtype=np.float32)
    filled[present] = values
    return filled.reshape(shape)


def _split_members(path: str | Path, tensors: Mapping[str, Array], point: str, members: int) -> list[Weights]:
    prefix = f"{point}/"
    stacked = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if not stacked:
        raise ReproofError(f"{path}: holds no weights at {point}; delete it and run Snakemake again")
    for name, value in stacked.items():
        if value.dtype.kind not in "fi":
            raise ReproofError(f"{path}: {prefix}{name} holds no numbers but {value.dtype}; train it again")
        if value.shape[:1] != (members,):
            raise ReproofError(
                f"{path}: {prefix}{name} has shape {value.shape}, not {members} networks; train it again"
            )
        if not np.isfinite(value).all():
            raise ReproofError(f"{path}: {prefix}{name} holds values that are not finite; delete it and train again")
    return [{name: value[index] for name, value in stacked.items()} for index in range(members)]
