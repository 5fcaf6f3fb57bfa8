"""Each failure is reported in one line and leaves nothing half-written."""

import os
import subprocess

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


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
def test_a_read_only_clone(workspace, mounted):
    mounted(workspace / ".snakemake", "ro,size=1m")
    for arguments in ([], ["-n"]):
        ran = workspace.snakemake("results/data/mnist5k/data.safetensors", *arguments, code=1)
        assert (
            ran.line("error:") == "error: .snakemake: is read-only; mend its rights, or work in a copy of this folder"
        )
        assert "Traceback" not in ran.text


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
