"""Claims are checked before anything runs, and each problem is one line that names its key and the remedy."""

import subprocess
import sys
from copy import deepcopy
from math import inf
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reproof.catalogue import registered
from reproof.judging.claims import check_claim, check_claims, expected_range, judges, terms
from reproof.judging.judges import JUDGES

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "claims.schema.yaml"
RUNS = {"lenet": {"reinitialise", "shuffle_mask"}, "conv_2": set()}
METRICS = {
    "test_accuracy_at_early_stop",
    "test_accuracy_at_end",
    "validation_accuracy_at_early_stop",
    "early_stop_step",
}
CLAIM = {
    "id": "A2",
    "says": "Tickets are more accurate than the dense network.",
    "where": "section 2, figure 4",
    "judge": "paired_difference",
    "measure": {
        "metric": "test_accuracy_at_early_stop",
        "of": {"run": "lenet", "at": {"kept": 0.135}},
        "against": "dense",
    },
    "expect": {"at_least": 0.003},
    "why": "the paper says more than 0.3 points",
    "judged_at": ["mnist", "paper"],
}


def changed(path, value):
    """Return the claim with one key changed, `path` as in "measure.of.at"; None removes it."""
    claim = deepcopy(CLAIM)
    *parents, last = path.split(".")
    target = claim
    for parent in parents:
        target = target[parent]
    target[last] = value
    if value is None:
        del target[last]
    return claim


def problems(claim):
    return check_claim(claim, runs=RUNS, metrics=METRICS, scales={"demo", "mnist", "paper"}, key="claims[3]")


def test_a_sound_claim_has_no_problems():
    assert problems(CLAIM) == []


def test_dense_is_level_0_of_the_same_run():
    of, against = terms(CLAIM["measure"])
    assert of == {"run": "lenet", "arm": "ticket", "metric": "test_accuracy_at_early_stop", "at": {"kept": 0.135}}
    assert against == {**of, "at": {"level": 0}}


def test_against_inherits_what_it_does_not_state():
    measure = {
        "metric": "m",
        "of": {"run": "r", "at": {"kept": [0.1, 0.9]}, "mean": True, "called": "these"},
        "against": {"arm": "reinitialise"},
    }
    _, against = terms(measure)
    assert against == {"run": "r", "arm": "reinitialise", "metric": "m", "at": {"kept": [0.1, 0.9]}, "mean": True}


def test_a_side_with_its_own_place_inherits_no_reduction():
    measure = {
        "metric": "m",
        "of": {"run": "r", "at": {"kept": [0.1, 0.9]}, "best": {"highest": "v"}},
        "against": {"at": {"kept": 0.5}},
    }
    assert "best" not in terms(measure)[1]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            "measure.metric",
            "test_acc",
            "claims[3].measure.metric: 'test_acc' is not a metric that a rule produces; "
            "did you mean 'test_accuracy_at_early_stop'?",
        ),
        (
            "measure.of.run",
            "lent",
            "claims[3].measure.of.run: 'lent' is not a run of this paper; did you mean 'lenet'?",
        ),
        (
            "measure.of.arm",
            "magic",
            "claims[3].measure.of.arm: 'magic' is not an arm of run lenet; "
            "choose one of reinitialise, shuffle_mask, ticket",
        ),
        (
            "measure.against",
            {"run": "conv_2", "arm": "reinitialise"},
            "claims[3].measure.against.arm: 'reinitialise' is not an arm of run conv_2; choose one of ticket",
        ),
        ("judge", "paired_diff", "claims[3].judge: 'paired_diff' is not a judge; did you mean 'paired_difference'?"),
        (
            "measure.against",
            None,
            "claims[3].measure.against: missing; judge paired_difference compares two sides "
            "(dense, or what differs from `of`)",
        ),
        (
            "judge",
            "mean",
            "claims[3].measure.against: judge mean reads one side; leave it out or choose a judge that compares",
        ),
        (
            "measure.of.at",
            {"kept": [0.1, 0.9]},
            "claims[3].measure.of.at: a range of levels; add mean, best or reach, or `each: true` to the measure",
        ),
        (
            "expect",
            {},
            "claims[3].expect: states 0 relations; state exactly one of at_least, at_most, between, equal_within",
        ),
        ("expect", {"between": [2, 1]}, "claims[3].expect.between: [2, 1] runs downwards; write the lower bound first"),
        (
            "expect",
            {"equal_within": 0},
            "claims[3].expect.equal_within: 0 leaves no room; a ratio takes a factor above 1",
        ),
        ("measure.of.at.kept", 1.5, "claims[3].measure.of.at.kept: 1.5 is not a share of weights in (0, 1]"),
        (
            "measure.of.at",
            {"keep": 0.1},
            "claims[3].measure.of.at.keep: 'keep' is not a column of the measurements; did you mean 'kept'?",
        ),
        (
            "judged_at",
            ["papers"],
            "claims[3].judged_at[0]: 'papers' is not a scale; did you mean 'paper'?",
        ),
    ],
)  # fmt: skip
def test_each_problem_is_one_line_with_key_and_remedy(path, value, problem):
    assert problems(changed(path, value)) == [problem]


def test_a_range_may_not_run_downwards():
    claim = changed("measure.of", {"run": "lenet", "at": {"kept": [0.9, 0.1]}, "mean": True})
    assert problems(claim) == ["claims[3].measure.of.at.kept: [0.9, 0.1] runs downwards; write the lower end first"]


def test_selection_on_the_test_set_is_refused():
    at = {"kept": [0.1, 0.9]}
    claim = changed("measure.of", {"run": "lenet", "at": at, "best": {"highest": "test_accuracy_at_end"}})
    assert problems(claim) == [
        "claims[3].measure.of.best.highest: 'test_accuracy_at_end' selects on the test set; "
        "select on validation, measure on test"
    ]


def test_reducers_exclude_one_another():
    best = {"highest": "validation_accuracy_at_early_stop"}
    claim = changed("measure.of", {"run": "lenet", "at": {"kept": [0.1, 0.9]}, "mean": True, "best": best})
    assert problems(claim) == ["claims[3].measure.of: mean, best and reach exclude one another; state one"]


def test_a_curve_judge_wants_a_range_and_no_each():
    claim = {**changed("measure.against", None), "judge": "trend"}
    claim["measure"]["each"] = True
    assert problems(claim) == [
        "claims[3].measure.of.at: judge trend reads several levels; give a range such as kept: [0.02, 1.0]",
        "claims[3].measure.each: judge trend reads all levels together; leave each out",
    ]


def test_a_reach_is_looked_for_along_a_known_column():
    reach = {"smallest": "rewind", "at_most": 0.02}
    claim = changed("measure.of", {"run": "lenet", "reach": reach})
    (said,) = problems(claim)
    assert said.startswith("claims[3].measure.of.reach.smallest: 'rewind' is not an axis of the measurements; choose")
    with_rewind = frozenset({"kept", "level", "rewind"})
    assert check_claim(claim, runs=RUNS, metrics=METRICS, columns=with_rewind) == []


def test_ids_are_unique():
    found = check_claims([CLAIM, CLAIM], runs=RUNS, metrics=METRICS)
    assert found == ["claims[1].id: 'A2' is the id of an earlier claim; give each claim its own"]


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
    assert expected_range(expect, neutral) == wanted


def test_what_source_declares_is_what_is_registered():
    declared = {name: (kind["sides"], kind["reads"], kind["neutral"]) for name, kind in judges().items()}
    assert declared == {name: (kind.sides, kind.reads, kind.neutral) for name, kind in JUDGES.items()}
    assert set(registered("judging", "judge")) == set(JUDGES)


def test_checking_claims_imports_no_science():
    code = (
        "import sys; from reproof.judging import claims; claims.judges(); print({'scipy', 'numpy'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


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


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ({"level": 1}, ".at.at: missing; test_instability is measured at each step; say at which"),
        ({"at": [0, 10]}, ".at: a range of `at` needs one level; add level or kept"),
        ({"kept": [0.1, 1.0], "at": [0, 10]}, ".at: kept and at are both ranges; make one of them a single value"),
        ({"level": 1, "at": [10, 0]}, ".at.at: [10, 0] runs downwards; write the lower end first"),
    ],
)
def test_where_a_metric_is_read_on_its_own_axis(at, said):
    of = {"run": "lenet", "at": at, "mean": True}
    claim = {**CLAIM, "judge": "mean", "measure": {"metric": "test_instability", "of": of}, "expect": {"at_most": 1}}
    assert check_claim(claim, runs=RUNS, metrics={"test_instability"}, key="c") == [f"c.measure.of{said}"]
    at_one = {**claim, "measure": {"metric": "test_instability", "of": {"run": "lenet", "at": {"level": 1, "at": 0}}}}
    assert check_claim(at_one, runs=RUNS, metrics={"test_instability"}) == []


def test_one_place_off_the_ladder_is_a_range_along_it():
    """Where no level is named, a term lies along all of them, whatever part and place it names."""
    of = {"run": "lenet", "at": {"part": ["fc_1", "fc_2"], "at": 0}}
    claim = {**CLAIM, "judge": "mean", "measure": {"metric": "test_instability", "of": of}, "expect": {"at_most": 1}}
    (said,) = check_claim(claim, runs=RUNS, metrics={"test_instability"}, key="c")
    assert said.startswith("c.measure.of.at: a range of levels; add mean, best or reach")
