"""The plan: what each wildcard means, what runs share, and what the page lists."""

import json
from dataclasses import replace

import pytest
from small_paper import PAPER, RUN, SCALE, changed, plan

from reproof.experiments.configuration import read_configuration
from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.planning.layout import name_levels, name_seeds, read_block
from reproof.planning.plan import Plan
from reproof.storage.files import ReproofError

ONE_SHOT = {"one_shot": [{"fc": 0.2}, {"fc": 0.5}, {"fc": 0.9}]}


@pytest.fixture
def small(tmp_path):
    return plan(tmp_path)


@pytest.fixture
def run(small):
    return small.runs["one"]["small"]


def planned(tmp_path, **changes):
    """Return (plan, run) with the run changed."""
    changed_plan = plan(tmp_path, papers={"one": changed(PAPER, {f"runs.small.{k}": v for k, v in changes.items()})})
    return changed_plan, changed_plan.runs["one"]["small"]


def two_papers(tmp_path, **changes):
    """Two papers that share a run, but for these settings of the second's."""
    second = changed(PAPER, {f"runs.small.{key}": value for key, value in changes.items()})
    return plan(tmp_path, papers={"one": PAPER, "two": second})


def test_block_names_and_their_numbers():
    assert (name_seeds((0, 1, 2)), name_seeds((4,)), name_seeds(())) == ("0-2", "4", "")
    assert (name_levels((1, 2, 4)), name_levels((5,)), name_levels(())) == ("1_2_4", "5", "")
    names = ("0-2", "4", "1_2_4", "")
    assert tuple(map(read_block, names)) == ((0, 1, 2), (4,), (1, 2, 4), ())


def test_seeds_and_levels_are_cut_into_blocks(small, run):
    assert small.split_seeds(replace(run, seeds=5)) == [(0, 1), (2, 3), (4,)]
    assert small.split_seeds(replace(run, seeds=3, seeds_a_job=1)) == [(0,), (1,), (2,)]
    assert small.split_levels((1, 2, 4, 8, 9)) == [(1, 2), (4, 8), (9,)]


def test_blocks_change_no_name(tmp_path, run):
    alone = plan(tmp_path / "alone", papers={"one": changed(PAPER, {"runs.small.seeds_a_job": 1})}).runs["one"]["small"]
    assert (alone.tickets, alone.dense) == (run.tickets, run.dense)
    plans = [plan(tmp_path / str(size), scale=changed(SCALE, {"blocks.seeds": size})) for size in (1, 3)]
    assert plans[0].runs["one"]["small"].tickets == plans[1].runs["one"]["small"].tickets


def test_a_level_is_pruned_by_the_weights_trained_before_it(small, run):
    level_2 = f"results/tickets/{run.tickets}/0-1/level2"
    assert small.locate_weights_before(run.tickets, "0-1", 1) == f"results/dense/{run.dense}/0-1/checkpoint.safetensors"
    assert small.locate_weights_before(run.tickets, "0-1", 3) == f"{level_2}/checkpoint.safetensors"
    assert small.locate_previous_mask(run.tickets, "0-1", 1) == []
    assert small.locate_previous_mask(run.tickets, "0-1", 3) == [f"{level_2}/mask.safetensors"]
    assert small.locate_weights_to_continue(run.tickets, "0-1", 3) == []


def test_one_shot_levels_are_all_pruned_from_the_dense_network(tmp_path):
    small, run = planned(tmp_path, pruning=ONE_SHOT)
    for level in (1, 2, 3):
        assert small.locate_weights_before(run.tickets, "2", level) == small.locate_dense(run.tickets, "2")
        assert small.locate_previous_mask(run.tickets, "2", level) == []
    assert small.make_run_job("prune", run.tickets, (2,), (2,)).settings["share"] == {"fc": 0.5}


def test_resetting_at_the_end_goes_on_from_the_weights_trained_before(tmp_path):
    small, run = planned(tmp_path, **{"pruning.reset": "at_end"})
    assert small.locate_weights_to_continue(run.tickets, "2", 1) == [small.locate_dense(run.tickets, "2")]
    level_1 = f"results/tickets/{run.tickets}/2/level1"
    assert small.locate_weights_to_continue(run.tickets, "2", 2) == [f"{level_1}/checkpoint.safetensors"]
    asked = [small.make_run_job("prune", run.tickets, (2,), (level,)).settings["continued"] for level in (1, 2)]
    assert asked == [False, True], "the dense network has no continued weights"


def test_a_control_reads_the_masks_of_its_own_levels(small, run):
    noise = run.control("noise_2")
    folder = f"results/tickets/{run.tickets}/0-1"
    assert small.locate_masks(noise, "0-1", "1_3") == [f"{folder}/level{level}/mask.safetensors" for level in (1, 3)]
    assert small.locate_dense(noise, "2") == f"results/dense/{run.dense}/2/checkpoint.safetensors"
    asked = small.make_run_job("train_control", noise, (0, 1), (1, 3)).settings
    assert (asked["control"], asked["options"], asked["levels"]) == ("noise", {"scale": 2.0}, [1, 3])


def test_a_dense_training_keeps_what_all_its_tickets_rewind_to(tmp_path):
    other = changed(RUN, {"pruning.rewind": 40})
    small = plan(tmp_path, papers={"one": changed(PAPER, {"runs.rewound": other})})
    asked = small.make_run_job("train_dense", small.runs["one"]["small"].dense, (0, 1)).settings
    assert asked["snapshots"] == [0, 40]
    assert asked["seeds"] == [0, 1]


def test_settings_are_one_canonical_line(small, run):
    jobs = (
        small.make_run_job("train_dense", run.dense, (2,)),
        small.make_paper_job("judge_claims", "one"),
        make_gallery_job(small),
    )
    for text in (job.settings_line for job in jobs):
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_job_says_where_its_files_lie(small, run):
    job, folder = small.make_run_job("prune", run.tickets, (0, 1), (2,)), f"tickets/{run.tickets}/0-1"
    assert job.folder == f"results/{folder}/level2"
    assert job.outputs == (f"{job.folder}/mask.safetensors", f"{job.folder}/mask.json")
    assert (job.output("mask.safetensors"), job.record) == job.outputs
    assert (job.log, job.benchmark) == (f"logs/{folder}/level2/prune.log", f"benchmarks/{folder}/prune2.tsv")
    assert job.script == "workflow/scripts/prune.py"
    with pytest.raises(ValueError):
        job.output("curves.parquet")


def test_rules_get_the_job_that_their_wildcards_stand_for(small, run):
    noise = run.control("noise_2")
    asked = small.find_job("train_control", {"run": noise, "seeds": "0-1", "levels": "1_3"})
    assert asked is small.make_run_job("train_control", noise, (0, 1), (1, 3))
    assert asked.wildcards == {"run": noise, "seeds": "0-1", "levels": "1_3"}
    assert small.format_settings("train_control", asked.wildcards) == asked.settings_line


def test_everything_trained_is_listed_once_with_its_arm(small, run):
    trained = [(one.arm, one.job.seeds, one.job.levels) for one in small.list_trainings("one")]
    assert trained[:7] == [
        ("ticket", (0, 1), ()),
        ("ticket", (0, 1), (1,)),
        ("ticket", (0, 1), (2,)),
        ("ticket", (0, 1), (3,)),
        ("reinitialise", (0, 1), (1, 2)),
        ("reinitialise", (0, 1), (3,)),
        ("noise_2", (0, 1), (1, 3)),
    ]
    assert len(trained) == len({one.job.folder for one in small.list_trainings("one")}) == 14


def test_a_name_of_other_settings_is_refused(small):
    with pytest.raises(ReproofError, match=r"results/\*/lenet-0123abcd: no run of scale tiny has this name"):
        small.locate_data("lenet-0123abcd")


def test_a_run_of_two_papers_reaches_as_far_as_either_wants(tmp_path):
    for folder, levels in (("more", 5), ("less", 2)):
        both = two_papers(tmp_path / folder, levels=levels, controls={})
        name = both.runs["one"]["small"].tickets
        assert name == both.runs["two"]["small"].tickets
        assert len(both.locate_masks(name, "0-1", "all")) == max(3, levels)
        for paper in ("one", "two"):
            masks = both.make_paper_job("collect", paper).settings["masks"]["small"]
            assert len(masks[0][1]) == max(3, levels)


def test_a_control_of_two_papers_has_as_many_draws_as_either_wants(tmp_path):
    for folder, draws in (("more", 5), ("less", 1)):
        both = two_papers(tmp_path / folder, **{"controls.reinitialise.draws": draws})
        name = both.runs["one"]["small"].control("reinitialise")
        assert name == both.runs["two"]["small"].control("reinitialise")
        assert both.make_run_job("train_control", name, (0, 1), (1, 2)).settings["draws"] == max(2, draws)


def test_the_page_counts_the_cost_of_every_paper(tmp_path):
    both = two_papers(tmp_path, **{"training.lr": 0.02})
    files = make_gallery_job(both).settings["benchmarks"]
    for rule in ("train_dense", "prune", "retrain", "train_control", "measure_movement"):
        names = {one.control("reinitialise") if rule == "train_control" else one.tickets for one in _runs(both)}
        names = {one.dense for one in _runs(both)} if rule == "train_dense" else names
        assert names <= {path.split("/")[2] for path in files[rule]}, rule
    for rule in ("collect", "judge_claims", "draw_figure"):
        assert {tuple(path.split("/")[2:4]) for path in files[rule]} == {("tiny", "one"), ("tiny", "two")}, rule
    assert files["fetch_dataset"] == ["benchmarks/data/mnist5k.tsv"]


def test_the_inventory_has_the_record_of_everything_that_is_trained(small):
    known = {one.record: one for one in list_expected_records(small)}
    assert {one.job.record for one in small.list_trainings("one")} <= set(known)
    for one in known.values():
        assert one.settings == json.dumps(json.loads(one.settings), sort_keys=True, separators=(",", ":"))
        assert len(one.code) == 16


def _runs(both):
    return [runs["small"] for runs in both.runs.values()]


def test_figures_follow_the_departures_of_the_scale(tmp_path):
    scale = changed(SCALE, {"papers.one.runs.small.training.steps": 50})
    here = plan(tmp_path, scale=scale)
    assert here.papers["one"].departures == ({"key": "runs.small.training.steps", "paper": 100, "here": 50},)
    assert here.make_figure_job("one", "figure_1").settings["departures"] == 1


def test_what_a_job_picks_by_name_is_part_of_its_code(tmp_path):
    small, run = planned(tmp_path)
    wider, other = planned(tmp_path / "other", **{"network.name": "conv_2", "pruning.by": "large_init"})
    assert small.find_code("train_dense", run.dense) != wider.find_code("train_dense", other.dense)
    assert small.find_code("prune", run.tickets) != wider.find_code("prune", other.tickets)
    assert small.find_code("collect") == wider.find_code("collect")
    noise, fresh = run.control("noise_2"), run.control("reinitialise")
    assert small.find_code("train_control", noise) != small.find_code("train_control", fresh)


def test_published_values_stand_only_beside_the_published_network():
    demo = Plan(read_configuration({"scale": "demo", "papers": ["lottery_ticket"], "data": {}}))
    runs = {one["run"] for one in demo.make_figure_job("lottery_ticket", "figure_8").settings["references"]}
    assert "lenet" in runs
    assert not {"conv_2", "resnet_18_low", "conv_6"} & runs, "stand-ins are no Conv-2 and no Resnet-18"
