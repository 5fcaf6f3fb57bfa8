"""What every rule file uses: the plan of this scale, and the shapes of the wildcards."""

import os
import sys
from pathlib import Path
from shlex import quote

sys.path.insert(0, workflow.basedir)

from reproof.execution.processes import bind_to_parent
from reproof.experiments.configuration import read_configuration
from reproof.storage.files import ReproofError
from reproof.provenance.integrity import refuse_read_only, refuse_unplanned
from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.planning.plan import Plan
from reproof.provenance.identity import Untracked
from reproof.publishing.publication import refuse_older
from reproof.planning.resources import Requested
from reproof.provenance.snakemake_internals import plan_without_rate_limit, prepare_jobs

try:
    TRUSTED = not workflow.is_main_process  # the start of a job trusts what the main process has checked
    PLAN = Plan(read_configuration(config, folder=Path(workflow.basedir, "config"), trusted=TRUSTED), trusted=TRUSTED)
    REQUESTED = Requested(PLAN, results="results" if workflow.is_main_process else None)
    if workflow.is_main_process:
        refuse_unplanned(
            list_expected_records(PLAN), again=f"snakemake --cores 1 --config {quote(f'scale={PLAN.scale}')} --"
        )
        refuse_older(PLAN)
        PLAN.fingerprints.keep()
except ReproofError as error:
    sys.exit(f"error: {error}")

prepare_jobs(shell, bind_to_parent(os.getpid()))  # an orphan must not go on writing


wildcard_constraints:
    dataset=r"[a-z0-9_]+",
    run=r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)*-[0-9a-f]{8}",
    seeds=r"\d+(-\d+)?",
    level=r"\d+",
    operation=r"[a-z0-9_]+",
    levels=r"\d+(_\d+)*",
    scale=PLAN.scale,
    paper=r"[a-z0-9_]+",
    figure=r"[a-z0-9_]+",


onstart:
    try:
        refuse_read_only("results", "logs", "benchmarks")
    except ReproofError as error:
        sys.exit(f"error: {error}")
    plan_without_rate_limit(workflow)
