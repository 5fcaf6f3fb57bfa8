"""Everything at smoke scale from nothing: the page, the defining relations of lottery tickets, equal bytes."""

import json
import re
import zipfile
from html import unescape
from itertools import pairwise

import numpy as np
import pytest
import yaml
from small_paper import changed

from reproof.experiments.configuration import read_configuration
from reproof.metrics import read_metrics_of
from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.planning.plan import Plan
from reproof.provenance.records import sha256
from reproof.pruning.masks import compute_kept_share, read_masks
from reproof.registry import list_registered
from reproof.storage.checkpoints import read_checkpoint
from reproof.storage.files import read_json, read_parquet

PAPER = "lottery_ticket"
BYTES = ("*.parquet", "*.safetensors", "*.svg", "*.png", "*.pdf")


@pytest.fixture(scope="module")
def plan(smoke):
    config = yaml.safe_load((smoke / "config/config.yaml").read_text()) | {"scale": "smoke"}
    return Plan(read_configuration(config, folder=smoke / "config"))


@pytest.fixture(scope="module")
def lenet(plan):
    return plan.runs[PAPER]["lenet"]


@pytest.fixture(scope="module")
def levels(smoke, plan, lenet):
    """The masks of both seeds, level by level, from the dense network's on."""
    files = plan.locate_masks(lenet.tickets, "0-1", "all")
    pruned = [read_masks(smoke / file) for file in files]
    return [[{name: np.ones_like(mask) for name, mask in member.items()} for member in pruned[0]], *pruned]


@pytest.fixture(scope="module")
def trained(smoke, plan, lenet):
    """The final weights of both seeds, level by level, from the dense network's on."""
    tickets = (f"results/tickets/{lenet.tickets}/0-1/level{level}/checkpoint.safetensors" for level in (1, 2))
    return [read_checkpoint(smoke / file, "final")[0] for file in (plan.locate_dense(lenet.dense, "0-1"), *tickets)]


@pytest.fixture(scope="module")
def page(smoke):
    return (smoke / "results/figures/all/index.html").read_text(encoding="utf-8")


def test_the_page_names_every_claim(page, plan):
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
    claims = plan.papers[PAPER].settings["claims"]
    assert len(claims) >= 21
    for claim in claims:
        assert re.search(rf"\b{re.escape(claim['id'])}\b", text), claim["id"]


def test_the_page_shows_every_figure_and_each_link_leads_somewhere(smoke, page, plan):
    folder = smoke / "results/figures/all"
    links = re.findall(r'(?:href|src)="([^"#:]+)"', page)
    assert len(links) > len(plan.list_figures(PAPER))
    assert [link for link in links if not (folder / link).is_file()] == []
    for figure in plan.list_figures(PAPER):
        assert f"figures/{PAPER}/{figure}.svg" in links


def test_a_verdict_for_every_claim(smoke, plan):
    verdicts = read_parquet(smoke / f"results/tables/smoke/{PAPER}/verdicts.parquet")
    assert verdicts["claim"].tolist() == [claim["id"] for claim in plan.papers[PAPER].settings["claims"]]
    assert set(verdicts["verdict"]) == {"not judged at this scale"}
    assert (verdicts["direction"] != "not measured").any(), "what can be measured is measured all the same"


def test_masks_are_nested(levels):
    for before, after in pairwise(levels):
        for one, other in zip(before, after, strict=True):
            assert all((other[name] <= one[name]).all() for name in other)


def test_exactly_the_share_of_each_layer_goes(levels, lenet):
    """No weight more, ties or not: round(share x remaining)."""
    for before, after in pairwise(levels):
        for one, other in zip(before, after, strict=True):
            for name in other:
                share = lenet.pruning.share["output" if name.startswith("output") else "fc"]
                remaining = int(one[name].sum())
                assert int(other[name].sum()) == remaining - round(share * remaining), name


def test_what_is_pruned_is_what_training_left_smallest(levels, trained):
    for (before, after), weights in zip(pairwise(levels), trained, strict=False):
        for one, other, weight in zip(before, after, weights, strict=True):
            for name in other:
                gone = one[name] & ~other[name]
                assert np.abs(weight[name][gone]).max() <= np.abs(weight[name][other[name]]).min()


def test_pruned_weights_are_zero_in_the_trained_ticket(levels, trained):
    for masks, weights in zip(levels, trained, strict=True):
        for mask, weight in zip(masks, weights, strict=True):
            for name in mask:
                assert (weight[name][~mask[name]] == 0).all()
                assert (weight[name][mask[name]] != 0).mean() > 0.999


def test_tickets_start_where_their_own_dense_network_started(smoke, plan, lenet, levels, trained):
    """60 steps move a weight by less than it was drawn: a ticket still looks like its own start, not like another's."""
    (starts,) = read_checkpoint(smoke / plan.locate_dense(lenet.dense, "0-1"), "step0")
    for masks, weights in zip(levels, trained, strict=True):
        for seed, (mask, weight) in enumerate(zip(masks, weights, strict=True)):
            inside = mask["fc_1.weight"]
            ends = weight["fc_1.weight"][inside]
            own, other = (np.corrcoef(ends, starts[one]["fc_1.weight"][inside])[0, 1] for one in (seed, 1 - seed))
            assert own > 0.8
            assert abs(other) < 0.05


def test_kept_in_the_tables_is_what_the_masks_keep(smoke, levels):
    measured = read_parquet(smoke / f"results/tables/smoke/{PAPER}/measurements.parquet")
    for level, masks in enumerate(levels):
        for seed, mask in enumerate(masks):
            rows = measured[(measured["level"] == level) & (measured["seed"] == seed)]
            assert rows["kept"].unique().tolist() == [compute_kept_share(mask)]
    assert compute_kept_share(levels[1][0]) == pytest.approx(1 - (0.2 * 265_200 + 0.1 * 1000) / 266_200)


def test_every_network_is_measured_in_full(smoke, plan):
    measured = read_parquet(smoke / f"results/tables/smoke/{PAPER}/measurements.parquet")
    networks = measured.groupby(["arm", "level", "seed", "draw"])["metric"].agg(set)
    assert set(networks.index) == {("ticket", level, seed, 0) for level in (0, 1, 2) for seed in (0, 1)} | {
        (arm, level, seed, 0)
        for arm, control in plan.runs[PAPER]["lenet"].controls.items()
        for level in control.levels
        for seed in (0, 1)
    }
    assert all(len(metrics) >= 13 for metrics in networks)
    computed = [
        read_metrics_of(name, decorator="measurement", place=place)
        for place in ("operations", "pipeline")
        for name in list_registered(place, "measurement")
    ]
    assert set(measured["metric"]) == {metric for each in computed for metric in each}
    assert measured["value"].notna().all()


def test_every_record_is_the_plans_and_tells_what_went_in(smoke, plan):
    expected = {one.record: one for one in list_expected_records(plan)}
    found = {str(path) for pattern in ("*record.json", "mask.json", "verdicts.json") for path in smoke.find(pattern)}
    assert found == set(expected)
    for name, one in expected.items():
        record = read_json(smoke / name)
        assert record["settings"] == json.loads(one.settings), name
        assert record["code"] == one.code, name
        assert record["inputs"] == {path: sha256(smoke / path) for path in record["inputs"]}, name


def test_every_cost_on_the_page_was_measured(smoke, plan):
    listed = {path for paths in make_gallery_job(plan).settings["benchmarks"].values() for path in paths}
    made = {str(path.relative_to(smoke.folder)) for path in (smoke / "benchmarks").rglob("*.tsv")}
    assert listed == made - {"benchmarks/figures/all.tsv"}


def test_no_state_is_left_behind(smoke):
    names = {path.name for path in smoke.find("*")}
    assert not [name for name in names if "state" in name or name.endswith(".tmp")]


def test_the_scheduler_rests_while_jobs_run(finished, plan):
    figures = [f"results/figures/smoke/{PAPER}/{figure}.svg" for figure in list(plan.list_figures(PAPER))[:4]]
    ran = finished.snakemake("--cores", "1", "--verbose", "--force", *figures)
    looks = ran.text.count("Ready jobs: ")
    assert 4 <= looks <= 8, (
        "with its rate limit, Snakemake looks anew every second, once more for each job that has ended"
    )


def test_a_second_run_starts_nothing(smoke):
    assert smoke.planned() == {}


def test_the_same_run_twice_from_nothing_gives_the_same_bytes(smoke, workspace):
    workspace.snakemake("results/figures/all")
    files = [path for pattern in BYTES for path in smoke.find(pattern)]
    assert len(files) > 57
    assert files == [path for pattern in BYTES for path in workspace.find(pattern)]
    assert [path for path in files if sha256(smoke / path) != sha256(workspace / path)] == []


def test_the_report_carries_the_figures_with_their_labels(finished, plan):
    finished.snakemake("--report", "report.zip")
    with zipfile.ZipFile(finished / "report.zip") as report:
        names = report.namelist()
        text = "".join(report.read(name).decode(errors="replace") for name in names if name.endswith((".html", ".js")))
    assert len([name for name in names if name.endswith(".svg")]) >= len(plan.list_figures(PAPER))
    for figure in plan.list_figures(PAPER):
        assert figure in text, figure
    assert PAPER in text


BRANCHES = {
    "about": "Every way to prune, rewind and reset, as small as can be.",
    "blocks": {"seeds": 1, "levels": 1},
    "papers": {PAPER: {"runs": {}}},
}
DIGITS = {"name": "mnist5k", "validation": 500}
SHORT = {"steps": 20, "validate_every": 10, "test_every": 10}
SMALL = {"dataset": DIGITS, "training": SHORT, "seeds": 1, "levels": 2, "controls": {"*": None}}
RUNS = {
    "lenet": SMALL | {"levels": 1, "controls": {"*": None, "reshuffle_initial": {"levels": [1]}}},
    "lenet_one_shot": SMALL,
    "lenet_continue": SMALL,
    "conv_2_dropout": SMALL | {"network": {"width": 0.1}, "levels": 1},
    "resnet_18_warmup": SMALL
    | {"network": {"name": "resnet_8", "width": 0.25}, "pruning": {"rewind": 5}, "levels": 1}
    | {"training": SHORT | {"decay_at": [15], "warmup": 10, "batch": 20}},
    "*": None,
}


def test_every_way_to_prune_rewind_and_reset_runs(workspace):
    scale = changed(BRANCHES, {f"papers.{PAPER}.runs": RUNS})
    (workspace / "config/scales/branches.yaml").write_text(yaml.safe_dump(scale, sort_keys=False))
    workspace.snakemake(f"results/tables/branches/{PAPER}/verdicts.parquet", scale="branches")
    measured = read_parquet(workspace / f"results/tables/branches/{PAPER}/measurements.parquet")
    assert measured.groupby("run")["level"].max().to_dict() == {
        "lenet": 1,
        "lenet_one_shot": 2,
        "lenet_continue": 2,
        "conv_2_dropout": 1,
        "resnet_18_warmup": 1,
    }
    config = yaml.safe_load((workspace / "config/config.yaml").read_text()) | {"scale": "branches"}
    runs = Plan(read_configuration(config, folder=workspace / "config")).runs[PAPER]
    _the_second_strategy_prunes_by_what_went_on(workspace, runs["lenet_continue"])
    _a_global_ranking_keeps_the_count(workspace, runs["resnet_18_warmup"])


def _the_second_strategy_prunes_by_what_went_on(workspace, run):
    folder = workspace / f"results/tickets/{run.tickets}/0"
    (first,), (second,) = (read_masks(folder / f"level{level}/mask.safetensors") for level in (1, 2))
    ((weights,),) = read_checkpoint(folder / "level1/checkpoint.safetensors", "continued")
    for name in second:
        gone = first[name] & ~second[name]
        assert np.abs(weights[name][gone]).max() <= np.abs(weights[name][second[name]]).min()


def _a_global_ranking_keeps_the_count(workspace, run):
    (masks,) = read_masks(workspace / f"results/tickets/{run.tickets}/0/level1/mask.safetensors")
    ((start,),) = read_checkpoint(workspace / f"results/dense/{run.dense}/0/checkpoint.safetensors", "step5")
    assert set(masks) <= set(start), "the rewind point is kept"
    shares = [mask.mean() for name, mask in masks.items() if mask.mean() < 1]
    assert max(shares) - min(shares) > 0.01, "layers lose what they lose"
