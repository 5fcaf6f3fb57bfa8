"""Numbers and units as a reader sees them."""

from math import inf

import pytest

from reproof.judging.words import display, expectation, interval_kind, number, with_unit

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
    assert number(value, unit) == text


def test_a_rank_correlation_has_no_unit():
    assert with_unit(0.934, "rank correlation") == "0.93"
    assert with_unit(0.31, "points") == "0.31 points"


@pytest.mark.parametrize(
    ("judge", "measure", "shown"),
    [
        ("paired_difference", ACCURACY, ("points", 100.0)),
        ("mean", ACCURACY, ("%", 100.0)),
        ("paired_ratio", ACCURACY, ("times", 1.0)),
        ("share_of_seeds", ACCURACY, ("% of seeds", 100.0)),
        ("trend", ACCURACY, ("rank correlation", 1.0)),
        ("mean", {**ACCURACY, "metric": "early_stop_step"}, ("steps", 1.0)),
        ("mean", {**ACCURACY, "metric": "test_loss_at_end"}, ("", 1.0)),
        ("mean", {"metric": "m", "of": {"reach": {"smallest": "kept", "at_least": "dense"}}}, ("%", 100.0)),
        ("mean", {"metric": "early_stop_step", "of": {"reach": {"largest": "rewind", "at_most": 9}}}, ("", 1.0)),
    ],
)
def test_units(judge, measure, shown):
    assert display(judge, measure) == shown


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ((0.003, inf), "at least 0.30 points"),
        ((-inf, -0.001), "at most −0.10 points"),
        ((-0.01, 0.01), "from −1.00 to 1.00 points"),
    ],
)
def test_expectations(wanted, text):
    assert expectation(wanted, "points", 100.0) == text


def test_intervals_say_what_they_cover():
    assert interval_kind("Student t over seeds", 0.95, 1) == "95 %, Student t over seeds"
    assert interval_kind("exact", 0.95, 1) == "exact"
    assert interval_kind("x", 0.99, 5) == "95 % of 5 levels together (Bonferroni), x"
    assert interval_kind("x", 0.95, 5) == "95 % at the least favourable of 5 levels, x"
