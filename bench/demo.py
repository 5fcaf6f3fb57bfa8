"""Measure a demo run in a fresh copy, paper by paper: wall time, time outside training, peak memory of each rule."""

import csv
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.rows import Row

ROOT = Path(__file__).parent.parent
TRACING = Path(__file__).parent / "tracing"
BOUNDS = {  # the most seconds that each paper may add
    **{"lottery_ticket": 180, "linear_mode_connectivity": 75, "layers_equal": 60, "deconstructing": 75},
    **{"intriguing_properties": 50, "attacks": 40},
}


SHARED = ("prune", "judge_claims", "collect")  # rules whose benchmarks share a folder with those of other rules


def measure() -> Iterator[Row]:
    """Yield wall times, shares outside training and peak memories, each measured once because a run takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy without results: finished results would leave nothing to run.
        tree = Path(folder, "reproof")
        spans = Path(folder, "spans")
        spans.mkdir()
        ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "logs", "benchmarks", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=ignored)
        papers, cores, wall = list(BOUNDS), len(os.sched_getaffinity(0)), 0.0
        # Papers are added one by one: a later one finds the data that it shares with the first.
        for count, (paper, most) in enumerate(BOUNDS.items(), start=1):
            seconds = _measure_wall_seconds(tree, papers[:count])
            wall += seconds
            which = f"{paper}{' added' if count > 1 else ' from nothing'}"
            yield Row(f"demo run, {cores} cores: {which}", seconds, f"s, at most {most}")
            if count == 1:
                trained = sum(record.get("training_s", 0.0) for record in _read_records(tree))
                # Now, while the tree holds only the first paper's records.
                idle = 1 - _compute_covered_seconds(tree) / wall
                yield Row("demo run of the first paper: share of wall time without any training", idle, "at most 0.25")
                yield Row(
                    "demo run of the first paper: share of core-seconds outside training",
                    1 - trained / (wall * cores),
                    "share",
                )
        yield Row("demo run of all papers", wall, "s")
        yield from _split_core_seconds(tree, spans, wall * cores)
        yield Row("second demo run, with no job left to run", _measure_wall_seconds(tree, papers), "s, at most 3")
        for rule, peak in sorted(_find_peaks(tree).items()):
            yield Row(f"peak memory of {rule}", peak, "GB")


def _measure_wall_seconds(tree: Path, papers: Sequence[str]) -> float:
    """Return the wall seconds of a demo run of the papers in `tree`, on all cores."""
    chosen = ["--config", f"papers=[{','.join(papers)}]"]
    command = ["snakemake", "--cores", "all", "--quiet", "all", *chosen, "--", "results/figures/all"]
    traced = {"PYTHONPATH": str(TRACING), "REPROOF_BENCH": str(tree.with_name("spans"))}
    began = time.monotonic()
    subprocess.run(
        command, cwd=tree, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | traced
    )
    return time.monotonic() - began


def _split_core_seconds(tree: Path, spans: Path, core_seconds: float) -> Iterator[Row]:
    """Yield the core-seconds of the whole run by activity.

    Benchmark files hold the duration of each job, records its training time, and `bench/tracing` writes the rest.
    """
    trained = sum(record.get("training_s", 0.0) for record in _read_records(tree))
    seconds = list(_read_job_seconds(tree))
    spent = {what: sum(_read_spans(spans, what)) for what in ("snakemake", "importing", "reading", "writing")}
    # The rest of the jobs' seconds, not measured itself.
    working = sum(seconds) - trained - spent["importing"] - spent["reading"] - spent["writing"]
    yield Row(f"core-seconds of {len(seconds)} jobs: training", trained, "s")
    yield Row("core-seconds of Snakemake: starting, planning, scheduling", spent["snakemake"], "s")
    yield Row("core-seconds of jobs: importing", spent["importing"], "s")
    yield Row("core-seconds of jobs: reading, with hashes of inputs", spent["reading"], "s")
    yield Row("core-seconds of jobs: writing", spent["writing"], "s")
    yield Row("core-seconds of jobs: measuring, judging, drawing", working, "s")
    yield Row(
        "core-seconds left: starting interpreters, waiting", core_seconds - trained - sum(spent.values()) - working, "s"
    )


def _read_spans(folder: Path, what: str) -> Iterator[float]:
    """Yield the seconds of each traced span of this activity, over all processes."""
    for path in folder.iterdir():
        lines = [line.split() for line in path.read_text().splitlines()]
        yield from (float(seconds) for kind, seconds in lines if kind == what)


def _read_job_seconds(tree: Path) -> Iterator[float]:
    """Yield the wall seconds of each job, from its benchmark file."""
    for path in (tree / "benchmarks").rglob("*.tsv"):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        yield float(row["s"])


def _read_records(tree: Path) -> Iterator[dict[str, float]]:
    """Return the records of all jobs of the tree."""
    return (json.loads(path.read_text()) for path in (tree / "results").rglob("record.json"))


def _compute_covered_seconds(tree: Path) -> float:
    """Return the wall seconds during which at least one training ran."""
    covered, end = 0.0, 0.0
    for began, ended in sorted(_read_training_spans(tree)):
        # Trainings overlap on several cores; each second counts once.
        covered += max(0.0, ended - max(began, end))
        end = max(end, ended)
    return covered


def _read_training_spans(tree: Path) -> Iterator[tuple[float, float]]:
    """Yield start and end of each training, in seconds since the epoch; it ends when its curves are written."""
    for record in (tree / "results").rglob("record.json"):
        seconds = json.loads(record.read_text()).get("training_s")
        if seconds:
            ended = record.with_name("curves.parquet").stat().st_mtime
            yield ended - seconds, ended


def _find_peaks(tree: Path) -> dict[str, float]:
    """Return the greatest resident memory, in GB, of the jobs of each rule."""
    peaks: dict[str, float] = {}
    for path in (tree / "benchmarks").rglob("*.tsv"):
        kind = _find_rule(path, tree)
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        # Snakemake samples memory every few seconds: very short jobs have none.
        if row["max_rss"] not in ("-", "NA"):
            # Snakemake writes MiB (2^20 bytes), this table GB (10^9 bytes).
            peaks[kind] = max(peaks.get(kind, 0.0), float(row["max_rss"]) * 2**20 / 1e9)
    return peaks


def _find_rule(path: Path, tree: Path) -> str:
    """Return the rule of a benchmark file: its folder, or the start of its name where rules share a folder."""
    return next((one for one in SHARED if path.stem.startswith(one)), path.relative_to(tree / "benchmarks").parts[0])
