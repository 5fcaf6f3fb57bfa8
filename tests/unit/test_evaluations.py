"""Evaluations: how the plan enumerates what operations measure, and which mistakes in them it reports."""

import json
from copy import deepcopy

import pytest
from small_paper import PAPER, changed, plan

from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.storage.files import ReproofError

CONNECT = {
    "measure": "connect",
    "copies": 3,
    "levels": [0, 1, 3],
    "controls": {"shuffled": {"control": "shuffle_mask"}},
}


def planned(folder, **changes):
    asked = changed(PAPER, {"runs.small.evaluations.stable": deepcopy(CONNECT), **changes})
    small = plan(folder, papers={"one": asked})
    return small, small.runs["one"]["small"]


def complaint(folder, **changes):
    with pytest.raises(ReproofError) as caught:
        planned(folder, **changes)
    return str(caught.value).removeprefix(f"{folder}/")


def test_each_block_of_seeds_and_levels_is_a_job_of_the_operations_rule(tmp_path):
    small, run = planned(tmp_path)
    name = run.evaluation("stable")
    folders = [one.job.folder for one in small.list_evaluations("one")]
    assert folders == [
        f"results/connect/{name}/{seeds}/levels{levels}" for seeds in ("0-1", "2") for levels in ("0_1", "3")
    ]
    assert small.list_measurements("one") == [f"{folder}/metrics.parquet" for folder in folders]
    asked = small.make_paper_job("collect", "one").settings["measured"]
    assert asked == [["small", "ticket", folder] for folder in folders]


def test_it_reads_dense_weights_masks_and_tickets_of_its_levels(tmp_path):
    small, run = planned(tmp_path)
    name = run.evaluation("stable")
    folders = [f"results/tickets/{run.tickets}/0-1/level{level}" for level in (1, 3)]
    assert small.locate_dense(name, "0-1") == f"results/dense/{run.dense}/0-1/checkpoint.safetensors"
    assert small.locate_masks(name, "0-1", "0_1_3") == [f"{folder}/mask.safetensors" for folder in folders]
    assert small.locate_tickets(name, "0-1", "0_1_3") == [f"{folder}/checkpoint.safetensors" for folder in folders]
    assert small.locate_tickets(name, "0-1", "0") == []


def test_its_settings_are_all_that_its_numbers_depend_on(tmp_path):
    small, run = planned(tmp_path)
    asked = json.loads(small.make_run_job("connect", run.evaluation("stable"), (0, 1), (0, 1)).settings_line)
    assert asked["operation"] == "connect"
    assert asked["options"] == {"copies": 3}
    assert asked["controls"] == {"shuffled": {"control": "shuffle_mask", "options": {}}}
    assert (asked["seeds"], asked["levels"], asked["rewind"]) == ([0, 1], [0, 1], 0)
    assert run.identity.items() <= asked.items()


def test_a_name_changes_with_what_it_depends_on_and_a_stated_default_changes_none(tmp_path):
    _, run = planned(tmp_path / "a")
    before = run.evaluation("stable")
    for number, (key, value) in enumerate({"copies": 4, "points": 5, "controls": {}}.items()):
        _, other = planned(tmp_path / str(number), **{f"runs.small.evaluations.stable.{key}": value})
        assert other.evaluation("stable") != before
    for number, (key, value) in enumerate(
        {"points": 30, "splits": ["train", "test"], "levels": [2], "report_as": {"run": "small", "arm": "x"}}.items()
    ):
        _, other = planned(tmp_path / f"same{number}", **{f"runs.small.evaluations.stable.{key}": value})
        assert other.evaluation("stable") == before


def test_the_points_of_training_that_it_reads_are_kept(tmp_path):
    """The last one, which is the end, is kept anyway; a run that shares the dense network asks for its own."""
    second = changed(PAPER["runs"]["small"], {"evaluations.late": {"measure": "connect", "steps": [7]}})
    small, run = planned(tmp_path, **{"runs.small.evaluations.stable.steps": [0, 20, 100], "runs.second": second})
    assert small.make_run_job("train_dense", run.dense, (0, 1)).settings["snapshots"] == [0, 7, 20]


def test_measurements_may_stand_under_another_runs_name(tmp_path):
    rewound = changed(
        PAPER["runs"]["small"], {"pruning.rewind": 40, "evaluations.stable": CONNECT | {"report_as": {"run": "small"}}}
    )
    small, _ = planned(tmp_path, **{"runs.rewound": rewound})
    listed = [(one.run, one.job.run) for one in small.list_evaluations("one")]
    assert {run for run, _ in listed} == {"small"}
    assert len({name for _, name in listed}) == 2
    claim = {"claims.0.measure.of": {"run": "small", "arm": "shuffled", "at": {"level": 1}}}
    assert planned(tmp_path / "claim", **{"runs.rewound": rewound, **claim})


def test_tickets_may_stand_as_an_arm_of_their_own(tmp_path):
    claim = {"claims.0.measure.of": {"run": "small", "arm": "restarted", "at": {"level": 1}}}
    small, _ = planned(tmp_path, **{"runs.small.evaluations.stable.report_as": {"arm": "restarted"}}, **claim)
    assert {arm for _, arm, _ in small.make_paper_job("collect", "one").settings["measured"]} == {"restarted"}


def test_its_code_counts_the_network_and_the_controls_that_it_picks(tmp_path):
    small, run = planned(tmp_path / "a")
    other, its = planned(tmp_path / "b", **{"runs.small.evaluations.stable.controls": {}})
    assert small.find_code("connect", run.evaluation("stable")) != other.find_code("connect", its.evaluation("stable"))


def test_the_inventory_and_the_page_know_it(tmp_path):
    small, _ = planned(tmp_path)
    known = {one.record: one for one in list_expected_records(small)}
    for one in small.list_evaluations("one"):
        assert json.loads(known[f"{one.job.folder}/record.json"].settings)["operation"] == "connect"
        counted = make_gallery_job(small).settings["benchmarks"]["connect"]
        assert f"{one.job.folder.replace('results', 'benchmarks')}.tsv" in counted


def test_a_run_may_be_measured_without_being_pruned(tmp_path):
    bare = {key: value for key, value in PAPER["runs"]["small"].items() if key not in ("pruning", "levels", "controls")}
    bare["evaluations"] = {"stable": {"measure": "connect"}}
    small = plan(tmp_path, papers={"one": PAPER | {"runs": {"small": bare}, "claims": []}})
    assert [one.job.kind for one in small.list_trainings("one")] == ["train_dense", "train_dense"]
    assert [one.job.levels for one in small.list_evaluations("one")] == [(0,), (0,)]
    assert small.list_movements("one") == []


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("measure", "konnect", "measure: 'konnect' is unknown; did you mean 'connect'?"),
        ("copiess", 3, "copiess: 'copiess' is unknown; did you mean 'copies'?"),
        ("copies", "three", "copies: 'three' is not a number"),
        ("levels", [0, 4], "levels: 4 is beyond the ladder; the run has levels 0 to 3"),
        ("steps", [0, 101], "steps: 101 is after the end; training.steps is 100"),
        ("report_as", {"run": "smalll"}, "report_as.run: 'smalll' is unknown; did you mean 'small'?"),
        ("as_run", "small", "as_run: is now written report_as: {run: ...}"),
        ("measure", "excite", "measure: 'excite' is now called 'unit_selectivity'; write measure: unit_selectivity"),
        ("controls", {"shuffled": {}}, "controls.shuffled: 'shuffled' is unknown; did you mean 'shuffle_mask'?"),
        ("controls", {"noise": {}}, "controls.noise.scale: is missing; noise needs it"),
        ("steps", [-1], "steps.0: -1 is less than the minimum of 0"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, key, value, says):
    expected = f"papers/one.yaml: runs.small.evaluations.stable.{says}"
    assert complaint(tmp_path, **{f"runs.small.evaluations.stable.{key}": value}) == expected
