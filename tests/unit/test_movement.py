"""Movement of weights and evenness of masks, by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from reproof.operations.measure_movement import compute_unevenness, measure_movement
from reproof.pruning.masks import write_masks
from reproof.storage.checkpoints import write_checkpoint
from reproof.storage.files import read_parquet

START = np.array([[0.1, -0.2], [0.3, -0.4]], np.float32)
FINAL = np.array([[0.5, 0.1], [0.2, -1.0]], np.float32)
KEPT = np.array([[True, False], [False, True]])


def measured(tmp_path, *, seeds=(4,), masks=(KEPT,)):
    """Write a block of equal networks of one layer and its masks, level by level, and return what is measured."""
    stacked = {name: {"w": np.stack([value] * len(seeds))} for name, value in (("step0", START), ("final", FINAL))}
    write_checkpoint(tmp_path / "dense", stacked, seeds=seeds, kinds={"w": "fc"})
    for level, mask in enumerate(masks, start=1):
        write_masks(tmp_path / f"mask{level}", [{"w": mask}] * len(seeds))
    measure_movement(
        settings=json.dumps({"seeds": list(seeds)}),
        dense=str(tmp_path / "dense"),
        masks=[str(tmp_path / f"mask{level}") for level in range(1, len(masks) + 1)],
        metrics=str(tmp_path / "metrics.parquet"),
        histograms=str(tmp_path / "histograms.parquet"),
    )
    return read_parquet(tmp_path / "metrics.parquet"), read_parquet(tmp_path / "histograms.parquet")


def test_the_movement_of_four_weights(tmp_path):
    """Moved by 0.4, 0.3, 0.1, 0.6; away from zero by 0.4, -0.1, -0.1, 0.6; the first and the last are kept."""
    metrics, _ = measured(tmp_path)
    values = metrics.set_index("metric")["value"]
    assert values["movement_in_ticket"] == pytest.approx(0.5)
    assert values["movement_outside_ticket"] == pytest.approx(0.2)
    assert values["away_from_zero_in_ticket"] == pytest.approx(0.5)
    assert values["away_from_zero_outside_ticket"] == pytest.approx(-0.1)
    assert values["incoming_unevenness"] == 0.0, "each unit has one"
    assert set(metrics["level"]) == {1}
    assert set(metrics["seed"]) == {4}
    assert set(metrics["kept"]) == {0.5}


def test_levels_and_seeds_are_kept_apart(tmp_path):
    only_last = np.array([[False, False], [False, True]])
    metrics, histograms = measured(tmp_path, seeds=(4, 7), masks=(KEPT, only_last))
    moved = metrics[metrics["metric"] == "movement_in_ticket"].set_index(["level", "seed"])["value"]
    assert moved.to_dict() == pytest.approx({(1, 4): 0.5, (1, 7): 0.5, (2, 4): 0.6, (2, 7): 0.6})
    assert set(histograms["seed"]) == {4}, "histograms show the first seed"
    assert set(histograms["level"]) == {1, 2}


def test_each_histogram_holds_all_weights_of_its_group(tmp_path):
    _, histograms = measured(tmp_path)
    keys = ["level", "layer", "quantity", "group"]
    assert histograms.groupby(keys)["share"].sum().tolist() == pytest.approx([1.0] * 4)
    assert (histograms["bin_left"] < histograms["bin_right"]).all()
    bins = histograms.groupby(["quantity", "group"])[["bin_left"]].agg(list)
    for quantity in ("distance moved", "change of magnitude"):
        assert bins.loc[(quantity, "in ticket"), "bin_left"] == bins.loc[(quantity, "outside"), "bin_left"]
    distance = histograms[(histograms["quantity"] == "distance moved") & (histograms["group"] == "in ticket")]
    filled = distance[distance["share"] > 0]
    assert len(filled) == 2
    assert (filled["bin_left"] <= pd.Series([0.4, 0.6], index=filled.index) + 1e-6).all()
    assert (filled["bin_right"] >= pd.Series([0.4, 0.6], index=filled.index) - 1e-6).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_random_mask_is_about_as_uneven_as_chance(axis):
    chance = np.random.default_rng(0)
    masks = (chance.permutation(np.arange(300 * 200) < 6000).reshape(300, 200) for _ in range(20))
    found = [compute_unevenness(mask, axis=axis) for mask in masks]
    assert np.mean(found) == pytest.approx(1.0, abs=0.06)
    assert all(0.6 < one < 1.5 for one in found)


def test_a_concentrated_mask_is_far_more_uneven_where_it_is_concentrated():
    mask = np.zeros((300, 200), bool)
    mask[:30] = True
    assert compute_unevenness(mask, axis=0) > 50
    assert compute_unevenness(mask, axis=1) == 0.0


def test_unevenness_of_four_weights():
    """Counts 2 and 0 have variance 1; drawing 2 of 4 in units of 2 gives 2 x 1/2 x 1/2 x 2/3 = 1/3."""
    assert compute_unevenness(np.array([[True, True], [False, False]]), axis=0) == pytest.approx(3.0)


def test_kernels_count_whole():
    mask = np.zeros((4, 3, 3, 3), bool)
    mask[0] = True
    assert compute_unevenness(mask, axis=0) == pytest.approx(compute_unevenness(mask.reshape(4, 27), axis=0))


def test_a_mask_that_prunes_nothing_has_no_unevenness():
    assert np.isnan(compute_unevenness(np.ones((3, 3), bool), axis=0))
