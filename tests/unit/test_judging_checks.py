"""Claims are checked before anything runs, and each problem is one line that names its key and the remedy."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from claim_kit import CLAIM, changed

from reproof.judging.checks import Known, check_claim, check_claims, read_judges
from reproof.judging.claims import Claim
from reproof.judging.judges import JUDGES
from reproof.registry import list_registered

KNOWN = Known(
    runs={"lenet": {"reinitialise", "shuffle_mask"}, "conv_2": set()},
    metrics={
        "test_accuracy_at_early_stop",
        "test_accuracy_at_end",
        "validation_accuracy_at_early_stop",
        "early_stop_step",
    },
    scales={"demo", "mnist", "paper"},
)
INSTABILITY = Known(runs=KNOWN.runs, metrics={"test_instability"})


def problems(claim):
    return check_claim(Claim.parse(claim), KNOWN, key="claims[3]")


def test_a_sound_claim_has_no_problems():
    assert problems(CLAIM) == []


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
    with_rewind = replace(KNOWN, columns=frozenset({"kept", "level", "rewind"}))
    assert check_claim(Claim.parse(claim), with_rewind) == []


def test_ids_are_unique():
    found = check_claims([Claim.parse(CLAIM), Claim.parse(CLAIM)], KNOWN)
    assert found == ["claims[1].id: 'A2' is the id of an earlier claim; give each claim its own"]


def test_what_source_declares_is_what_is_registered():
    declared = {name: (kind["sides"], kind["reads"], kind["neutral"]) for name, kind in read_judges().items()}
    assert declared == {name: (kind.sides, kind.reads, kind.neutral) for name, kind in JUDGES.items()}
    assert set(list_registered("judging", "judge")) == set(JUDGES)


def test_checking_claims_imports_no_science():
    code = (
        "import sys; from reproof.judging import checks; checks.read_judges(); "
        "print({'scipy', 'numpy'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


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
    assert check_claim(Claim.parse(claim), INSTABILITY, key="c") == [f"c.measure.of{said}"]
    at_one = {**claim, "measure": {"metric": "test_instability", "of": {"run": "lenet", "at": {"level": 1, "at": 0}}}}
    assert check_claim(Claim.parse(at_one), INSTABILITY) == []


def test_dense_is_not_measured_on_the_metrics_own_axis():
    """`dense` reads level 0 at no place, so that a metric of an axis has no such value."""
    of = {"run": "lenet", "at": {"level": 1, "at": 0}}
    claim = CLAIM | {"measure": {"metric": "test_instability", "of": of, "against": "dense"}}
    (problem,) = check_claim(Claim.parse(claim), INSTABILITY, key="c")
    assert problem == "c.measure.against.at.at: missing; test_instability is measured at each step; say at which"


def test_one_place_off_the_ladder_is_a_range_along_it():
    """Where no level is named, a term lies along all of them, whatever part and place it names."""
    of = {"run": "lenet", "at": {"part": ["fc_1", "fc_2"], "at": 0}}
    claim = {**CLAIM, "judge": "mean", "measure": {"metric": "test_instability", "of": of}, "expect": {"at_most": 1}}
    (said,) = check_claim(Claim.parse(claim), INSTABILITY, key="c")
    assert said.startswith("c.measure.of.at: a range of levels; add mean, best or reach")
