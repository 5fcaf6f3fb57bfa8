"""Jobs of the plan are those of Snakemake: the same paths, settings and code as the rules give to their scripts."""

import json

import pytest
import yaml
from workspace import ROOT

from reproof.experiments.configuration import read_configuration
from reproof.planning.inventory import list_planned_jobs
from reproof.planning.plan import Plan

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PROBE = """
import json, sys
from pathlib import Path
from snakemake.jobs import Job
from workflow.forecast import dry_run

jobs, log_info = [], Job.log_info

def keep(job, *arguments, **options):
    jobs.append({
        "kind": job.rule.name, "wildcards": dict(job.wildcards_dict), "outputs": [*map(str, job.output)],
        "record": str(job.output.record), "log": str(job.log), "benchmark": str(job.benchmark),
        "settings": job.params.settings, "code": job.params.code,
    })
    return log_info(job, *arguments, **options)

Job.log_info = keep  # what Snakemake logs of a job leaves out its params
logged = dry_run(sys.argv[1])
assert len(logged) == len(jobs)
Path(sys.argv[2]).write_text(json.dumps(jobs))
"""


def describe(plan, job):
    """Return what a planned job says of itself, as the probe does of Snakemake's."""
    expected = plan.make_expected_record(job)
    assert (expected.record, expected.settings) == (job.record, job.settings_line)
    return {
        "kind": job.kind, "wildcards": job.wildcards, "outputs": list(job.outputs), "record": expected.record,
        "log": job.log, "benchmark": job.benchmark, "settings": expected.settings, "code": expected.code,
    }  # fmt: skip


@pytest.mark.parametrize("scale", ["smoke", "demo"])
def test_every_planned_job_has_the_paths_settings_and_code_of_its_rule(repository, tmp_path, scale):
    file = tmp_path / "jobs.json"
    repository.python("-c", PROBE, scale, str(file)).check()
    in_graph = {job["record"]: job for job in json.loads(file.read_text())}
    plan = Plan(read_configuration(CONFIG | {"scale": scale}))
    planned = {job.record: describe(plan, job) for job in list_planned_jobs(plan)}
    assert len(planned) == len(list_planned_jobs(plan)), "no two jobs write one record"
    assert set(planned) == set(in_graph)
    for record, job in planned.items():
        assert job == in_graph[record]


@pytest.mark.parametrize("scale", ["smoke", "demo"])
def test_the_wildcards_of_a_rule_give_back_the_job(scale):
    plan = Plan(read_configuration(CONFIG | {"scale": scale}))
    for job in plan.list_jobs():
        assert plan.find_job(job.kind, job.wildcards) == job
