"""A training cancelled half way, one over its memory, one over its time, one put back: all end in the same bytes."""

import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from reproof.provenance.records import sha256

pytestmark = pytest.mark.cluster
RUN = "snakemake --workflow-profile profiles/slurm --slurm-init-seconds-before-status-checks 3 --latency-wait 10"
CANCELLED, OVER_MEMORY, OVER_TIME, PUT_BACK = SEEDS = "0123"
NAMES = ("checkpoint.safetensors", "curves.parquet")
MARK = "state.troubled"
LIMIT_S = 800
SCALE = (  # four trainings of some seconds, each a job of its own
    ("blocks: {seeds: 2,", "blocks: {gpu: 1, seeds: 1,"),
    ("levels: 2\n        seeds: 2", "levels: 2\n        seeds: 4"),
    ("training: {steps: 60, validate_every: 20, test_every: 20}", "training: {steps: 1200, validate_every: 20}"),
)
LEAST = (  # the least time that Slurm knows, for one of them; so little memory that a small machine has more
    ("max(LEAST_MINUTES,", f'max(1 if wildcards["seeds"] == "{OVER_TIME}" else LEAST_MINUTES,'),
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
from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan
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
def before_trouble(longer, tmp_path_factory):
    """The same with trouble ahead."""
    workspace = longer.copy(tmp_path_factory.mktemp("before_trouble") / "reproof")
    shutil.copy(Path(__file__).with_name("trouble.py"), workspace / "reproof/trouble.py")
    workspace.edit("reproof/training/block.py", WATCH, TROUBLE + WATCH)
    for change in LEAST:
        workspace.edit("reproof/planning/resources.py", *change)
    return workspace


@pytest.fixture(scope="module")
def troubled(node, before_trouble, folders, tmp_path_factory):
    """The same after its trouble on Slurm: the workspace, and {seed: its jobs as Slurm reports them}."""
    workspace = before_trouble.copy(tmp_path_factory.mktemp("troubled") / "reproof")
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
    first, second, *_ = jobs[OVER_TIME]  # on a busy machine two minutes may be too few as well
    assert (first["state"], first["limit"], second["limit"]) == ("TIMEOUT", "1:00", "2:00")
    assert jobs[OVER_TIME][-1]["state"] == "COMPLETED"


def test_what_was_put_back_comes_back_as_the_same_job(troubled):
    _, jobs = troubled
    (job,) = jobs[PUT_BACK]
    assert job["state"] == "COMPLETED"


@pytest.mark.parametrize("seed", [CANCELLED, OVER_TIME, PUT_BACK])
def test_what_is_told_to_stop_saves_its_state_and_goes_on_from_there(troubled, folders, seed):
    """Slurm asks with SIGTERM before it kills; what is over its memory is killed at once."""
    workspace, _ = troubled
    assert "goes on from step 600" in (workspace / _log(folders[seed])).read_text()


def test_ctrl_c_cancels_the_jobs_which_save_their_state(node, before_trouble, folders, undisturbed, tmp_path):
    workspace, seed = before_trouble.copy(tmp_path / "reproof"), CANCELLED
    folder, target = folders[seed], str(folders[seed] / NAMES[0])
    with _started(workspace, [target]) as started:
        _until(started, lambda: (workspace / folder / MARK).exists())
        started.send_signal(signal.SIGINT)
        started.wait(LIMIT_S)
    assert _of(seed, node.jobs())[-1]["state"] == "CANCELLED"
    assert (workspace / folder / "state.dense").exists()
    again = workspace.shell(f"{RUN} -- {target}")
    assert again.code == 0, again.text
    assert "goes on from step 600" in (workspace / _log(folder)).read_text()
    assert sha256(workspace / target) == sha256(undisturbed / target)


def _targets(folders):
    return [str(folder / NAMES[0]) for folder in folders.values()]


def _log(folder):
    return str(folder / "train_dense.log").replace("results", "logs", 1)


def _run(workspace, node, folders):
    """Run the trainings as jobs, and do to two of them what Slurm does not do by itself."""
    waiting = {CANCELLED: node.cancel, PUT_BACK: node.put_back}

    def meddle():
        for seed in [seed for seed in waiting if (workspace / folders[seed] / MARK).exists()]:
            waiting.pop(seed)(_of(seed, node.jobs())[-1]["id"])
        return not waiting

    with _started(workspace, _targets(folders)) as started:
        _until(started, meddle)
        code = started.wait(LIMIT_S)
    assert code == 0, (workspace / "out").read_text()


@contextmanager
def _started(workspace, targets):
    """Start Snakemake in the background; end it if the test does not."""
    with (workspace / "out").open("w") as out:
        command = ["bash", "-c", f"exec {RUN} -- {' '.join(targets)}"]
        started = subprocess.Popen(
            command, cwd=workspace.folder, stdout=out, stderr=out,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
        )  # fmt: skip
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def _until(started, condition):
    """Wait for a condition while Snakemake runs."""
    began = time.monotonic()
    while not condition():
        assert started.poll() is None, "Snakemake ended too early"
        assert time.monotonic() - began < LIMIT_S
        time.sleep(0.5)


def _of(seed, jobs):
    """Return the jobs of a seed: what Snakemake says of a job ends in its wildcards, of which that is the last."""
    return [job for job in jobs if job["comment"].endswith(f"_{seed}")]
