"""What surrounds a rule's work: its process ends with Snakemake's, and ends at once when all is written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workspace import ROOT

SCRIPT = """
import atexit, sys, types
sys.path.insert(0, {root!r})
from reproof.execution.job import run_job

class Output(list):
    record = "record.json"

atexit.register(print, "taken down in the end")
params = types.SimpleNamespace(settings="{{}}", code="abc")
rule = types.SimpleNamespace(input=[], output=Output(["result", "record.json"]), params=params, log=["job.log"])
with run_job(rule, "numpy") as record:
    {body}
"""


def run(folder, body):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(root=str(ROOT), body=body)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_work_is_logged_and_recorded_and_the_process_ends_at_once(tmp_path):
    done = run(tmp_path, "print('hello'); record['n'] = 3; open('result', 'w').write('abc')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "hello\n")
    assert (tmp_path / "job.log").read_text() == "hello\n"
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["n"] == 3
    assert record["outputs"]["result"].startswith("ba7816bf8f01cfea")  # SHA-256 of "abc"
    assert set(record["outputs"]) == {"result"}


def test_work_that_fails_ends_with_exit_code_1_and_no_record(tmp_path):
    done = run(tmp_path, "assert 1 == 2")
    assert done.returncode == 1
    assert "AssertionError" in done.stderr
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "2>&1 | true", "2>/dev/full"])
def test_a_terminal_that_is_gone_costs_no_result(tmp_path, closed):
    """What a job opens first does not take the place of a closed stream, in which libraries would go on writing."""
    body = """
    import contextlib, os, time
    time.sleep(0.5)
    with open("result", "wb"), contextlib.suppress(OSError):
        os.write(2, b"as a library writes")
    print("hello")
"""
    (tmp_path / "script.py").write_text(SCRIPT.format(root=str(ROOT), body=body))
    command = f"set -o pipefail; {sys.executable} script.py {closed}"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "record.json").exists()
    assert (tmp_path / "result").read_bytes() == b""
    assert (tmp_path / "job.log").read_text() == "hello\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_a_job_whose_snakemake_is_killed_is_killed_as_well(tmp_path):
    body = "open('result', 'w').write(str(__import__('os').getpid())); __import__('time').sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])",
         "-c", SCRIPT.format(root=str(ROOT), body=body)], cwd=tmp_path,
    )  # fmt: skip
    child = int(wait(lambda: (tmp_path / "result").exists() and (tmp_path / "result").read_text()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait(lambda: not alive(child))
    assert not (tmp_path / "record.json").exists()


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{process}/status").read_text()


def wait(condition, limit_s=20):
    began = time.monotonic()
    while not (value := condition()):
        assert time.monotonic() - began < limit_s
        time.sleep(0.05)
    return value
