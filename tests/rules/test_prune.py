"""The rule `prune` on a block of real networks."""

import json

import numpy as np
import pytest
from tiny import SHARE

from reproof.pipeline.prune import prune
from reproof.pruning.masks import compute_kept_share, read_masks
from reproof.storage.checkpoints import read_checkpoint, read_kinds, write_checkpoint
from reproof.storage.files import ReproofError

ASKED = {"by": "large_final", "scope": "layer", "share": SHARE, "continued": False}


def pruned(folder, *, name="mask", previous=(), trained="dense.safetensors", **asked):
    prune(
        settings=json.dumps(ASKED | asked),
        dense=folder("dense.safetensors"),
        trained=folder(trained),
        previous=[folder(one) for one in previous],
        mask=folder(name),
    )
    return read_masks(folder.path / name)


def counts(masks):
    return {name: int(mask.sum()) for name, mask in masks.items()}


def test_each_layer_keeps_exactly_what_its_share_leaves(folder):
    """36 x 30 and 30 x 10 weights lose 20 %, the 10 x 4 of the output layer 10 %."""
    for masks in pruned(folder):
        assert counts(masks) == {"fc_1.weight": 864, "fc_2.weight": 240, "output.weight": 36}


def test_the_smallest_trained_weights_go_member_by_member(folder):
    (ends,) = read_checkpoint(folder("dense.safetensors"), "final")
    masks = pruned(folder)
    for end, mask in zip(ends, masks, strict=True):
        for name in mask:
            sizes = np.abs(end[name])
            assert sizes[mask[name]].min() >= sizes[~mask[name]].max()
    assert any((masks[0][name] != masks[1][name]).any() for name in masks[0]), "seeds have masks of their own"


def test_a_round_prunes_what_the_last_one_left(folder):
    first = pruned(folder, name="one")
    second = pruned(folder, name="two", previous=["one"])
    for before, after in zip(first, second, strict=True):
        assert counts(after) == {"fc_1.weight": 691, "fc_2.weight": 192, "output.weight": 32}
        assert all((after[name] <= before[name]).all() for name in after), "masks are nested"
        assert compute_kept_share(after) == pytest.approx(915 / 1420)


def test_the_criterion_is_the_one_that_is_asked_for(folder):
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    for start, mask in zip(starts, pruned(folder, by="large_init"), strict=True):
        for name in mask:
            assert np.abs(start[name])[mask[name]].min() >= np.abs(start[name])[~mask[name]].max()


def test_a_global_ranking_keeps_the_count_over_all_layers(folder):
    for masks in pruned(folder, scope="global", share={"fc": 0.5, "output": 0.5}):
        assert sum(counts(masks).values()) == 710
        assert counts(masks) != {"fc_1.weight": 540, "fc_2.weight": 150, "output.weight": 20}


def test_under_the_second_strategy_the_weights_that_went_on_decide(folder):
    """They are another point of the level's checkpoint than the ticket's own final weights."""
    (ends,) = read_checkpoint(folder("dense.safetensors"), "final")
    stacked = {name: np.stack([end[name] for end in ends]) for name in ends[0]}
    turned = {name: np.flip(value, axis=-1).copy() for name, value in stacked.items()}
    points, kinds = {"final": stacked, "continued": turned}, read_kinds(folder("dense.safetensors"))
    write_checkpoint(folder("level1"), points, seeds=[0, 1], kinds=kinds)
    masks = pruned(folder, trained="level1", continued=True)
    expected = pruned(folder, name="other")
    for mask, other in zip(masks, expected, strict=True):
        assert all((mask[name] == np.flip(other[name], axis=-1)).all() for name in mask)


def test_a_checkpoint_without_that_point_is_named(folder):
    with pytest.raises(ReproofError, match=r"dense\.safetensors: holds no weights at continued"):
        pruned(folder, continued=True)


def test_the_same_inputs_give_the_same_bytes(folder):
    pruned(folder, name="one")
    pruned(folder, name="two")
    assert (folder.path / "one").read_bytes() == (folder.path / "two").read_bytes()
