"""The sizes of the layers of a network, and how many weights pruning keeps of them. Needs no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

Sizes = Mapping[str, Sequence[int]]  # {kind of layer: the number of weights of each such layer}
Options = Mapping[str, Any]


def keep_shares(sizes: Sizes, share: Mapping[str, float]) -> dict[str, list[int]]:
    """Return how many weights each layer keeps without the share of its kind; a kind without a share keeps all.

    Exactly round(share * size) weights go, half rounded to even, as in `reproof.pruning.masks.prune`.
    """
    return {kind: [size - round(share.get(kind, 0.0) * size) for size in each] for kind, each in sizes.items()}
