"""The graph of each scale: how many jobs of each rule, against snapshots, and what Snakemake's own linter says."""

import re
import shlex
import sys

import pytest
import yaml
from workspace import ROOT

from reproof.experiments.configuration import NAME, list_names, read_configuration
from reproof.planning.plan import Plan

SCALES = list_names(ROOT / "config/scales")
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def planned(scale):
    return Plan(read_configuration(CONFIG | {"scale": scale}))


@pytest.mark.parametrize("scale", SCALES)
def test_job_counts(repository, snapshot, scale):
    snapshot(f"jobs_{scale}", repository.planned("results/figures/all", scale=scale))


def test_the_gallery_is_what_is_made_when_nothing_is_asked_for(repository):
    assert repository.planned() == repository.planned("results/figures/all") | {"all": 1}


def test_each_start_checks_the_configuration_and_the_start_of_a_job_trusts_it(workspace):
    target, paper = "results/data/mnist5k/data.safetensors", "config/papers/lottery_ticket.yaml"
    workspace.snakemake("-n", target)
    workspace.edit(paper, "    kind: random_sparsity\n", "    kind: rendom_sparsity\n")
    ran = workspace.snakemake("-n", target, code=1)
    assert "'rendom_sparsity' is unknown" in ran.line("error:")
    assert "error:" not in workspace.snakemake("-n", "--mode", "subprocess", target).text


def test_dense_networks_are_shared(repository):
    """LeNet's three ways of pruning start from the same dense networks, trained once."""
    runs = planned("paper").runs["lottery_ticket"]
    assert len({runs[key].dense for key in ("lenet", "lenet_one_shot", "lenet_continue")}) == 1
    assert len({runs[key].tickets for key in ("lenet", "lenet_one_shot", "lenet_continue")}) == 3


def read_wildcard_shapes(plan):
    """Return the pattern of each wildcard, evaluated as ``rules/common.smk`` states it."""
    _, block = (ROOT / "rules/common.smk").read_text().split("wildcard_constraints:\n")
    return eval(f"dict({block.split('onstart:')[0]})", {"NAME": NAME, "PLAN": plan})


@pytest.mark.parametrize("scale", SCALES)
def test_names_fit_the_wildcards_in_one_way(scale):
    plan = planned(scale)
    shapes = read_wildcard_shapes(plan)
    names = {run.dense for run in plan.runs["lottery_ticket"].values()}
    names |= {run.tickets for run in plan.runs["lottery_ticket"].values()}
    names |= {run.control(arm) for run in plan.runs["lottery_ticket"].values() for arm in run.controls}
    assert all(re.fullmatch(shapes["run"], name) for name in names)
    for job in plan.list_jobs():
        assert all(re.fullmatch(shapes[name], value) for name, value in job.wildcards.items()), job


def test_snakemake_finds_nothing_to_say(repository):
    ran = repository.python("-m", "snakemake", "--lint")
    assert ran.code == 0, ran.text
    assert "Congratulations" in ran.text


def test_rules_are_formatted(repository):
    ran = repository.python("-m", "snakefmt", "--check", "Snakefile", "rules")
    assert ran.code == 0, ran.text


COMMAND = re.compile(r"snakemake +(?:[^\n`#]*?)--config[^\n`#]*")


def documents():
    """Return the files that show users commands to type."""
    found = [ROOT / "Snakefile", ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [path for path in found if path.is_file()]


def test_commands_that_people_are_told_to_type_name_the_target_first():
    """`--config` takes every word that follows it, a target as well."""
    commands = [command for path in documents() for command in COMMAND.findall(path.read_text())]
    assert commands
    for command in commands:
        words = shlex.split(command.partition("--config")[2])
        values = [word for word in words[: next((i for i, w in enumerate(words) if w.startswith("-")), None)]]
        assert all("=" in value for value in values), command


def test_the_interpreter_of_these_tests_is_one_of_those_promised():
    assert (3, 11) <= sys.version_info[:2] <= (3, 13)


SPREAD = '''"""The spread of weights."""

import numpy as np

from reproof.declarations.costs import Settings, Work
from reproof.metrics import Metric
from reproof.operations.common.subject import Rows, Subject, operation


def spread_work(settings: Settings) -> Work:
    """Return no work to speak of."""
    return Work(seconds=1)


@operation(metrics=[Metric("weight_spread", words="spread of weights")], cost=spread_work)
def spread(subject: Subject) -> Rows:
    """Yield the standard deviation of the weights of each seed's network."""
    for seed, weights in zip(subject.seeds, subject.read_tickets(0), strict=True):
        value = float(np.concatenate([one.ravel() for one in weights.values()]).std())
        yield subject.make_columns(0, seed) | {"metric": "weight_spread", "value": value}
'''


def test_an_operation_is_one_module_and_one_line(workspace):
    """The rule of any operation runs it; a result in the folder of another operation is refused."""
    (workspace / "reproof/operations/spread.py").write_text(SPREAD)
    line = "        evaluations: {wide: {measure: spread}}\n"
    workspace.edit("config/scales/smoke.yaml", "        levels: 2\n", f"        levels: 2\n{line}")
    before = workspace.planned("results/figures/all")
    assert before["operation"] == 1
    target = "results/tables/smoke/lottery_ticket/measurements.parquet"
    text = workspace.snakemake("-n", target).text
    name, seeds = re.search(r"Measure spread of (\S+), seeds (\S+)", text).groups()
    wrong = f"{name}/{seeds}/levels0"
    refused = workspace.snakemake("-n", f"results/reset/{wrong}/record.json", code=1).text
    assert f"is measured by spread; ask for results/spread/{wrong}/record.json" in refused


def test_every_record_of_smoke_is_made_by_one_rule(repository):
    """A target that two rules make is an error that no run of the whole graph shows."""
    code = """
import yaml
from pathlib import Path
from reproof.experiments.configuration import read_configuration
from reproof.planning.inventory import list_expected_records
from reproof.planning.plan import Plan
plan = Plan(read_configuration(yaml.safe_load(Path("config/config.yaml").read_text()) | {"scale": "smoke"}))
print(*(one.record for one in list_expected_records(plan)))
"""
    records = repository.python("-c", code).text.split()
    assert len(records) > 90
    assert sum(repository.planned(*records).values()) == len(records)
