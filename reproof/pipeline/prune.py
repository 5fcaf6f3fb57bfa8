"""Compute the masks of a level from the weights trained at an earlier level. Needs no torch."""

import json
from pathlib import Path

from reproof.pruning import masks
from reproof.pruning.masks import Masks
from reproof.pruning.scores import compute_scores, read_gradients
from reproof.storage.checkpoints import read_checkpoint, read_kinds


def prune(*, settings: str, dense: str, trained: str, previous: list[str], mask: str) -> None:
    """Remove the weights of lowest score in each network of the block (Frankle & Carbin 2019, section 1, step 3).

    `dense` is the checkpoint with the initial weights and the kinds of layers, `trained` that with the final weights.
    `previous` holds the mask file of the round before, if there is one. `mask` is written.
    """
    asked, kinds = json.loads(settings), read_kinds(dense)
    point = "continued" if asked["continued"] else "final"
    (initial,) = read_checkpoint(dense, "step0")
    (final,) = read_checkpoint(trained, point)
    gradients = read_gradients(dense, asked["by"], len(initial))
    before = masks.read_masks(Path(previous[0])) if previous else [masks.make_full_masks(one, kinds) for one in initial]
    after = [
        masks.prune(mask, compute_scores(asked["by"], a, b, g), kinds=kinds, share=asked["share"], scope=asked["scope"])
        for mask, a, b, g in zip(before, initial, final, gradients, strict=True)
    ]
    _write_masks(mask, after)


def _write_masks(path: str, members: list[Masks]) -> None:
    masks.write_masks(Path(path), members)
