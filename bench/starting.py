"""What it takes to start: a graph of ten thousand jobs planned, and one of as many that asks nothing of this project.

The second says how much of it is Snakemake's own: as many jobs of a rule with as many files, parameters and resources.
What is timed builds the whole graph, decides what is to run, and draws the few rules of it; a dry run would also write
out every job. Processor seconds, as a start is one process.
"""

import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.rows import Row, of_repeats, over

ROOT = Path(__file__).parent.parent
SCALE, BLOCKS = "config/scales/paper.yaml", ("seeds: 5", "seeds: 3")  # fewer seeds a job: more jobs
REPEATS = 3
PLAIN = """
rule all:
    input: expand("r/{run}/{level}.txt", run=range(RUNS), level=range(25))
rule one:
    input: a=lambda w: [] if w.level == "0" else f"r/{w.run}/{int(w.level) - 1}.txt"
    output: a="r/{run}/{level}.txt", b="r/{run}/{level}.json"
    log: "logs/{run}/{level}.log"
    benchmark: "benchmarks/{run}/{level}.tsv"
    conda: "one.yaml"
    threads: 1
    resources: gpu=0, mem_mb=lambda w, attempt: 100 * attempt, runtime=lambda w, attempt: 10 * attempt
    params: settings=lambda w: w.run, code=lambda w: w.level, state="s/{run}/{level}"
    message: "Make {wildcards.run}"
    script: "one.py"
"""


def measure() -> Iterator[Row]:
    """Yield rows."""
    with tempfile.TemporaryDirectory() as folder:
        tree, plain = Path(folder, "reproof"), Path(folder, "plain")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "dvcstore"))
        _edit(tree / SCALE, *BLOCKS)
        jobs = _planned(tree)
        _write_plain(plain, jobs)
        ours, theirs = [], []
        for _ in range(REPEATS):
            ours.append(_cpu_seconds(_command(tree, "--rulegraph"), tree))
            theirs.append(_cpu_seconds(_command(plain, "--rulegraph"), plain))
        yield Row("jobs planned", float(jobs), "jobs")
        yield of_repeats("planning them", ours, "s")
        yield of_repeats("planning 10,000 jobs, at that rate", [one / jobs * 10_000 for one in ours], "s, at most 12")
        yield of_repeats("planning as many that ask nothing", theirs, "s")
        yield over("planning them over planning as many that ask nothing", ours, theirs)
    yield Row("importing Snakemake", _cpu_seconds([sys.executable, "-c", "import snakemake.cli"], ROOT), "s")


def _edit(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


def _write_plain(folder: Path, jobs: int) -> None:
    folder.mkdir()
    (folder / "Snakefile").write_text(PLAIN.replace("RUNS", str(jobs // 25)))
    (folder / "one.py").touch()
    (folder / "one.yaml").write_text("dependencies: [python]\n")


def _planned(tree: Path) -> int:
    told = subprocess.run(_command(tree, "-n"), cwd=tree, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^total +(\d+)$", told, flags=re.MULTILINE)
    assert found
    return int(found[1])


def _command(tree: Path, what: str) -> list[str]:
    ours = ["--config", "scale=paper", "--", "results/figures/all"] if (tree / SCALE).exists() else []
    return ["snakemake", what, "--quiet", "rules", *ours]


def _cpu_seconds(command: Sequence[str], at: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=at, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
