"""Pruning: exactly n weights, ties included; masks survive packing."""

import numpy as np
import pytest

from reproof.pruning.masks import compute_kept_share, make_full_masks, prune, read_masks, write_masks
from reproof.storage.files import ReproofError

KINDS = {"a": "fc", "b": "fc", "c": "output"}


def _weights(**values):
    return {name: np.array(value, dtype=np.float32) for name, value in values.items()}


def test_layerwise_pruning_removes_the_smallest_of_each_layer():
    scores = _weights(a=[5, 1, 4, 2, 3], b=[10, 50, 20, 40, 30], c=[1, 2, 3, 4, 5])
    masks = prune(make_full_masks(scores, KINDS), scores, kinds=KINDS, share={"fc": 0.4, "output": 0.2}, scope="layer")
    assert masks["a"].tolist() == [True, False, True, False, True]
    assert masks["b"].tolist() == [False, True, False, True, True]
    assert masks["c"].tolist() == [False, True, True, True, True]


def test_global_pruning_ranks_layers_together_and_spares_kinds_without_a_share():
    scores = _weights(a=[1, 2, 3, 4], b=[5, 6, 7, 8], c=[0, 0, 0, 0])
    masks = prune(make_full_masks(scores, KINDS), scores, kinds=KINDS, share={"fc": 0.5}, scope="global")
    assert masks["a"].sum() == 0
    assert masks["b"].sum() == 4
    assert masks["c"].sum() == 4


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_of_equal_scores_exactly_n_go(scope):
    scores = {"a": np.ones(100)}
    masks = make_full_masks(scores, {"a": "fc"})
    for expected in (80, 64, 51, 41):  # round(0.2 * 64) = 13, round(0.2 * 51) = 10
        masks = prune(masks, scores, kinds={"a": "fc"}, share={"fc": 0.2}, scope=scope)
        assert masks["a"].sum() == expected


def test_masks_are_nested_and_pruned_weights_stay_out_however_large():
    chance = np.random.default_rng(0)
    scores = {"a": chance.random((20, 30))}
    first = prune(make_full_masks(scores, {"a": "fc"}), scores, kinds={"a": "fc"}, share={"fc": 0.5}, scope="layer")
    grown = {"a": np.where(first["a"], scores["a"], 100.0)}
    second = prune(first, grown, kinds={"a": "fc"}, share={"fc": 0.5}, scope="layer")
    assert second["a"].sum() == 150
    assert not (second["a"] & ~first["a"]).any()


def test_the_ladder_of_lenet_is_the_papers():
    sizes = {"fc_1": 784 * 300, "fc_2": 300 * 100, "output": 1000}
    kinds = {"fc_1": "fc", "fc_2": "fc", "output": "output"}
    scores = {name: np.arange(size) for name, size in sizes.items()}
    masks, shares = make_full_masks(scores, kinds), []
    for _ in range(16):
        masks = prune(masks, scores, kinds=kinds, share={"fc": 0.2, "output": 0.1}, scope="layer")
        shares.append(round(100 * compute_kept_share(masks), 1))
    assert [shares[n - 1] for n in (1, 2, 3, 5, 7, 8, 9, 14, 15, 16)] == [
        80.0, 64.1, 51.3, 32.9, 21.1, 16.9, 13.5, 4.5, 3.6, 2.9,
    ]  # fmt: skip


def test_masks_come_back_from_disk(tmp_path):
    chance = np.random.default_rng(1)
    members = [{"a": chance.random((3, 5)) < 0.5, "b": chance.random(7) < 0.5} for _ in range(2)]
    write_masks(tmp_path / "mask.safetensors", members)
    again = read_masks(tmp_path / "mask.safetensors")
    for one, other in zip(members, again, strict=True):
        assert all((one[name] == other[name]).all() and one[name].shape == other[name].shape for name in one)


def test_a_damaged_mask_is_named(tmp_path):
    path = tmp_path / "mask.safetensors"
    write_masks(path, [{"a": np.ones((3, 5), dtype=bool)}])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReproofError, match=r"mask\.safetensors: cannot be read"):
        read_masks(path)
