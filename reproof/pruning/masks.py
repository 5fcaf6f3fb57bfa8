"""Pruning exactly n weights, within layers or over all of them, and masks as packed bits on disk.

Works on numpy arrays: pruning a level must not pay for importing torch.
"""

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from reproof.storage.files import Array, ReproofError, make_unreadable_error, read_tensors, write_tensors

Masks = dict[str, Array]


def prune(
    masks: Mapping[str, Array], scores: Mapping[str, Array], *, kinds: Mapping[str, str], share: Mapping[str, float],
    scope: str,
) -> Masks:  # fmt: skip
    """Return new masks without the remaining weights of least score (Frankle & Carbin 2019, section 2).

    `share[kind]` of the remaining weights of each layer of that kind go; a layer of a kind without a share keeps all.
    With scope "layer" each layer loses its own least; with "global" the layers that have a share (one and the same)
    are ranked together. Exactly round(share * remaining) go, half rounded to even; of equal scores the first go.
    """
    pruned = [name for name in masks if kinds[name] in share]
    groups = [[name] for name in pruned] if scope == "layer" else [pruned] * bool(pruned)
    new = {name: mask.copy() for name, mask in masks.items()}
    for group in groups:
        (rate,) = {share[kinds[name]] for name in group}
        _prune_together({name: new[name] for name in group}, scores, rate)
    return new


def _prune_together(masks: Masks, scores: Mapping[str, Array], rate: float) -> None:
    """Clear, in place, the least-scored round(rate * remaining) of the weights that all these masks keep."""
    places = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    ranked = np.argsort(np.concatenate([scores[name].ravel()[where] for name, where in places.items()]), kind="stable")
    gone = np.zeros(len(ranked), dtype=bool)
    gone[ranked[: round(rate * len(ranked))]] = True
    start = 0
    for name, where in places.items():
        masks[name].reshape(-1)[where[gone[start : start + len(where)]]] = False
        start += len(where)


def full_masks(weights: Mapping[str, Array], kinds: Mapping[str, str]) -> Masks:
    """Return masks that keep every prunable weight."""
    return {name: np.ones(weights[name].shape, dtype=bool) for name in kinds}


def kept(masks: Mapping[str, Array]) -> float:
    """Return the share of the prunable weights whose mask is 1."""
    return sum(int(mask.sum()) for mask in masks.values()) / sum(mask.size for mask in masks.values())


def write_masks(path: Path, members: Sequence[Masks]) -> None:
    """Write the masks of the members of a block, eight weights a byte, with their shapes."""
    packed = {name: np.stack([np.packbits(masks[name]) for masks in members]) for name in members[0]}
    shapes = {name: mask.shape for name, mask in members[0].items()}
    write_tensors(path, packed, {"shapes": json.dumps(shapes), "members": str(len(members))})


def read_masks(path: Path) -> list[Masks]:
    """Return the masks of each member of the block; raise ReproofError naming the file if it is damaged."""
    packed, metadata = read_tensors(path)
    if not {"shapes", "members"} <= set(metadata):
        raise ReproofError(f"{path}: is not a mask file; delete it and run Snakemake again to make it anew")
    try:
        shapes: dict[str, list[int]] = json.loads(metadata["shapes"])
        members = range(_positive(int(metadata["members"])))
        return [{name: _unpacked(packed[name][one], shape) for name, shape in shapes.items()} for one in members]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise make_unreadable_error(path, error) from error


def _unpacked(bits: Array, shape: Sequence[int]) -> Array:
    if bits.size != -(-prod(map(_positive, shape)) // 8):
        raise ValueError(f"{bits.size} bytes for a mask of shape {shape}")
    return np.unpackbits(bits, count=prod(shape)).astype(bool).reshape(shape)


def _positive(number: int) -> int:
    if number < 1:
        raise ValueError(f"{number} is no number of members, and no side of a mask")
    return number
