"""A training cancelled half way, one over its memory, one over its time, one put back: all end in the same bytes."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from reproof.records import sha256

pytestmark = pytest.mark.cluster
RUN = "snakemake --workflow-profile profiles/slurm --slurm-init-seconds-before-status-checks 3 --latency-wait 10"
CANCELLED, OVER_MEMORY, OVER_TIME, PUT_BACK = SEEDS = "0123"
NAMES = ("checkpoint.safetensors", "curves.parquet")
LIMIT_S = 600
SCALE = (  # four trainings of some seconds, each a job of its own
    ("blocks: {seeds: 2,", "blocks: {gpu: 1, seeds: 1,"),
    ("levels: 2\n        seeds: 2", "levels: 2\n        seeds: 4"),
    ("training: {steps: 60, validate_every: 20, test_every: 20}", "training: {steps: 1200, validate_every: 20}"),
)
LEAST = (  # the least that Slurm can measure, and little enough for a small machine to be asked for more
    ("LEAST_MINUTES = 10", "LEAST_MINUTES = 1"),
    ("TRAINING_MB = 3000", "TRAINING_MB = 1000"),
    ("GPU_MB = 2000", "GPU_MB = 200"),
)
WATCH = "        if saving.is_due:\n"
TROUBLE = "        from reproof.trouble import trouble\n\n        trouble(saving, trainer.done)\n"


@pytest.fixture(scope="module")
def longer(pristine, tmp_path_factory):
    """A copy of the repository with those trainings."""
    workspace = pristine.copy(tmp_path_factory.mktemp("longer") / "reproof")
    for change in SCALE:
        workspace.edit("config/scales/smoke.yaml", *change)
    workspace.edit("config/config.yaml", "scale: demo", "scale: smoke")
    return workspace


@pytest.fixture(scope="module")
def folders(longer):
    """The folder of results of each seed."""
    code = """
import yaml
from reproof.configuration import read_configuration
from reproof.plan import Plan
print(Plan(read_configuration(yaml.safe_load(open("config/config.yaml")))).runs["lottery_ticket"]["lenet"].dense)
"""
    run = longer.python("-c", code).text.strip()
    return {seed: Path(f"results/dense/{run}/{seed}") for seed in SEEDS}


@pytest.fixture(scope="module")
def undisturbed(longer, folders, tmp_path_factory):
    """The same, in which those trainings have run without Slurm and without trouble."""
    workspace = longer.copy(tmp_path_factory.mktemp("undisturbed") / "reproof")
    workspace.snakemake(*_targets(folders))
    return workspace


@pytest.fixture(scope="module")
def troubled(node, longer, folders, tmp_path_factory):
    """The same with trouble on Slurm: the workspace, and {seed: its jobs as Slurm tells them}."""
    workspace = longer.copy(tmp_path_factory.mktemp("troubled") / "reproof")
    shutil.copy(Path(__file__).with_name("trouble.py"), workspace / "reproof/trouble.py")
    workspace.edit("reproof/training/block.py", WATCH, TROUBLE + WATCH)
    for change in LEAST:
        workspace.edit("reproof/resources.py", *change)
    before = len(node.jobs())
    _run(workspace, node, folders)
    return workspace, {seed: _of(seed, node.jobs()[before:]) for seed in SEEDS}


def test_all_end_in_the_same_bytes(troubled, undisturbed, folders):
    workspace, _ = troubled
    results = [folder / name for folder in folders.values() for name in NAMES]
    assert [sha256(workspace / one) for one in results] == [sha256(undisturbed / one) for one in results]


def test_what_was_cancelled_comes_back_as_another_job(troubled):
    _, jobs = troubled
    assert [job["state"] for job in jobs[CANCELLED]] == ["CANCELLED", "COMPLETED"]


def test_what_was_over_its_memory_comes_back_with_twice_as_much(troubled):
    _, jobs = troubled
    first, second = jobs[OVER_MEMORY]
    assert (first["state"], second["state"]) == ("FAILED", "COMPLETED")
    assert second["memory"] == f"{2 * int(first['memory'].removesuffix('M'))}M"


def test_what_was_over_its_time_comes_back_with_twice_as_much(troubled):
    _, jobs = troubled
    assert [(job["state"], job["limit"]) for job in jobs[OVER_TIME]] == [("TIMEOUT", "1:00"), ("COMPLETED", "2:00")]


def test_what_was_put_back_comes_back_as_the_same_job(troubled):
    _, jobs = troubled
    (job,) = jobs[PUT_BACK]
    assert job["state"] == "COMPLETED"


@pytest.mark.parametrize("seed", [CANCELLED, OVER_TIME, PUT_BACK])
def test_what_is_told_to_stop_saves_its_state_and_goes_on_from_there(troubled, folders, seed):
    """Slurm asks with SIGTERM before it kills; what is over its memory is killed at once."""
    workspace, _ = troubled
    log = (workspace / str(folders[seed]).replace("results", "logs", 1) / "train_dense.log").read_text()
    assert "goes on from step 600" in log


def _targets(folders):
    return [str(folder / NAMES[0]) for folder in folders.values()]


def _run(workspace, node, folders):
    """Run the trainings as jobs, and do to two of them what Slurm does not do by itself."""
    with (workspace / "out").open("w") as out:
        command = f"exec {RUN} -- {' '.join(_targets(folders))}"
        started = subprocess.Popen(["bash", "-c", command], cwd=workspace.folder, stdout=out, stderr=out)
    try:
        waiting = {CANCELLED: node.cancel, PUT_BACK: node.put_back}
        began = time.monotonic()
        while started.poll() is None and time.monotonic() - began < LIMIT_S:
            for seed in [seed for seed in waiting if (workspace / folders[seed] / "state.troubled").exists()]:
                waiting.pop(seed)(_of(seed, node.jobs())[-1]["id"])
            time.sleep(0.5)
        assert started.poll() == 0, (workspace / "out").read_text()
    finally:
        started.terminate()


def _of(seed, jobs):
    """Return the jobs of a seed: what Snakemake says of a job ends in its wildcards, of which that is the last."""
    return [job for job in jobs if job["comment"].endswith(f"_{seed}")]
