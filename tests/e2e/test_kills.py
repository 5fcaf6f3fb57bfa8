"""Whatever is killed, whenever: `make resume` ends in the bytes of an undisturbed run, and leaves nothing else."""

import random
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from killing import VICTIMS, Run, until

from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan
from reproof.provenance.memory import Memory
from reproof.provenance.records import sha256

# Kinds of files that must be equal bit by bit. Records hold times, and logs and benchmarks are of the run.
BYTES = {".parquet", ".safetensors", ".svg", ".png", ".pdf"}
LONG = ("training: {steps: 60, validate_every: 20, test_every: 20}", "training: {steps: 400, validate_every: 20}")
# A training that takes seconds would otherwise never save its state, which happens once a minute.
OFTEN = ("reproof/training/saving.py", "every_s: float = 60.0", "every_s: float = 0.05")
EVERYTHING = "results/figures/all"
KILLS, A_CHAIN, SEED = 20, 4, 20
STARTS_S = 2  # how long a start takes: it makes no progress, and is to be hit as well


@pytest.fixture(scope="module")
def longer(pristine, tmp_path_factory):
    """A workspace whose trainings take seconds and save their state ten times in each."""
    workspace = pristine.copy(tmp_path_factory.mktemp("longer") / "reproof")
    workspace.edit("config/scales/smoke.yaml", *LONG)
    workspace.edit(*OFTEN)
    return workspace


def plan_of(workspace):
    config = yaml.safe_load((workspace / "config/config.yaml").read_text()) | {"scale": "smoke"}
    return Plan(read_configuration(config, folder=workspace / "config"))


def run_to_the_end(workspace, target):
    run = Run.start(workspace, target=target)
    assert run.ended() == 0, (workspace / "out").read_text()
    return workspace


def results(workspace):
    """Return {path: hash} of everything under results/: of the files whose bytes are to be equal, of others None."""
    return {str(path): sha256(workspace / path) if path.suffix in BYTES else None for path in files(workspace)}


def files(workspace):
    return [path for path in workspace.find("*") if (workspace / path).is_file()]


def whole(workspace):
    """Return {path: hash} of the results that Snakemake takes for finished."""
    memory = Memory(workspace / ".snakemake")
    made = [str(path) for path in files(workspace) if path.suffix in BYTES]
    return {
        path: sha256(workspace / path) for path in made if not memory.is_incomplete(path) and memory.read_entry(path)
    }


def test_a_training_killed_three_times_goes_on_each_time(longer, tmp_path):
    """A job, its Snakemake and everything, each once the state was saved: what is trained is not trained again."""
    undisturbed = longer.copy(tmp_path / "undisturbed")
    workspace = longer.copy(tmp_path / "killed")
    plan = plan_of(workspace)
    lenet = plan.runs["lottery_ticket"]["lenet"]
    ticket = f"results/tickets/{lenet.tickets}/0-1/level1"
    trained = [str(Path(plan.locate_dense(lenet.dense, "0-1")).parent), ticket, ticket]
    for victim, folder, state in zip(VICTIMS, trained, ["dense", "ticket_level_1", "ticket_level_1"], strict=True):
        kill_once_saved(workspace, f"{ticket}/checkpoint.safetensors", victim, workspace / folder / f"state.{state}")
    for one in (undisturbed, workspace):
        run_to_the_end(one, f"{ticket}/checkpoint.safetensors")
    for folder, name in ((trained[0], "train_dense"), (ticket, "retrain")):
        assert "goes on from step" in (workspace / folder.replace("results", "logs", 1) / f"{name}.log").read_text()
    assert results(workspace) == results(undisturbed)


def kill_once_saved(workspace, target, victim, state):
    """Kill a run when its job has saved its state twice, counted from now."""
    before = saved_at(state)
    run = Run.start(workspace, target=target)
    first = until(lambda: saved_at(state) > before and saved_at(state))
    until(lambda: saved_at(state) > first)
    run.kill(victim)
    assert run.ended() != 0
    assert run.leaves_nobody_writing()


def saved_at(state):
    return state.stat().st_mtime_ns if state.exists() else 0


@dataclass
class Kill:
    """One kill that met its victim, and what was found after it."""

    chain: int
    moment_s: float
    victim: str
    running: str
    clean: bool  # nobody went on writing, and what counts as finished has the bytes of an undisturbed run
    identical: bool = False  # and in the end everything has

    def __str__(self):
        said = ["yes" if one else "NO" for one in (self.clean, self.identical)]
        return f"{self.chain:5d} {self.moment_s:6.1f} s  {self.victim:10}  {said[0]:5}  {said[1]:9}  {self.running}"


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_twenty_kills_at_random_moments_change_no_byte(longer, tmp_path, capsys):
    """In chains: a run is killed, resumed, killed again further on, and so on; then it goes on to its end."""
    began = time.monotonic()
    expected = results(run_to_the_end(longer.copy(tmp_path / "undisturbed"), EVERYTHING))
    chance, lasts_s, kills = random.Random(SEED), time.monotonic() - began, []
    with capsys.disabled():
        print(f"\nundisturbed: {lasts_s:.0f} s\n kill chain   after  victim      clean  identical  running")
        while len(kills) < KILLS:
            new = a_chain(longer.copy(tmp_path / f"chain{len(kills)}"), expected, chance, lasts_s, kills)
            kills += new
            print(
                *(f"{len(kills) - len(new) + n:5d} {one}" for n, one in enumerate(new, start=1)), sep="\n", flush=True
            )
    assert [one for one in kills if not (one.clean and one.identical)] == []


def a_chain(workspace, expected, chance, lasts_s, before):
    """Kill a run and what goes on from it at moments drawn over its whole length; return the kills."""
    number, kills = (before[-1].chain if before else 0) + 1, []
    moments = sorted(chance.uniform(0, lasts_s) for _ in range(A_CHAIN))
    for earlier, moment in pairwise([0.0, *moments]):
        victim = VICTIMS[(len(before) + len(kills)) % len(VICTIMS)]
        run = Run.start(workspace)
        running = kill_after(run, moment - earlier + chance.uniform(0, STARTS_S), victim)
        if run.ended() == 0:
            break  # it had done everything
        clean = run.leaves_nobody_writing() and whole(workspace).items() <= expected.items()
        kills.append(Kill(number, moment, victim, running, clean))
    run_to_the_end(workspace, EVERYTHING)
    same = results(workspace) == expected and workspace.planned(EVERYTHING) == {}
    return [replace(one, identical=same) for one in kills]


def kill_after(run, wait_s, victim):
    """Kill a victim so long after Snakemake has started, a job as soon as there is one; return what was running."""
    until(lambda: run.snakemake() or run.has_ended())
    began = time.monotonic()
    until(lambda: run.has_ended() or time.monotonic() - began >= wait_s)
    until(lambda: run.has_ended() or victim != "a job" or run.jobs())
    running = ", ".join(run.running())
    run.kill(victim)
    return running or "-"
