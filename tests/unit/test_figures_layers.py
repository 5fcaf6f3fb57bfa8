"""Tests of the tables of figures of layers, against values computed by hand."""

import pandas as pd
import pytest
import tables

from reproof.figures import Context, draw
from reproof.figures.layers import label_layer

CONTEXT = Context("demo", ("MNIST",), 0)
TABLES = {"measurements": tables.layers(("a",), depth=3)}


def drawn(kind, runs=("a",), **options):
    table = draw(kind, tables=TABLES, runs=list(runs), context=CONTEXT, options=options).table
    return table[table["trials"] > 0]


def test_layers_have_uniform_labels_in_all_networks():
    parts = ("fc_1", "conv_12", "stage_2_block_10", "layer2.0", "output", "upper")
    assert [label_layer(part) for part in parts] == ["fc 1", "conv 12", "block 2.10", "block 2.1", "output", "upper"]


def test_a_heat_map_shows_errors_averaged_over_draws_and_seeds():
    table = drawn("layer_heat_map")
    first = table[table["part"] == "fc_1"].set_index("at")["mean"]
    # Three seeds; a cost is a share of the accuracy above chance, 0.1.
    trained, cost = [0.97, 0.969, 0.968], [0.95, 0.93, 0.91]
    at_start = sum(1 - (t - c * (t - 0.1)) for t, c in zip(trained, cost, strict=True)) / 3
    assert first[0.0] == pytest.approx(at_start)
    assert list(table["at"].dropna().unique()) == [0.0, 100.0, 500.0]
    anew = table[table["at"].isna()].set_index("part")["mean"]
    assert anew["fc_2"] == pytest.approx(1 - 0.11), "draws of 0.10 and 0.12"


def test_classes_follow_the_thresholds_that_the_figure_is_given():
    usual = drawn("criticality_and_distance").query("quantity == 'criticality'").set_index("part")["named"]
    assert usual.to_dict() == {"fc_1": "critical", "fc_2": "between", "fc_3": "between", "output": "ambient"}
    strict = drawn("criticality_and_distance", ambient=0.03, critical=0.1).query("quantity == 'criticality'")
    assert strict.set_index("part")["named"].to_dict() == {
        "fc_1": "critical", "fc_2": "critical", "fc_3": "ambient", "output": "ambient"
    }  # fmt: skip


def test_distances_stand_beside_criticality_from_the_initial_values():
    table = drawn("criticality_and_distance")
    assert set(table["quantity"]) == {"criticality", "distance_l2", "distance_linf", "relative_distance_l2"}
    assert set(table["at"]) == {0.0}
    assert table.query("quantity == 'distance_l2'").set_index("part")["mean"]["fc_2"] == pytest.approx(0.01)


def test_fewer_layers_are_critical_as_the_threshold_rises():
    table = drawn("critical_layers").set_index("at")["mean"]
    assert table.is_monotonic_decreasing
    assert (table[0.03], table[0.1], table[0.2], table[1.0]) == (2, 2, 1, 0), "costs fall by sixths from 0.93"


def test_a_run_is_drawn_in_each_panel_that_names_it():
    table = drawn("criticality_by_layer", runs=[["a"], ["a"]])
    assert table.groupby("panel").size().to_dict() == {0: 4, 1: 4}


def test_sets_are_shown_with_what_their_worst_layer_costs():
    table = drawn("joint_resets").set_index(["part", "quantity"])["mean"]
    assert table["upper", "worst_single_criticality"] == pytest.approx(0.93 / 6)
    assert table["upper", "joint_layers"] == 3 and table["ambient", "joint_layers"] == 2


def test_one_seed_has_no_interval():
    # Its mean is drawn all the same, without a bar.
    one = {"measurements": pd.concat([tables.layers(("a",), seeds=1)])}
    table = draw("criticality_by_layer", tables=one, runs=["a"], context=CONTEXT).table
    assert table["low"].isna().all() and table["mean"].notna().all()
