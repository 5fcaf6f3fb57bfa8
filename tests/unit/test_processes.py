"""Processes: a job dies with its Snakemake even before it has begun, and a folder at work is taken over by nobody."""

import signal
import subprocess
import sys
import time

import pytest

from reproof.execution.processes import check_no_other_jobs
from reproof.storage.files import ReproofError

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
PARENT = """
import os, subprocess
quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
from reproof.execution.processes import bind_to_parent
child = subprocess.Popen({sleeps}, preexec_fn=bind_to_parent(os.getpid() + {off}), **quiet)
print(child.pid, flush=True)
child.wait()
"""


def started(off=0):
    """Start a process with a child that is to die with it; return both."""
    code = PARENT.format(sleeps=SLEEPS, off=off)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    return parent, int(parent.stdout.readline())


def ended(process):
    try:
        with open(f"/proc/{process}/status") as status:
            return "zombie" in status.read()
    except FileNotFoundError:
        return True


@linux
def test_a_child_is_killed_with_its_parent_whatever_it_does():
    parent, child = started()
    assert not ended(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    began = time.monotonic()
    while not ended(child):
        assert time.monotonic() - began < 20


@linux
def test_a_child_whose_parent_is_already_gone_ends_before_it_begins():
    parent, child = started(off=1)  # as if somebody else, by now, were its parent
    parent.communicate(timeout=20)
    assert ended(child)


def test_a_snakemake_at_work_in_the_folder_is_named_and_elsewhere_it_is_not(tmp_path):
    script = tmp_path / ".snakemake/scripts/tmpabc.retrain.py"
    script.parent.mkdir(parents=True)
    script.write_text("print(flush=True); input()")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, script], cwd=tmp_path, text=True, **pipes) as job:
        job.stdout.readline()
        check_no_other_jobs(tmp_path.parent)
        with pytest.raises(
            ReproofError, match=rf"^{tmp_path}: process {job.pid} is still at work here .*kill {job.pid}$"
        ):
            check_no_other_jobs(tmp_path)
        job.communicate("\n")
    check_no_other_jobs(tmp_path)
