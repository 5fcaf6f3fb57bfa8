"""A ladder of one-shot masks from one trained network: ranked once, cut at every rung (Zhou et al. 2019, section 5)."""

from collections.abc import Mapping, Sequence

import numpy as np

from reproof.pruning.masks import Masks
from reproof.storage.files import Array


def make_one_shot_ladder(
    scores: Mapping[str, Array], *, kinds: Mapping[str, str], shares: Sequence[Mapping[str, float]]
) -> list[Masks]:
    """Return masks, one for each entry of `shares`, that lack in each layer exactly round(share * size) least scores.

    A layer of a kind without a share keeps all. Equal to `masks.prune` within layers from full masks, but the layer is
    sorted once, not once a rung.
    """
    ranks = {name: _rank(score) for name, score in scores.items() if name in kinds}
    return [
        {name: rank >= round(rung.get(kinds[name], 0.0) * rank.size) for name, rank in ranks.items()} for rung in shares
    ]


def compute_rungs(share: Mapping[str, float], levels: int) -> list[dict[str, float]]:
    """Return the shares pruned after 0 to `levels` rounds that each prune `share` of what is left.

    >>> rungs({"fc": 0.5}, 2)
    [{'fc': 0.0}, {'fc': 0.5}, {'fc': 0.75}]
    """
    return [{kind: 1 - (1 - one) ** level for kind, one in share.items()} for level in range(levels + 1)]


def _rank(scores: Array) -> Array:
    """Return the place of each score in ascending order, from 0; of equal scores the first comes first."""
    ranks = np.empty(scores.size, np.int64)
    ranks[np.argsort(scores.ravel(), kind="stable")] = np.arange(scores.size)
    return ranks.reshape(scores.shape)
