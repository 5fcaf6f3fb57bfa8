"""Publish what the scales name under `publish`: `make publish`. A command, never a rule: it changes what rules track.

Refuses when anything is stale, damaged, not committed or too large; then lets DVC take the results and Snakemake's
memory of them, puts them into the remote, and pulls them as a user would, to see that nothing would be made again. What
is left to do is a git commit.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from reproof.experiments.configuration import list_names, read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.plan import Plan
from reproof.provenance.memory import Memory
from reproof.publishing.publication import (
    choose_code_to_publish,
    describe_stage,
    list_folders_to_remember,
    list_published,
    list_targets,
    read_code,
    refuse_too_much,
    refuse_uncommitted,
    write_stage,
)
from reproof.storage.files import ReproofError
from workflow.command import run_command

NOTHING = "Nothing to be done"
DRAWN = {"draw_figure", "build_gallery", "total"}  # after a pull: figures do not travel
LOCKED = ("dvc.yaml", "dvc.lock", "dvcstore")  # what publishing changes


def main() -> None:
    """Publish; raise ReproofError if results must not be published."""
    refuse_uncommitted()
    plans = _plans()
    for plan in plans:
        _refuse_stale(plan)
    Memory().forget_absent(but={folder for plan in plans for folder in list_folders_to_remember(plan)})
    outputs = [path for plan in plans for path in list_published(plan)]
    megabytes = refuse_too_much(outputs)
    code = choose_code_to_publish(plans, read_code())
    write_stage(describe_stage(outputs, code))
    _run("dvc", "commit", "--force", "--quiet")
    _run("dvc", "push", "--quiet")
    _refuse_made_again(plans)
    _run("dvc", "gc", "--workspace", "--cloud", "--force", "--quiet")  # earlier ones stay in git's history
    _run("git", "add", "dvc.yaml", "dvc.lock", "dvcstore")
    scales = ", ".join(plan.scale for plan in plans)
    print(f"published: {scales}, {megabytes:.1f} MB; keep it with: git commit -m 'Publish {scales}'")


def _plans() -> list[Plan]:
    config = read_yaml(Path("config/config.yaml"))
    every = [Plan(read_configuration(config | {"scale": scale})) for scale in list_names(Path("config/scales"))]
    return [plan for plan in every if plan.configuration.publish is not None]


def _refuse_stale(plan: Plan) -> None:
    command = ["snakemake", "-n", *list_targets(plan), "--config", f"scale={plan.scale}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    text = done.stdout + done.stderr
    if done.returncode:
        raise ReproofError(next((line for line in text.splitlines() if "rror" in line), text).removeprefix("error: "))
    if NOTHING not in text:
        scale = shlex.quote(f"scale={plan.scale}")
        again = f"snakemake --cores all --config {scale} -- results/figures/all"
        raise ReproofError(f"results of scale {plan.scale} are stale or not made; make them with: {again}")


def _refuse_made_again(plans: Iterable[Plan]) -> None:
    """Raise ReproofError if somebody who pulls what was published would make any of it again."""
    with TemporaryDirectory() as folder:
        tree = Path(folder, "pulled")
        _run("git", "clone", "--quiet", ".", str(tree))
        for name in LOCKED:
            copy = shutil.copytree if Path(name).is_dir() else shutil.copy
            copy(name, tree / name, **({"dirs_exist_ok": True} if Path(name).is_dir() else {}))
        _run("dvc", "pull", "--quiet", at=tree)
        for plan in plans:
            papers = f"papers=[{','.join(plan.configuration.publish or {})}]"
            text = _run("snakemake", "-n", "results/figures/all", "--config", f"scale={plan.scale}", papers, at=tree)
            again = {rule: count for rule, count in _counts(text).items() if rule not in DRAWN}
            if again:
                raise ReproofError(
                    f"results of scale {plan.scale}, once pulled, would be made again ({_listed(again)}): what "
                    "Snakemake remembers of them is not whole here; publish where all were made; undo this with: "
                    f"git checkout {' '.join(LOCKED)} && git clean -fdq dvcstore"
                )


def _counts(text: str) -> dict[str, int]:
    """Return how many jobs of each rule a dry run lists."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {rule}" for rule, count in counts.items())


def _run(*command: str, at: Path | None = None) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=at)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


if __name__ == "__main__":
    run_command(main, "python -m workflow.publish")
