"""What every rule file uses: the plan of this scale, and the shapes of the wildcards."""

import gc
import os
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from reproof.configuration import read_configuration
from reproof.files import ReproofError
from reproof.fingerprints import Checked
from reproof.integrity import refuse_read_only, refuse_unplanned
from reproof.inventory import expected_records, gallery_job
from reproof.plan import Plan
from reproof.processes import dies_with
from reproof.provenance import Untracked
from reproof.publishing import refuse_older
from reproof.resources import Requested
from workflow.planning import tell_signatures

gc.disable()  # while the graph is built everything stays in use: no use looking for what is not
try:
    # The start of a job on a cluster trusts what the start of the whole has checked: it is one of hundreds.
    CHECKED = Checked(config, Path(workflow.basedir, "config"))
    TRUSTED = not workflow.is_main_process or CHECKED.known
    PLAN = Plan(read_configuration(config, folder=CHECKED.folder, trusted=TRUSTED), trusted=TRUSTED)
    REQUESTED = Requested(PLAN, results="results" if workflow.is_main_process else None)
    if workflow.is_main_process:
        refuse_unplanned(expected_records(PLAN), again=f"snakemake --cores 1 --config scale={PLAN.scale} --")
        refuse_older(PLAN)
        PLAN.fingerprints.keep()
        CHECKED.keep()
except ReproofError as error:
    sys.exit(f"error: {error}")

shell._process_args["preexec_fn"] = dies_with(os.getpid())  # every job: an orphan must not go on writing


wildcard_constraints:
    dataset=r"[a-z0-9_]+",
    run=r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)*-[0-9a-f]{8}",
    seeds=r"\d+(-\d+)?",
    level=r"\d+",
    levels=r"\d+(_\d+)*",
    scale=PLAN.scale,
    paper=r"[a-z0-9_]+",
    figure=r"[a-z0-9_]+",


onstart:
    try:
        refuse_read_only("results", "logs", "benchmarks")
    except ReproofError as error:
        sys.exit(f"error: {error}")
    gc.freeze()
    gc.enable()
    workflow.scheduler.job_rate_limiter = None  # it plans anew every second, once more for each job that has ended
