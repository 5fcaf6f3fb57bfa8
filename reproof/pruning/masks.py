"""Pruning of exactly n weights, within layers or over all layers, and masks as packed bits on disk.

All arrays are numpy's, because a pruning job should not wait seconds for the import of torch.
"""

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from reproof.storage.files import Array, ReproofError, read_tensors, write_tensors
from reproof.storage.reading import guard_reading

Masks = dict[str, Array]  # of one network: {name of a prunable weight: bool of its shape, True where kept}


def prune(
    masks: Mapping[str, Array], scores: Mapping[str, Array], *, kinds: Mapping[str, str], share: Mapping[str, float],
    scope: str,
) -> Masks:  # fmt: skip
    """Return new masks without the remaining weights of least score (Frankle & Carbin 2019, section 2).

    scores: floating point, of the shapes of the masks. kinds: the kind of each layer by name of its weight.
    share: the share, in [0, 1], of the remaining weights to prune, by kind; a layer of another kind keeps all.
    scope: "layer" ranks each layer by itself; "global" ranks the layers with a share, which must be equal, together.

    Exactly round(share * remaining) weights go, half rounded to even; of equal scores the first go. Raises ValueError
    if layers that are ranked together have different shares.
    """
    pruned = [name for name in masks if kinds[name] in share]
    # No layer with a share gives no group, rather than one empty group without a share to unpack below.
    groups = [[name] for name in pruned] if scope == "layer" else [pruned] * bool(pruned)
    # Copies: the caller's masks are those of the level before.
    new = {name: mask.copy() for name, mask in masks.items()}
    for group in groups:
        # Unpacks a set of one element: layers that are ranked together must share their rate.
        (rate,) = {share[kinds[name]] for name in group}
        _prune_together({name: new[name] for name in group}, scores, rate)
    return new


def _prune_together(masks: Masks, scores: Mapping[str, Array], rate: float) -> None:
    """Clear, in place, the round(rate * remaining) least scores of all weights that these masks keep."""
    places = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    # Stable: of equal scores the first go first, on every machine.
    ranked = np.argsort(np.concatenate([scores[name].ravel()[where] for name, where in places.items()]), kind="stable")
    gone = np.zeros(len(ranked), dtype=bool)
    gone[ranked[: round(rate * len(ranked))]] = True
    start = 0
    for name, where in places.items():
        # `reshape` of a fresh copy is a view, so the assignment changes the mask itself.
        masks[name].reshape(-1)[where[gone[start : start + len(where)]]] = False
        start += len(where)


def make_full_masks(weights: Mapping[str, Array], kinds: Mapping[str, str]) -> Masks:
    """Return masks that keep every weight named in `kinds`, bool of the shapes of `weights`."""
    return {name: np.ones(weights[name].shape, dtype=bool) for name in kinds}


def compute_kept_share(masks: Mapping[str, Array]) -> float:
    """Return the share, in [0, 1], of all masked weights that are kept; masks are bool of any shape, by name."""
    return sum(int(mask.sum()) for mask in masks.values()) / sum(mask.size for mask in masks.values())


def write_masks(path: Path, members: Sequence[Masks]) -> None:
    """Write the masks of the members of a block, eight weights a byte, and their shapes.

    All members have the same names and shapes. The file holds uint8 [members, bytes] by name.
    """
    # Bits, not the bytes of bool: an eighth of the size.
    packed = {name: np.stack([np.packbits(masks[name]) for masks in members]) for name in members[0]}
    shapes = {name: mask.shape for name, mask in members[0].items()}
    write_tensors(path, packed, {"shapes": json.dumps(shapes), "members": str(len(members))})


def read_masks(path: Path) -> list[Masks]:
    """Return the masks of each member of a block. Raise ReproofError with the name of the file if it is damaged.

    Each mask is bool of the shape of its weight.
    """
    packed, metadata = read_tensors(path)
    if not {"shapes", "members"} <= set(metadata):
        raise ReproofError(f"{path}: is not a mask file; delete it and run Snakemake again")
    with guard_reading(path):
        shapes: dict[str, list[int]] = json.loads(metadata["shapes"])
        if not shapes:
            raise ValueError("it holds no masks")
        members = range(_check_positive(int(metadata["members"])))
        return [{name: _unpack(packed[name][one], shape) for name, shape in shapes.items()} for one in members]


def _unpack(bits: Array, shape: Sequence[int]) -> Array:
    """Return a mask, bool of this shape, from packed bits uint8 [bytes]; raise ValueError if their number differs."""
    # `unpackbits` would fill up missing bits with zeros, without an error.
    if bits.size != -(-prod(map(_check_positive, shape)) // 8):
        raise ValueError(f"{bits.size} bytes for a mask of shape {shape}")
    return np.unpackbits(bits, count=prod(shape)).astype(bool).reshape(shape)


def _check_positive(number: int) -> int:
    """Return the number; raise ValueError if it is below 1."""
    if number < 1:
        raise ValueError(f"{number} is no number of members, and no side of a mask")
    return number
