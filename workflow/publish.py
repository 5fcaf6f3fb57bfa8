"""Publish what the scales name under `publish`: `make publish`. A command, never a rule: it changes what rules track.

Refuses when anything is stale, damaged, not committed or too large; then lets DVC take the results and Snakemake's
memory of them, and puts them into the remote. What is left to do is a git commit.
"""

import subprocess
import sys
from pathlib import Path

import yaml

from reproof.configuration import available, read_configuration
from reproof.files import ReproofError, write_text
from reproof.guard import Memory
from reproof.plan import Plan
from reproof.publishing import CODE, published, refuse_too_much, stage, targets
from reproof.yaml_files import read_yaml

ABOUT = "# Written by `make publish`: what travels, bound to the code that made it. docs/sharing.md explains it.\n"
NOTHING = "Nothing to be done"


def main() -> None:
    """Publish, or say in one line why not."""
    try:
        _refuse_uncommitted()
        plans = _plans()
        for plan in plans:
            _refuse_stale(plan)
        Memory().forget_absent()
        outputs = [path for plan in plans for path in published(plan)]
        megabytes = refuse_too_much(outputs)
    except ReproofError as error:
        sys.exit(f"error: {error}")
    write_text("dvc.yaml", ABOUT + yaml.safe_dump(stage(outputs), sort_keys=False))
    _run("dvc", "commit", "--force", "--quiet")
    _run("dvc", "push", "--quiet")
    _run("dvc", "gc", "--workspace", "--cloud", "--force", "--quiet")  # earlier ones stay in git's history
    _run("git", "add", "dvc.yaml", "dvc.lock", "dvcstore")
    scales = ", ".join(plan.scale for plan in plans)
    print(f"published: {scales}, {megabytes:.1f} MB; keep it with: git commit -m 'Publish {scales}'")


def _plans() -> list[Plan]:
    config = read_yaml(Path("config/config.yaml"))
    every = [Plan(read_configuration(config | {"scale": scale})) for scale in available(Path("config/scales"))]
    return [plan for plan in every if plan.configuration.publish is not None]


def _refuse_uncommitted() -> None:
    changed = _run("git", "status", "--porcelain", "--", *CODE).strip()
    if changed:
        first = changed.splitlines()[0].split()[-1]
        raise ReproofError(f"{first}: is not committed; results are published with the code that made them: commit it")


def _refuse_stale(plan: Plan) -> None:
    command = ["snakemake", "-n", *targets(plan), "--config", f"scale={plan.scale}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    told = done.stdout + done.stderr
    if done.returncode:
        raise ReproofError(next((line for line in told.splitlines() if "rror" in line), told).removeprefix("error: "))
    if NOTHING not in told:
        again = f"snakemake --cores all --config scale={plan.scale} -- results/figures/all"
        raise ReproofError(f"results of scale {plan.scale} are stale or not made; make them with: {again}")


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
