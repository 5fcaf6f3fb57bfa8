"""The smoke scale from nothing through profiles/slurm: a GPU for each training job, the same bytes as without Slurm."""

import time

import pytest
import yaml
from workspace import ROOT

from reproof.provenance.records import sha256

pytestmark = pytest.mark.cluster
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
RUN = "snakemake --workflow-profile profiles/slurm --slurm-init-seconds-before-status-checks 3 --latency-wait 10"
BYTES = ("*.parquet", "*.safetensors")
TRAINING = ("train_dense", "retrain", "train_control")


@pytest.fixture(scope="module")
def asking(pristine, tmp_path_factory):
    """A copy of the repository in which training jobs ask for a GPU at smoke scale."""
    workspace = pristine.copy(tmp_path_factory.mktemp("asking") / "reproof")
    workspace.edit("config/scales/smoke.yaml", "blocks: {seeds: 2,", "blocks: {gpu: 1, seeds: 2,")
    workspace.edit("config/config.yaml", "scale: demo", "scale: smoke")
    return workspace


@pytest.fixture(scope="module")
def alone(asking, tmp_path_factory):
    """The same, run on this machine without Slurm."""
    workspace = asking.copy(tmp_path_factory.mktemp("alone") / "reproof")
    workspace.snakemake("results/figures/all")
    return workspace


@pytest.fixture(scope="module")
def run(node, asking, tmp_path_factory):
    """The same, run as jobs of Slurm; and what Slurm says of those jobs."""
    workspace = asking.copy(tmp_path_factory.mktemp("submitted") / "reproof")
    began, before = time.monotonic(), len(node.jobs())
    ran = workspace.shell(f"{RUN} -- results/figures/all")
    assert ran.code == 0, ran.text
    jobs = node.jobs()[before:]
    print(f"\nThe smoke scale on Slurm: {len(jobs)} jobs in {time.monotonic() - began:.0f} s")
    return workspace, jobs


def test_every_result_is_the_same_byte_for_byte(run, alone):
    workspace, _ = run
    files = [path for pattern in BYTES for path in alone.find(pattern)]
    assert len(files) >= 30
    assert files == [path for pattern in BYTES for path in workspace.find(pattern)]
    assert [path for path in files if sha256(alone / path) != sha256(workspace / path)] == []


def test_each_job_of_the_graph_but_fetching_was_one_of_slurm(run, alone):
    _, jobs = run
    asked = {rule: 0 for rule in alone.planned("--forceall")} | {"all": 0}
    for job in jobs:
        assert job["state"] == "COMPLETED"
        asked[_rule(job)] += 1
    assert asked == alone.planned("--forceall") | {"fetch_dataset": 0, "all": 0}


def test_a_training_job_sees_one_gpu_and_others_none(run, node):
    _, jobs = run
    seen = node.seen()
    for job in jobs:
        devices = set(seen[job["id"]])
        assert all(device.isdigit() for device in devices) if _rule(job) in TRAINING else devices == {"none"}, job
        assert len(devices) == 1, job


def test_afterwards_nothing_is_left_to_do(run):
    """Neither for Slurm's profile nor for the other one: they keep the same memory of what was done."""
    workspace, _ = run
    assert workspace.planned() == {}
    assert "Nothing to be done" in workspace.shell(f"{RUN} -n -- results/figures/all").text


def _rule(job):
    return job["comment"].removeprefix("rule_").partition("_wildcards")[0]
