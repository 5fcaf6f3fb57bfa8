"""What goes wrong is told in one line and leaves nothing half-written; what is killed goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from reproof.records import sha256

DENSE = "results/dense/{run}/0-1/checkpoint.safetensors"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
LONG = ("training: {steps: 60, validate_every: 20, test_every: 20}", "training: {steps: 1200, validate_every: 20}")


@pytest.fixture
def mounted():
    """Return a function that mounts a small file system of its own on a folder."""
    folders = []

    def mount(folder, options):
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip("this machine does not let root mount")
        folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)


def left(workspace, folder="results"):
    return [path for path in (workspace / folder).rglob("*") if path.is_file()]


@needs_root
def test_a_read_only_results_folder(workspace, mounted):
    mounted(workspace / "results", "ro,size=1m")
    ran = workspace.snakemake("results/data/mnist5k/data.safetensors", code=1)
    assert ran.line("error:") == "error: results: is read-only; mend its rights, or work in a copy of this folder"
    assert "Traceback" not in ran.text
    assert left(workspace) == []
    assert workspace.planned("results/data/mnist5k/data.safetensors"), "planning needs no right to write"


@needs_root
def test_a_full_disk(workspace, mounted):
    mounted(workspace / "results", "size=1m")
    ran = workspace.snakemake("results/data/mnist5k/data.safetensors", code=1)
    file = "results/data/mnist5k/data.safetensors"
    line = f"error: {file}: cannot be written (No space left on device); free space or mend rights"
    assert ran.line("error:") == line
    assert "Traceback" not in ran.text
    assert left(workspace) == []
    assert (workspace / "logs/data/mnist5k/fetch_dataset.log").read_text() == f"{line}\n"


@needs_root
def test_a_disk_that_fills_up_while_training(workspace, mounted):
    """The data fits (4 MB), the dense networks (4 MB) do not."""
    mounted(workspace / "results", "size=6m")
    ran = workspace.snakemake("results/tables/smoke/lottery_ticket/verdicts.parquet", code=1)
    assert "checkpoint.safetensors: cannot be written (No space left on device)" in ran.line("error:")
    assert {path.name for path in left(workspace)} == {"data.safetensors", "record.json"}


def test_a_mirror_that_is_not_there(workspace):
    workspace.edit("config/config.yaml", "mirror: null", "mirror: /nowhere")
    ran = workspace.snakemake("results/data/mnist/data.safetensors", code=1, scale="mnist")
    assert ran.line("error:").startswith("error: /nowhere")
    assert "Traceback" not in ran.text
    assert left(workspace) == []


def test_a_surprise_leaves_its_traceback_in_the_log_and_on_the_terminal(workspace):
    workspace.edit("reproof/data/fetch.py", "    write_content(", "    assert name == 'another'\n    write_content(")
    ran = workspace.snakemake("results/data/mnist5k/data.safetensors", code=1)
    log = (workspace / "logs/data/mnist5k/fetch_dataset.log").read_text()
    assert log.startswith("Traceback (most recent call last):")
    assert log.endswith("AssertionError\n")
    assert "assert name == 'another'" in ran.text


def test_a_damaged_mask_is_named(finished):
    """Before anything starts, with the command that mends it; that mends it, and nothing else is made anew."""
    (path,) = [path for path in finished.find("mask.safetensors") if "level2" in path.parts]
    (finished / path).write_bytes((finished / path).read_bytes()[:-100])
    ran = finished.snakemake("results/figures/all", code=1)
    told, _, mend = ran.line("error:").partition("; mend it with: ")
    assert told.startswith(f"error: {path}: is damaged or was edited")
    assert "Traceback" not in ran.text
    finished.edit("config/config.yaml", "scale: demo ", "scale: smoke ")
    finished.shell(mend).check()
    assert finished.planned("results/figures/all") == {}


@pytest.fixture(scope="module")
def longer(pristine, tmp_path_factory):
    """A workspace whose training takes seconds."""
    workspace = pristine.copy(tmp_path_factory.mktemp("longer") / "reproof")
    workspace.edit("config/scales/smoke.yaml", *LONG)
    return workspace


@pytest.fixture(scope="module")
def undisturbed(longer, tmp_path_factory):
    """The same, in which that training has run."""
    workspace = longer.copy(tmp_path_factory.mktemp("undisturbed") / "reproof")
    workspace.snakemake(_dense(workspace))
    return workspace


def _dense(workspace):
    code = """
import yaml
from reproof.configuration import read_configuration
from reproof.plan import Plan
plan = Plan(read_configuration(yaml.safe_load(open("config/config.yaml")) | {"scale": "smoke"}))
print(plan.runs["lottery_ticket"]["lenet"].dense)
"""
    return DENSE.format(run=workspace.python("-c", code).text.strip())


@pytest.mark.parametrize("who", ["the job", "everything"])
def test_what_is_killed_goes_on_and_ends_in_the_same_bytes(longer, undisturbed, tmp_path, who):
    workspace = longer.copy(tmp_path / "reproof")
    target = _dense(workspace)
    workspace.edit("reproof/training/saving.py", "every_s: float = 60.0", "every_s: float = 0.1")
    _kill_while_training(workspace, target, who)
    assert not (workspace / target).exists()
    if who == "everything":
        workspace.snakemake("--unlock", target)
    workspace.snakemake(target)
    log = (workspace / target.replace("results", "logs", 1)).with_name("train_dense.log").read_text()
    assert "goes on from step" in log
    results = [target, target.replace("checkpoint.safetensors", "curves.parquet")]
    assert [sha256(workspace / one) for one in results] == [sha256(undisturbed / one) for one in results]
    assert {path.name for path in left(workspace, Path(target).parent)} == {
        "checkpoint.safetensors",
        "curves.parquet",
        "record.json",
    }


def _kill_while_training(workspace, target, who):
    """Start Snakemake and kill the job, or all its processes, once the job has saved its state twice."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", target, "--config", "scale=smoke"]
    with (workspace / "out").open("w") as out:
        started = psutil.Popen(
            command, cwd=workspace.folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=out, stderr=out
        )
    state = (workspace / target).with_name("state.dense")
    _wait(lambda: state.exists() or started.poll() is not None)
    first = state.stat().st_mtime_ns
    _wait(lambda: state.stat().st_mtime_ns > first)
    everyone = started.children(recursive=True)
    job = [one for one in everyone if "train_dense.py" in " ".join(one.cmdline()) and "python" in one.name()]
    for process in [started, *everyone] if who == "everything" else job[-1:]:
        process.send_signal(signal.SIGKILL)
    assert started.wait(timeout=60) != 0


def _wait(condition, limit_s=60):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit_s
        time.sleep(0.02)
