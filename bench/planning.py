"""Measure the time to plan a graph of ten thousand jobs, and that of a plain workflow with as many jobs.

The plain workflow shows Snakemake's own share: its one rule has as many files, parameters and resources per job.
The timed command (`--rulegraph`) builds the whole graph, decides which jobs to run, and prints only the rules; a dry
run would also print every job. Times are processor seconds, because planning is one process.
"""

import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.rows import Row, compute_ratio, summarise_repeats

ROOT = Path(__file__).parent.parent
SCALE, BLOCKS = "config/scales/paper.yaml", ("seeds: 5", "seeds: 3")  # fewer seeds in a job give more jobs
REPEATS = 3
PLAIN_SNAKEFILE = """
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
    """Yield planning times, and their ratio to those of the plain workflow, from interleaved repeats."""
    with tempfile.TemporaryDirectory() as folder:
        tree, plain = Path(folder, "reproof"), Path(folder, "plain")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "dvcstore"))
        _edit(tree / SCALE, *BLOCKS)
        jobs = _count_jobs(tree)
        _write_plain(plain, jobs)
        ours, theirs = [], []
        for _ in range(REPEATS):
            ours.append(_measure_cpu_seconds(_make_command(tree, "--rulegraph"), tree))
            theirs.append(_measure_cpu_seconds(_make_command(plain, "--rulegraph"), plain))
        yield Row("jobs planned", float(jobs), "jobs")
        yield summarise_repeats("planning all jobs", ours, "s")
        yield summarise_repeats(
            "planning 10,000 jobs, at this rate", [one / jobs * 10_000 for one in ours], "s, at most 12"
        )
        yield summarise_repeats("planning as many jobs of a plain workflow", theirs, "s")
        yield compute_ratio("planning all jobs over planning as many of a plain workflow", ours, theirs)
    yield Row("importing Snakemake", _measure_cpu_seconds([sys.executable, "-c", "import snakemake.cli"], ROOT), "s")


def _edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of `old` in a file."""
    path.write_text(path.read_text().replace(old, new, 1))


def _write_plain(folder: Path, jobs: int) -> None:
    """Write the plain workflow with about this number of jobs, in chains of 25."""
    folder.mkdir()
    # 25 levels a run, like the levels of pruning: each depends on the one before.
    (folder / "Snakefile").write_text(PLAIN_SNAKEFILE.replace("RUNS", str(jobs // 25)))
    (folder / "one.py").touch()
    (folder / "one.yaml").write_text("dependencies: [python]\n")


def _count_jobs(tree: Path) -> int:
    """Return the number of jobs that a dry run plans."""
    printed = subprocess.run(_make_command(tree, "-n"), cwd=tree, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^total +(\d+)$", printed, flags=re.MULTILINE)
    # Snakemake's summary ends with the total of all rules.
    assert found
    return int(found[1])


def _make_command(tree: Path, what: str) -> list[str]:
    """Return a Snakemake command line; this project's tree plans all figures at the paper scale."""
    ours = ["--config", "scale=paper", "--", "results/figures/all"] if (tree / SCALE).exists() else []
    return ["snakemake", what, "--quiet", "rules", *ours]


def _measure_cpu_seconds(command: Sequence[str], at: Path) -> float:
    """Return the processor seconds of a command and its children, run in the folder `at`."""
    # Differences: the counter adds up all children that have ended.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=at, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
