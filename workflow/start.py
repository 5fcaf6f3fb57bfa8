"""The start of a run: check the surroundings and the configuration, plan, and refuse results that do not belong."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from reproof.execution.surroundings import check_folder, check_folder_of_cluster, prepare_environment
from reproof.experiments.configuration import read_configuration
from reproof.planning.inventory import list_expected_records
from reproof.planning.plan import Plan
from reproof.planning.resources import Requested
from reproof.provenance.integrity import refuse_read_only, refuse_unplanned
from reproof.publishing.publication import refuse_older
from reproof.storage.errors import ReproofError


def plan_run(config: Mapping[str, Any], *, project: str, main: bool) -> tuple[Plan, Requested]:
    """Return the plan and the resources that its jobs request; end the process with one line if anything is wrong.

    `config` is Snakemake's, `project` the folder of the Snakefile. Only the `main` process checks the configuration and
    the results: the start of a job trusts it, because each of 200 jobs would take as long.
    """
    try:
        check_folder(os.getcwd(), project)
        prepare_environment(os.environ)
        configuration = read_configuration(dict(config), folder=Path(project, "config"), trusted=not main)
        plan = Plan(configuration, trusted=not main)
        if main:
            _check_results(plan)
        # Jobs have their resources already, so that only the main process reads the recorded times.
        return plan, Requested(plan, results="results" if main else None)
    except ReproofError as error:
        sys.exit(f"error: {error}")


def _check_results(plan: Plan) -> None:
    """Say which papers are left out, and raise ReproofError for results that the plan could not have made."""
    refuse_read_only(".snakemake")  # a dry run takes Snakemake's lock, too
    if left_out := plan.configuration.describe_left_out():
        print(left_out, file=sys.stderr)
    # Before Snakemake builds its graph: after a clone it would take every file that exists for up to date.
    again = f"snakemake --cores 1 --config {quote(f'scale={plan.scale}')} --"
    refuse_unplanned(list_expected_records(plan), again=again)
    refuse_older(plan)
    plan.fingerprints.keep()  # until a source changes, the next start need not compute them


def check_before_jobs(*, local: bool) -> None:
    """End the process with one line if jobs could not write, or, unless they are `local`, could not be submitted."""
    try:
        refuse_read_only("results", "logs", "benchmarks")
        if not local:
            check_folder_of_cluster(os.getcwd(), sys.executable)
    except ReproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    sys.exit("error: python -m workflow.start: is no command; Snakemake reads it")
