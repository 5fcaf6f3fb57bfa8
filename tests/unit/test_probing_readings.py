"""What accuracies of probed networks say, on numbers worked by hand."""

from math import isnan

import pytest

from reproof.declarations.layer_classes import Thresholds
from reproof.probing.readings import (
    LADDER,
    REINITIALISED,
    REMOVED,
    RERANDOMISED,
    Movement,
    Reading,
    Scale,
    compute_initial_costs,
    list_layer_rows,
    list_network_rows,
    list_set_rows,
)

SCALE = Scale("test", 0.9, 0.1)  # 0.8 to lose
READINGS = [
    Reading(REINITIALISED, "fc_1", 0.1, at=0.0),
    Reading(REINITIALISED, "fc_1", 0.5, at=10.0),
    Reading(REINITIALISED, "fc_2", 0.86, at=0.0),
    Reading(RERANDOMISED, "fc_1", 0.1, draw=0),
    Reading(RERANDOMISED, "fc_1", 0.2, draw=1),
    Reading(RERANDOMISED, "fc_2", 0.3, draw=0),
    Reading(RERANDOMISED, "fc_2", 0.1, draw=1),
]


def values(rows, metric):
    """{(part, at, draw): value} of one metric; what a row does not say is left out of its key."""
    return {
        tuple(row[key] for key in ("part", "at", "draw") if key in row and row[key] == row[key]): row["value"]
        for row in rows
        if row["metric"] == metric
    }


def test_readings_of_layers():
    rows = list(list_layer_rows(READINGS, SCALE))
    assert values(rows, "test_accuracy_reinitialised") == {
        ("fc_1", 0.0, 0): 0.1,
        ("fc_1", 10.0, 0): 0.5,
        ("fc_2", 0.0, 0): 0.86,
    }
    assert values(rows, "test_criticality") == {
        ("fc_1", 0.0, 0): pytest.approx(1.0),
        ("fc_1", 10.0, 0): pytest.approx(0.5),
        ("fc_2", 0.0, 0): pytest.approx(0.05),
    }
    assert values(rows, "test_criticality_rerandomised")["fc_2", 0] == pytest.approx(0.75)
    assert values(rows, "test_highest_rerandomised_accuracy") == {(): pytest.approx(0.2)}, "fc_2: (0.3 + 0.1) / 2"
    assert compute_initial_costs(READINGS, SCALE) == {"fc_1": pytest.approx(1.0), "fc_2": pytest.approx(0.05)}


def test_without_fresh_draws_none_hurts_least():
    rows = list(list_layer_rows([Reading(REMOVED, "block", 0.9)], SCALE))
    assert [row["metric"] for row in rows] == ["test_accuracy_removed", "test_criticality_removed"]


def test_readings_of_a_network():
    costs = {"a": 0.9, "b": 0.004, "c": 0.3, "d": 0.005}
    moved = {"d": Movement(1.0, 40), "a": Movement(4.0, 10), "b": Movement(3.0, 30), "c": Movement(2.0, 20)}
    rows = list(list_network_rows(costs, moved, Thresholds(ambient=0.005, critical=0.3), "train"))
    single = {row["metric"]: row["value"] for row in rows if "at" not in row}
    assert single == {
        "train_ambient_layers": 2.0,
        "train_ambient_layers_share": 0.5,
        "train_ambient_parameters_share": pytest.approx(0.7),
        "train_critical_layers": 2.0,
        "train_critical_layers_share": 0.5,
        "train_distance_correlation": pytest.approx(0.4),  # ranks 4 1 3 2 and 4 3 2 1: 1 - 6 * 6 / 60
    }
    above = {at: value for (at,), value in values(rows, "train_layers_above").items()}
    assert list(above) == list(LADDER)
    assert (above[0.005], above[0.01], above[0.3], above[0.4], above[1.0]) == (3, 2, 2, 1, 0)


@pytest.mark.parametrize("costs", [{"a": 0.1, "b": 0.2}, {"a": 0.1, "b": 0.1, "c": 0.1}])
def test_two_layers_or_equal_ones_have_no_correlation(costs):
    rows = list_network_rows(
        costs,
        {name: Movement(place, 1) for place, name in enumerate("abc")},
        Thresholds(ambient=0.01, critical=0.5),
        "test",
    )
    assert "test_distance_correlation" not in {row["metric"] for row in rows}


def test_readings_of_sets():
    readings = [
        Reading(REINITIALISED, "both", 0.3, at=0.0),
        Reading(REINITIALISED, "both", 0.7, at=10.0),
        Reading(RERANDOMISED, "both", 0.1, draw=1),
        Reading(REMOVED, "both", 0.2),
    ]
    costs = {"fc_1": 0.25, "fc_2": 0.05, "fc_3": 1.0}
    rows = list(list_set_rows(readings, {"both": ("fc_1", "fc_2")}, costs, SCALE))
    assert {(row["metric"], row["draw"]): row["value"] for row in rows} == {
        ("test_accuracy_jointly_reinitialised", 0): 0.3,
        ("test_joint_criticality", 0): pytest.approx(0.75),
        ("test_worst_single_criticality", 0): 0.25,
        ("test_joint_layers", 0): 2.0,
        ("test_accuracy_jointly_rerandomised", 1): 0.1,
        ("test_joint_criticality_rerandomised", 1): pytest.approx(1.0),
        ("test_joint_criticality_removed", 0): pytest.approx(0.875),
        ("test_accuracy_jointly_removed", 0): 0.2,
    }
    assert {row["part"] for row in rows} == {"both"}


def test_a_network_that_learnt_nothing_has_no_criticality():
    (cost,) = compute_initial_costs([Reading(REINITIALISED, "fc_1", 0.1, at=0.0)], Scale("test", 0.1, 0.1)).values()
    assert isnan(cost)
