"""The configuration as it is: every paper at every scale merges, validates and can be planned."""

import pytest
import yaml
from workspace import ROOT

from reproof.experiments.configuration import list_names, merge, read_configuration
from reproof.planning.inventory import make_gallery_job
from reproof.planning.job_settings import make_judge_settings
from reproof.planning.plan import Plan

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PAPERS = list_names(ROOT / "config/papers")
SCALES = list_names(ROOT / "config/scales")
FILES = {scale: yaml.safe_load((ROOT / f"config/scales/{scale}.yaml").read_text()) for scale in SCALES}
RUN = {scale: PAPERS if scale == "paper" else sorted(FILES[scale]["papers"]) for scale in SCALES}
PAIRS = [(paper, scale) for scale, papers in RUN.items() for paper in papers]


def configured(scale, papers=tuple(PAPERS)):
    return read_configuration(CONFIG | {"scale": scale, "papers": list(papers)})


@pytest.mark.parametrize(("paper", "scale"), PAIRS)
def test_every_paper_can_be_planned_at_every_scale(paper, scale):
    plan = Plan(configured(scale, [paper]))
    assert plan.list_figures(paper)
    assert plan.papers[paper].settings["claims"]
    assert list(plan.list_trainings(paper))


def test_a_figure_of_which_a_scale_runs_nothing_is_not_drawn_and_not_on_its_page():
    plan = Plan(configured("mnist", ["lottery_ticket"]))
    every = plan.papers["lottery_ticket"].settings["figures"]
    left_out = {"figure_5", "figure_6", "figure_7", "figure_8"}  # Conv-2 to -6, VGG-19 and Resnet-18
    left_out |= {"one_shot", "strategies", "pixels"}  # what LeNet is compared with
    assert set(every) - set(plan.list_figures("lottery_ticket")) == left_out
    assert [each for each in left_out if f"/{each}" in make_gallery_job(plan).settings_line] == []
    assert plan.list_figures("lottery_ticket") == [name for name in every if name not in left_out], (
        "in the page's order"
    )


@pytest.mark.parametrize("scale", SCALES)
def test_all_papers_can_be_planned_together(scale):
    plan = Plan(configured(scale))
    assert list(plan.papers) == RUN[scale]
    assert set(plan.configuration.left_out) == set(PAPERS) - set(RUN[scale])


def test_the_scales_of_the_design_are_there():
    assert set(SCALES) == {"smoke", "demo", "mnist", "cifar", "paper"}
    assert CONFIG["scale"] == "demo"


@pytest.mark.parametrize("paper", PAPERS)
def test_the_paper_scale_departs_in_nothing(paper):
    (only,) = configured("paper", [paper]).papers
    assert only.departures == ()
    assert only.settings == only.published.settings


@pytest.mark.parametrize(("paper", "scale"), [pair for pair in PAIRS if pair[1] != "paper"])
def test_departures_are_the_patch(paper, scale):
    (only,) = configured(scale, [paper]).papers
    for departure in only.departures:
        assert departure["key"].startswith("runs.")
        assert departure["paper"] != departure["here"]
    assert {d["key"].split(".")[1] for d in only.departures} <= set(only.published_runs)


def test_the_original_and_the_jpeg_copy_of_cifar10_are_planned_apart():
    original = Plan(configured("paper"))
    copy = Plan(read_configuration(CONFIG | {"scale": "paper", "data": {"mirror": None, "cifar10_copy": "jpeg"}}))
    assert {"results/data/cifar10_jpeg/record.json"} <= set(copy.list_figure_data("lottery_ticket"))
    assert "results/data/cifar10_jpeg/record.json" not in original.list_figure_data("lottery_ticket")


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}}, {"a": 1, "b": {"c": 4, "d": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1, "b": 2, "c": 3}, {"b": 5, "*": None}, {"b": 5}),
        ({"a": {"b": 1}}, {"a": {"*": None}}, {"a": {}}),
        ({}, {"a": {"b": None, "*": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_merging(base, patch, merged):
    assert merge(base, patch) == merged


@pytest.mark.parametrize(("paper", "scale"), PAIRS)
def test_judges_are_given_the_classes_of_runs_that_have_other_than_ten(paper, scale):
    (only,) = configured(scale, [paper]).papers
    folders = {key for key, run in only.settings["runs"].items() if run["dataset"]["name"] == "imagefolder"}
    found = make_judge_settings(only, scale=scale)
    # How many classes a folder of images has, nobody knows beforehand.
    assert found.get("classes", {}) == dict.fromkeys(folders, 0)
    assert ("classes" in found) == bool(folders), "the settings of published verdicts stay"
