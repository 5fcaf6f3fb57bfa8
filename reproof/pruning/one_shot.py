"""One-shot masks of many sparsities from one trained network (Zhou et al. 2019, section 5)."""

from collections.abc import Mapping, Sequence

import numpy as np

from reproof.pruning.masks import Masks
from reproof.storage.files import Array


def make_one_shot_ladder(
    scores: Mapping[str, Array], *, kinds: Mapping[str, str], shares: Sequence[Mapping[str, float]]
) -> list[Masks]:
    """Return masks for each entry of `shares`, without exactly the round(share * size) least scores of each layer.

    scores: floating point, by name of a weight. kinds: the kind of each layer by name of its weight. shares: the share
    pruned, in [0, 1], by kind; a layer of another kind keeps all. The masks equal those of `masks.prune` within layers
    from full masks, but each layer is sorted once, not once an entry.
    """
    # Ranks count from 0, so exactly round(share * size) of them lie below the bound.
    ranks = {name: _rank(score) for name, score in scores.items() if name in kinds}
    return [
        {name: rank >= round(rung.get(kinds[name], 0.0) * rank.size) for name, rank in ranks.items()} for rung in shares
    ]


def compute_rungs(share: Mapping[str, float], levels: int) -> list[dict[str, float]]:
    """Return the shares pruned after 0 to `levels` rounds that each prune `share` of the remaining weights, by kind.

    >>> compute_rungs({"fc": 0.5}, 2)
    [{'fc': 0.0}, {'fc': 0.5}, {'fc': 0.75}]
    """
    return [{kind: 1 - (1 - one) ** level for kind, one in share.items()} for level in range(levels + 1)]


def _rank(scores: Array) -> Array:
    """Return the rank of each score from 0, int64 of the same shape; of equal scores the first is lower."""
    ranks = np.empty(scores.size, np.int64)
    ranks[np.argsort(scores.ravel(), kind="stable")] = np.arange(scores.size)
    return ranks.reshape(scores.shape)
