"""A claim is parsed once, into a value; the schema says which mappings are claims."""

from dataclasses import FrozenInstanceError, replace
from math import inf
from pathlib import Path

import pytest
import yaml
from claim_kit import CLAIM, changed
from jsonschema import Draft202012Validator

from reproof.judging.claims import Claim, Expectation
from reproof.judging.terms import Best, Reach

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "claims.schema.yaml"


def parse(measure):
    return Claim.parse(CLAIM | {"measure": measure})


RANGE = {"kept": [0.1, 0.9]}


def test_dense_is_short_for_level_0_of_the_same_run():
    claim = Claim.parse(CLAIM)
    assert (claim.of.run, claim.of.arm, claim.of.metric) == ("lenet", "ticket", "test_accuracy_at_early_stop")
    assert (claim.of.at, claim.of.parts, claim.of.within) == ({"kept": 0.135}, (), 1.3)
    assert claim.against == replace(claim.of, at={"level": 0}, stated=frozenset({"arm", "at"}))
    assert claim.against == parse(CLAIM["measure"] | {"against": {"arm": "ticket", "at": {"level": 0}}}).against
    assert not claim.shares_place


def test_against_inherits_what_it_does_not_state():
    claim = parse(
        {
            "metric": "m",
            "of": {"run": "r", "at": RANGE, "mean": True, "called": "these"},
            "against": {"arm": "reinitialise"},
        }
    )
    stated = frozenset({"arm"})
    assert claim.against == replace(claim.of, arm="reinitialise", called="", stated=stated)
    assert (claim.against.at, claim.against.mean) == ({"kept": (0.1, 0.9)}, True)
    assert claim.shares_place


def test_a_side_with_its_own_place_inherits_no_reduction():
    of = {"run": "r", "at": RANGE, "best": {"highest": "v"}, "within": 1.1}
    claim = parse({"metric": "m", "of": of, "against": {"at": {"kept": 0.5}}})
    assert (claim.of.best, claim.of.within) == (Best(way="highest", metric="v"), 1.1)
    assert (claim.against.best, claim.against.within) == (None, 1.3)


def test_a_claim_of_one_side_has_one_side():
    claim = parse({"metric": "m", "of": {"run": "r", "arm": "a", "at": {"part": "fc_1", "level": 2}}, "each": True})
    assert (claim.sides, claim.against, claim.each, claim.runs) == ({"of": claim.of}, None, True, ["r"])
    assert (claim.of.at, claim.of.parts) == ({"level": 2}, ("fc_1",))
    assert not claim.shares_place


def test_a_claim_reads_the_runs_of_its_sides():
    assert parse({"metric": "m", "of": {"run": "b"}, "against": {"run": "a"}}).runs == ["b", "a"]


@pytest.mark.parametrize(
    ("reach", "parsed"),
    [
        (
            {"smallest": "kept", "at_least": "dense", "margin": 0.01},
            Reach(end="smallest", axis="kept", relation="at_least", bound="dense", margin=0.01),
        ),
        (
            {"largest": "at", "at_most": 2},
            Reach(end="largest", axis="at", relation="at_most", bound=2, margin=0.0),
        ),
    ],
)
def test_a_reach_is_a_value(reach, parsed):
    assert parse({"metric": "m", "of": {"run": "r", "reach": reach}}).of.reach == parsed


@pytest.mark.parametrize(
    ("side", "axis", "is_curve"),
    [
        ({"at": {"kept": 0.1, "rewind": [0, 500]}}, "rewind", True),
        ({"reach": {"smallest": "rewind", "at_most": 0.02}}, "rewind", False),
        ({"reach": {"smallest": "level", "at_most": 0.02}}, "kept", False),
        ({"at": {"level": [0, 3]}}, "kept", True),
        ({"at": {"level": [0, 3]}, "mean": True}, "kept", False),
        ({"at": {"level": 3, "part": ["fc_1", "fc_2"]}}, "kept", False),
        ({"at": {"at": 0}}, "kept", True),
        ({}, "kept", True),
    ],
)
def test_values_lie_along_the_column_of_the_reach_or_range(side, axis, is_curve):
    term = parse({"metric": "m", "of": {"run": "r", **side}}).of
    assert (term.axis, term.is_curve) == (axis, is_curve)


def test_a_claim_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Claim.parse(CLAIM).judge = "mean"


@pytest.mark.parametrize(
    ("expect", "neutral", "wanted"),
    [
        ({"at_least": 0.003}, 0.0, (0.003, inf)),
        ({"at_most": 2}, 1.0, (-inf, 2.0)),
        ({"between": [0.1, 0.2]}, None, (0.1, 0.2)),
        ({"equal_within": 0.01}, 0.0, (-0.01, 0.01)),
        ({"equal_within": 1.25}, 1.0, (0.8, 1.25)),
        ({"equal_within": 0.1}, 0.5, (0.4, 0.6)),
    ],
)
def test_expectations_are_ranges(expect, neutral, wanted):
    assert Expectation.parse(expect).compute_range(neutral) == wanted


@pytest.fixture(scope="module")
def schema():
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def messages(schema, document):
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]


def test_the_schema_accepts_a_sound_claim_and_reference(schema):
    Draft202012Validator.check_schema(schema)
    reference = {"run": "lenet", "metric": "early_stop_step", "kept": 0.211, "ratio": 0.62, "source": "section 2"}
    assert messages(schema, {"claims": [CLAIM], "references": [reference]}) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("expect", {"at_least": 0, "at_most": 1}),
        ("expect", {"atleast": 0}),
        ("expect.at_least", "1e-4"),
        ("measure.of.kept", 0.1),
        ("measure.of.at", {"kept": [0.1]}),
        ("measure.of.at", {"kept": "1e-1"}),
        ("measure.of.run", None),
        ("measure.against", "densest"),
        ("measure.of.reach", {"smallest": "kept"}),
        ("tolerance", 0.1),
        ("judged_at", ["mnist", "mnist"]),
        ("why", None),
    ],
)
def test_the_schema_refuses(schema, path, value):
    assert messages(schema, {"claims": [changed(path, value)]}) != []


def test_a_reference_has_one_value(schema):
    reference = {"run": "lenet", "metric": "early_stop_step", "kept": 0.211, "source": "section 2"}
    assert messages(schema, {"references": [reference]}) != []
    assert messages(schema, {"references": [{**reference, "gain": 0.1, "ratio": 2}]}) != []


def undescribed(schema, at="$"):
    """Yield the keys that have neither a description nor a definition that has one."""
    for name, part in schema.get("properties", {}).items():
        if "description" not in part and "$ref" not in part:
            yield f"{at}.{name}"
        yield from undescribed(part, f"{at}.{name}")


def test_every_key_is_described_and_every_object_closed(schema):
    parts = [schema, *schema["$defs"].values()]
    assert [key for part in parts for key in undescribed(part)] == []
    assert all("description" in part and part["additionalProperties"] is False for part in parts)
