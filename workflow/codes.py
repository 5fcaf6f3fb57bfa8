"""Print, as JSON, what code each result of a scale is made by: python -m workflow.codes SCALE.

{path of its record: {"script": ..., "picks": [[place, decorator, name], ...], "fingerprint": ..., "code": ...}}
"""

import json
from pathlib import Path

from reproof.experiments.configuration import read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.inventory import list_planned_jobs
from reproof.planning.plan import Plan
from reproof.planning.planned_job import PlannedJob
from workflow.command import run_command


def codes(scale: str) -> dict[str, dict[str, object]]:
    """Return what code each result of a scale is made by, by the path of its record."""
    plan = Plan(read_configuration(read_yaml(Path("config/config.yaml")) | {"scale": scale}))
    return {job.record: _describe(plan, job) for job in list_planned_jobs(plan)}


def _describe(plan: Plan, job: PlannedJob) -> dict[str, object]:
    picks = sorted(set(job.registered))
    fingerprint = plan.fingerprints.compute(job.script, picks)
    about = {"script": job.script, "picks": picks, "fingerprint": fingerprint}
    return about | {"code": plan.make_expected_record(job).code}


def main(scale: str) -> None:
    """Print the codes of a scale."""
    print(json.dumps(codes(scale)))


if __name__ == "__main__":
    run_command(main, "python -m workflow.codes SCALE")
