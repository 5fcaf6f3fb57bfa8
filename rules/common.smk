"""What every rule file uses: the plan of this scale, and the shapes of the wildcards."""

import os
import sys
from pathlib import Path

from snakemake.script import PythonScript

from reproof.execution.processes import bind_to_parent
from reproof.execution.surroundings import check_folder, check_folder_of_cluster, prepare_environment
from reproof.experiments.configuration import read_configuration
from reproof.storage.files import ReproofError
from reproof.provenance.integrity import refuse_read_only, refuse_unplanned
from reproof.planning.inventory import list_expected_records, make_gallery_job
from reproof.planning.plan import Plan
from reproof.provenance.identity import Untracked
from reproof.publishing.publication import refuse_older
from reproof.planning.resources import Requested
from reproof.provenance.snakemake_internals import plan_without_rate_limit, prepare_jobs, quote_interpreter

try:
    check_folder(os.getcwd(), workflow.basedir)
    prepare_environment(os.environ)
    TRUSTED = not workflow.is_main_process  # the start of a job trusts what the main process has checked
    PLAN = Plan(read_configuration(config, folder=Path(workflow.basedir, "config"), trusted=TRUSTED), trusted=TRUSTED)
    # Jobs have their resources already, so that only the main process reads the recorded times.
    REQUESTED = Requested(PLAN, results="results" if workflow.is_main_process else None)
    if workflow.is_main_process:
        refuse_read_only(".snakemake")  # a dry run takes Snakemake's lock, too
        if left_out := PLAN.configuration.describe_left_out():
            print(left_out, file=sys.stderr)
        # Before Snakemake builds its graph: after a clone it would take every file that exists for up to date.
        refuse_unplanned(list_expected_records(PLAN), again=f"snakemake --cores 1 --config scale={PLAN.scale} --")
        refuse_older(PLAN)
        PLAN.fingerprints.keep()  # until a source changes, the next start need not compute them
except ReproofError as error:
    sys.exit(f"error: {error}")

prepare_jobs(shell, bind_to_parent(os.getpid()))  # an orphan must not go on writing
quote_interpreter(PythonScript)


wildcard_constraints:
    dataset=r"[a-z0-9_]+",
    # Without these, one path could match several rules, such as a run that contains a "/".
    run=r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)*-[0-9a-f]{8}",
    seeds=r"\d+(-\d+)?",
    level=r"\d+",
    operation=r"[a-z0-9_]+",
    levels=r"\d+(_\d+)*",  # "0_4_8"
    scale=PLAN.scale,  # of other scales this plan knows nothing
    paper=r"[a-z0-9_]+",
    figure=r"[a-z0-9_]+",


onstart:  # only when jobs will run: a dry run may read a folder that it cannot write
    try:
        refuse_read_only("results", "logs", "benchmarks")
        if not workflow.local_exec:
            check_folder_of_cluster(os.getcwd(), sys.executable)
    except ReproofError as error:
        sys.exit(f"error: {error}")
    plan_without_rate_limit(workflow)
