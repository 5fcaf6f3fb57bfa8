"""What every rule file uses: the plan of this scale, and the shapes of the wildcards."""

import os

from snakemake.script import PythonScript

from reproof.execution.processes import bind_to_parent
from reproof.experiments.configuration import NAME
from reproof.planning.inventory import make_gallery_job
from reproof.provenance.identity import Untracked
from reproof.provenance.snakemake_internals import plan_without_rate_limit, prepare_jobs, quote_interpreter
from workflow.start import check_before_jobs, plan_run

PLAN, REQUESTED = plan_run(config, project=workflow.basedir, main=workflow.is_main_process)

prepare_jobs(shell, bind_to_parent(os.getpid()))  # an orphan must not go on writing
quote_interpreter(PythonScript)


wildcard_constraints:
    dataset=NAME,
    # Without these, one path could match several rules, such as a run that contains a "/".
    run=r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)*-[0-9a-f]{8}",
    seeds=r"\d+(-\d+)?",
    level=r"\d+",
    operation=NAME,
    levels=r"\d+(_\d+)*",
    scale=PLAN.scale,  # of other scales this plan knows nothing
    paper=NAME,
    figure=NAME,


onstart:
    # Only when jobs will run: a dry run may read a folder that it cannot write.
    check_before_jobs(local=workflow.local_exec)
    plan_without_rate_limit(workflow)
