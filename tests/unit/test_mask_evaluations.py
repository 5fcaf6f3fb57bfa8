"""The plan of operations on masks: pixels in [0, 1], inputs of frozen tickets, and what options name."""

from copy import deepcopy

import pytest
from small_paper import PAPER, changed, plan

from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.planning.resources import Requested
from reproof.storage.files import ReproofError

FREEZE = {"measure": "freeze_pruned", "actions": ["frozen"], "levels": [1, 3]}
UNTRAINED = {"measure": "untrained", "criteria": ["large_final", "random"], "share": {"fc": 0.2, "output": 0.1}}


def planned(folder, **changes):
    asked = changed(PAPER, {f"runs.small.{key}": deepcopy(value) for key, value in changes.items()})
    small = plan(folder, papers={"one": asked})
    return small, small.runs["one"]["small"]


def test_pixels_in_0_to_1_are_a_data_set_made_of_the_fetched_one(tmp_path):
    small, run = planned(tmp_path / "a", **{"dataset.pixels": "unit"})
    plain, other = planned(tmp_path / "b", **{"dataset.pixels": "standardised"})
    name = other.dataset.name
    assert small.locate_data(run.dense) == f"results/data/{name}_unit/data.safetensors"
    assert run.dense != other.dense and other.dense == planned(tmp_path / "c")[1].dense
    known = {one.record: one for one in list_expected_records(small)}
    assert {f"results/data/{name}/record.json", f"results/data/{name}_unit/record.json"} <= set(known)
    assert known[f"results/data/{name}_unit/record.json"].code == small.find_code("scale_pixels")
    assert "scale_pixels" in make_gallery_job(small).settings["benchmarks"]
    assert f"results/data/{name}_unit/record.json" not in {one.record for one in list_expected_records(plain)}


def test_an_unknown_data_set_is_told_without_what_is_put_behind_its_name(tmp_path):
    with pytest.raises(ReproofError, match="name: 'mnis' is unknown; did you mean 'mnist'"):
        planned(tmp_path, dataset={"name": "mnis", "pixels": "unit", "validation": 5})


def levels(files):
    return [file.split("/")[-2] for file in files]


def test_frozen_tickets_read_all_masks_and_tickets_before_theirs(tmp_path):
    small, run = planned(tmp_path, **{"evaluations.held": FREEZE})
    name = run.evaluation("held")
    assert levels(small.locate_masks_to(name, "0-1", "1_3")) == ["level1", "level2", "level3"]
    assert levels(small.locate_deciding(name, "0-1", "1_3")) == ["level1", "level2"]
    assert small.locate_deciding(name, "0-1", "1") == []


def test_masks_made_in_one_go_are_decided_by_the_dense_network_alone(tmp_path):
    shares = [{"fc": 0.2, "output": 0.1}, {"fc": 0.4, "output": 0.2}, {"fc": 0.6, "output": 0.3}]
    small, run = planned(
        tmp_path, pruning={"by": "large_final", "scope": "layer", "one_shot": shares}, evaluations={"held": FREEZE}
    )
    assert small.locate_deciding(run.evaluation("held"), "0-1", "1_3") == []


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("untrained.criteria", ["large_fnal"], "criteria: 'large_fnal' is unknown; did you mean 'large_final'?"),
        ("held.actions", ["frosen"], "actions: 'frosen' is unknown; did you mean 'frozen'?"),
        ("untrained.rounds", "many", "rounds: 'many' is not a number"),
    ],
)
def test_what_options_name_must_be_there(tmp_path, key, value, says):
    evaluations = {"untrained": deepcopy(UNTRAINED), "held": deepcopy(FREEZE)}
    which, option = key.split(".")
    evaluations[which][option] = value
    with pytest.raises(ReproofError) as caught:
        planned(tmp_path, evaluations=evaluations)
    assert f"runs.small.evaluations.{which}.{says}" in str(caught.value)


def test_code_counts_the_criteria_and_actions_that_are_named(tmp_path):
    codes = []
    for number, (criteria, actions) in enumerate((("random", "frozen"), ("movement", "frozen_or_zero"))):
        evaluations = {"untrained": UNTRAINED | {"criteria": [criteria]}, "held": FREEZE | {"actions": [actions]}}
        small, run = planned(tmp_path / str(number), evaluations=evaluations)
        codes.append(
            {
                small.find_code(name, run.evaluation(which))
                for name, which in (("untrained", "untrained"), ("freeze_pruned", "held"))
            }
        )
    assert not codes[0] & codes[1]


def test_time_grows_with_what_is_asked(tmp_path):
    few, many = (
        planned(tmp_path / name, evaluations=evaluations)
        for name, evaluations in {
            "few": {"a": UNTRAINED | {"rounds": 1}, "b": FREEZE, "c": {"measure": "supermask", "budget": 10**5}},
            "many": {
                "a": UNTRAINED | {"rounds": 49}, "b": FREEZE | {"actions": ["frozen", "zero"]},
                "c": {"measure": "supermask", "budget": 2 * 10**5},
            },
        }.items()
    )  # fmt: skip
    for rule, name, factor in (("untrained", "a", 25), ("freeze_pruned", "b", 2), ("supermask", "c", 2)):
        seconds = [
            Requested(small)
            .estimate_duration(rule, {"run": run.evaluation(name), "seeds": "0-1", "levels": "1"})
            .seconds
            - 10
            for small, run in (few, many)
        ]
        assert seconds[1] == pytest.approx(factor * seconds[0])
