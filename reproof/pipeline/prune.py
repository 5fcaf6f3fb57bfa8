"""Make the masks of a level from the weights trained at the level before; needs no torch."""

import json
from pathlib import Path

from reproof import registry
from reproof.pruning import masks
from reproof.pruning.masks import Masks
from reproof.storage.checkpoints import Weights, read_checkpoint, read_kinds


def prune(*, settings: str, dense: str, trained: str, previous: list[str], mask: str) -> None:
    """Step 3 of the procedure: in each network of the block remove the weights of least score.

    `dense` gives the initial weights and the kinds of layers, `trained` the final ones, `previous` the mask file of
    the round before, if there is one.
    """
    asked, kinds = json.loads(settings), read_kinds(dense)
    point = "continued" if asked["continued"] else "final"
    (initial,) = read_checkpoint(dense, "step0")
    (final,) = read_checkpoint(trained, point)
    before = masks.read_masks(Path(previous[0])) if previous else [masks.full_masks(one, kinds) for one in initial]
    after = [
        masks.prune(mask, _compute_scores(asked["by"], a, b), kinds=kinds, share=asked["share"], scope=asked["scope"])
        for mask, a, b in zip(before, initial, final, strict=True)
    ]
    _write_masks(mask, after)


def _compute_scores(by: str, initial: Weights, final: Weights) -> Weights:
    criterion = registry.load("pruning", "criterion", by)
    return {name: criterion(initial[name], final[name]) for name in final}


def _write_masks(path: str, members: list[Masks]) -> None:
    masks.write_masks(Path(path), members)
