"""Numbers and units as a reader sees them."""

from math import inf

import pytest
from claim_kit import CLAIM

from reproof.judging.claims import Claim
from reproof.judging.phrasing import (
    Unit,
    describe_expectation,
    describe_interval,
    find_unit,
    format_number,
    format_quantity,
)

ACCURACY = {"metric": "test_accuracy_at_end", "of": {"run": "lenet", "at": {"level": 0}}}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-0.4237, "points", "−0.42"),
        (-0.0001, "points", "0.00"),
        (2.5133, "times", "2.51"),
        (2.0, "times", "2.00"),
        (123.4, "times", "123"),
        (12345.6, "steps", "12346"),
        (0.00012345, "", "0.000123"),
        (inf, "points", "∞"),
        (-inf, "points", "−∞"),
    ],
)
def test_numbers(value, unit, text):
    assert format_number(value, unit) == text


def test_a_rank_correlation_has_no_unit():
    assert format_quantity(0.934, "rank correlation") == "0.93"
    assert format_quantity(0.31, "points") == "0.31 points"


@pytest.mark.parametrize(
    ("judge", "measure", "shown"),
    [
        ("paired_difference", ACCURACY, ("points", 100.0)),
        ("mean", ACCURACY, ("%", 100.0)),
        ("paired_ratio", ACCURACY, ("times", 1.0)),
        ("spread", ACCURACY, ("points", 100.0)),
        ("share_of_seeds", ACCURACY, ("% of seeds", 100.0)),
        ("trend", ACCURACY, ("rank correlation", 1.0)),
        ("mean", {**ACCURACY, "metric": "early_stop_step"}, ("steps", 1.0)),
        ("mean", {**ACCURACY, "metric": "test_loss_at_end"}, ("", 1.0)),
        ("mean", {"metric": "m", "of": {"run": "r", "reach": {"smallest": "kept", "at_least": "dense"}}}, ("%", 100.0)),
        (
            "mean",
            {"metric": "early_stop_step", "of": {"run": "r", "reach": {"largest": "rewind", "at_most": 9}}},
            ("", 1.0),
        ),
    ],
)
def test_units(judge, measure, shown):
    name, factor = shown
    assert find_unit(Claim.parse(CLAIM | {"judge": judge, "measure": measure})) == Unit(name=name, factor=factor)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ((0.003, inf), "at least 0.30 points"),
        ((-inf, -0.001), "at most −0.10 points"),
        ((-0.01, 0.01), "from −1.00 to 1.00 points"),
    ],
)
def test_expectations(wanted, text):
    assert describe_expectation(wanted, Unit(name="points", factor=100.0)) == text


def test_intervals_say_what_they_cover():
    assert describe_interval("Student t over seeds", confidence=0.95, levels=1) == "95 %, Student t over seeds"
    assert describe_interval("exact", confidence=0.95, levels=1) == "exact"
    assert describe_interval("x", confidence=0.99, levels=5) == "95 % of 5 levels together (Bonferroni), x"
    assert describe_interval("x", confidence=0.95, levels=5) == "95 % at the least favourable of 5 levels, x"
