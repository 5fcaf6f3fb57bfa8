"""Each criterion on numbers worked by hand, and ties that go by chance and never by place."""

import numpy as np
import pytest

from reproof import registry
from reproof.declarations.criteria import reads_gradient
from reproof.pruning.masks import make_full_masks, prune
from reproof.pruning.one_shot import compute_rungs, make_one_shot_ladder
from reproof.pruning.ties import break_ties

#                   grew  shrank  flipped  still  flipped and grew
INITIAL = np.array([0.50, -0.80, 0.20, -0.30, 0.10], np.float32)
FINAL = np.array([0.75, -0.10, -0.05, -0.30, -0.60], np.float32)
GRADIENT = np.array([0.25, 0.50, -4.0, 0.0, 1.0], np.float32)
WORKED = {
    "large_final": [0.75, 0.10, 0.05, 0.30, 0.60],
    "small_final": [-0.75, -0.10, -0.05, -0.30, -0.60],
    "large_init": [0.50, 0.80, 0.20, 0.30, 0.10],
    "small_init": [-0.50, -0.80, -0.20, -0.30, -0.10],
    "magnitude_increase": [0.25, -0.70, -0.15, 0.0, 0.50],
    "snip": [0.125, 0.40, 0.80, 0, 0.10],  # |g w_i|
    "grad": [0.25, 0.50, 4.0, 0, 1.0],
    "movement": [0.25, 0.70, 0.25, 0.0, 0.70],
    "large_final_same_sign": [0.75, 0.10, 0, 0.30, 0],
    "large_final_diff_sign": [0, 0, 0.05, 0, 0.60],
    "magnitude_increase_same_sign": [0.25, -0.70, 0, 0.0, 0],
    "magnitude_increase_diff_sign": [0, 0, -0.15, 0, 0.50],
    # Shares of smaller magnitudes: initial .6 .8 .2 .4 0, final .8 .2 0 .4 .6; the lower of both, and of their mirrors.
    "large_init_large_final": [0.6, 0.2, 0, 0.4, 0],
    "small_init_small_final": [0, 0, 0.6, 0.4, 0.2],
}


def scores(name, initial=INITIAL, final=FINAL):
    read = {"gradient": np.resize(GRADIENT, initial.shape)} if reads_gradient(name) else {}
    return registry.load("pruning", "criterion", name)(initial, final, **read)


@pytest.mark.parametrize("name", WORKED)
def test_scores_are_those_worked_by_hand(name):
    assert scores(name) == pytest.approx(WORKED[name], rel=2e-7, abs=1e-7)


def test_every_criterion_is_worked_by_hand():
    assert set(registry.list_registered("pruning", "criterion")) == {*WORKED, "random"}


def test_a_pruned_weight_does_not_count_among_the_percentiles():
    """The weight whose final value is 0 was pruned: the other four rank as if it were not there."""
    initial, final = np.float32([9, 1, 2, 3, 4]), np.float32([0, 4, 3, 2, 1])
    for name in ("large_init_large_final", "small_init_small_final"):
        assert scores(name, initial, final)[1:] == pytest.approx([0, 0.25, 0.25, 0], rel=1e-6, abs=1e-9)


def test_percentiles_align_distributions_of_any_scale():
    chance = np.random.default_rng(0)
    initial, final = (chance.standard_normal(200).astype(np.float32) for _ in range(2))
    one, other = scores("large_init_large_final", initial, final), scores("large_init_large_final", initial, 50 * final)
    assert (np.argsort(one) == np.argsort(other)).all()


def test_random_scores_are_repeatable_uniform_and_of_their_layer():
    initial = np.random.default_rng(1).standard_normal((50, 60)).astype(np.float32)
    one = scores("random", initial, initial)
    assert (one == scores("random", initial, -initial)).all()
    assert one.mean() == pytest.approx(0.5, abs=0.02)
    assert (one != scores("random", initial + 1, initial)).mean() > 0.99


def test_ties_go_by_chance_and_nothing_overtakes():
    values = np.float32([0.1, np.nextafter(np.float32(0.1), np.float32(1)), 0.0, 1e-45, -0.1, -1e-45])
    initial = np.random.default_rng(2).standard_normal(6000).astype(np.float32)
    ranked = break_ties(np.tile(values, 1000), initial).reshape(1000, 6)
    order = np.argsort(values)
    highest, lowest = ranked.max(axis=0)[order], ranked.min(axis=0)[order]
    assert (highest[:-1] < lowest[1:]).all(), "a lower score came above a higher one"
    assert all(len(np.unique(column)) == 1000 for column in ranked.T), "equal scores are still equal"


def test_tied_weights_are_pruned_all_over_a_layer():
    """Half of a layer moved in no way: by place, the first units would lose all of them and the last none."""
    chance = np.random.default_rng(3)
    initial = chance.standard_normal((40, 100)).astype(np.float32)
    final = np.where(np.arange(100) < 50, initial, 2 * initial)
    masks = prune(
        make_full_masks({"w": initial}, {"w": "fc"}), {"w": scores("magnitude_increase", initial, final)},
        kinds={"w": "fc"}, share={"fc": 0.25}, scope="layer",
    )  # fmt: skip
    kept = masks["w"][:, :50].sum(axis=1)
    assert masks["w"].sum() == 3000
    assert kept.min() > 10 and kept.max() < 40


@pytest.mark.parametrize("name", registry.list_registered("pruning", "criterion"))
def test_every_criterion_scores_a_convolution_without_a_warning(name):
    initial = np.random.default_rng(4).standard_normal((4, 3, 3, 3)).astype(np.float32)
    final = np.where(initial > 1, 0, -initial).astype(np.float32)
    assert scores(name, initial, final).shape == initial.shape
    assert np.isfinite(scores(name, initial, final)).all()


def test_a_ladder_cuts_where_pruning_does():
    chance = np.random.default_rng(5)
    values = {"a": chance.standard_normal((30, 7)), "b": chance.standard_normal((5, 3)).round()}  # b has ties
    kinds, share = {"a": "fc", "b": "output"}, {"fc": 0.2, "output": 0.1}
    ladder = make_one_shot_ladder(values, kinds=kinds, shares=compute_rungs(share, 24))
    full = make_full_masks(values, kinds)
    for rung, masks in zip(compute_rungs(share, 24), ladder, strict=True):
        expected = prune(full, values, kinds=kinds, share=rung, scope="layer")
        assert all((masks[name] == expected[name]).all() for name in values)
    assert ladder[0]["a"].all() and ladder[24]["a"].sum() == 1


def test_a_layer_without_a_share_keeps_all():
    (masks,) = make_one_shot_ladder({"a": np.arange(4.0)}, kinds={"a": "conv"}, shares=[{"fc": 0.5}])
    assert masks["a"].all()
