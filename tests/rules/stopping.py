"""Run the scripts of rules as Snakemake does, each in a process of its own; some die when they have saved a few times.

python stopping.py JOBS, a JSON list of {script, input, output, settings, state, log, dies}; the exit codes are printed.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

from reproof.training.saving import Saving  # loads torch, once for all jobs

ROOT = Path(__file__).parent.parent.parent
SAVES, DIED = 5, 9
RESUMED = "(from a saved state)"


class Named(list):
    """Files by place, by name, and all of them one after the other."""

    def __init__(self, named):
        super().__init__(file for one in named.values() for file in ([one] if isinstance(one, str) else one))
        self.__dict__.update(named)

    def get(self, name, default):
        return getattr(self, name, default)


def run(job):
    params = SimpleNamespace(settings=json.dumps(job["settings"]), code="code", state=job["state"])
    files = {name: Named(job[name]) for name in ("input", "output")}
    rule = SimpleNamespace(**files, params=params, log=[job["log"]], threads=1)
    watch_saving(dies=job["dies"])
    runpy.run_path(str(ROOT / "workflow/scripts" / f"{job['script']}.py"), {"snakemake": rule})


def watch_saving(*, dies):
    """Let a job say when it goes on from a state; if it dies, every step saves, and some saves end it as SIGKILL."""
    saves, load, save = [], Saving.load, Saving.save

    def load_and_tell(saving):
        if state := load(saving):
            print(RESUMED)
        return state

    def save_and_die(saving, state):
        save(saving, state)
        saves.append(state)
        if len(saves) == SAVES:
            os._exit(DIED)

    Saving.load = load_and_tell
    if dies:
        Saving.save, Saving.is_due = save_and_die, True


def main(jobs):
    for job in jobs:
        if not (child := os.fork()):
            run(job)
            os._exit(1)  # a script ends its process itself
        yield os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    print(json.dumps([*main(json.loads(Path(sys.argv[1]).read_text()))]))
