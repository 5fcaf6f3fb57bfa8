"""The demo run in a fresh copy, paper by paper: wall time, where it goes outside training, peak memory by rule."""

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
TRACED = Path(__file__).parent / "traced"
ADDED = {  # seconds at most
    **{"lottery_ticket": 180, "linear_mode_connectivity": 75, "layers_equal": 60, "deconstructing": 75},
    **{"intriguing_properties": 50, "attacks": 40},
}


NAMED = ("prune", "judge_claims", "collect")  # jobs that share a folder with others


def measure() -> Iterator[Row]:
    """Yield rows; of times only one is taken, as a run takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "reproof")
        told = Path(folder, "told")
        told.mkdir()
        ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "logs", "benchmarks", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=ignored)
        papers, cores, wall = list(ADDED), len(os.sched_getaffinity(0)), 0.0
        for count, (paper, most) in enumerate(ADDED.items(), start=1):
            seconds = _timed(tree, papers[:count])
            wall += seconds
            which = f"{paper}{' adds' if count > 1 else ' from nothing'}"
            yield Row(f"demo run, {cores} cores: {which}", seconds, f"s, at most {most}")
            if count == 1:
                trained = sum(record.get("training_s", 0.0) for record in _records(tree))
                idle = 1 - _covered(tree) / wall
                yield Row("share of its wall time with no training under way", idle, "at most 0.25")
                yield Row("share of its core-seconds outside training", 1 - trained / (wall * cores), "share")
        yield Row("demo run of all papers", wall, "s")
        yield from _split(tree, told, wall * cores)
        yield Row("a second run, which starts nothing", _timed(tree, papers), "s, at most 3")
        for rule, peak in sorted(_peaks(tree).items()):
            yield Row(f"peak memory of {rule}", peak, "GB")


def _timed(tree: Path, papers: Sequence[str]) -> float:
    chosen = ["--config", f"papers=[{','.join(papers)}]"]
    command = ["snakemake", "--cores", "all", "--quiet", "all", *chosen, "--", "results/figures/all"]
    traced = {"PYTHONPATH": str(TRACED), "REPROOF_BENCH": str(tree.with_name("told"))}
    began = time.monotonic()
    subprocess.run(
        command, cwd=tree, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | traced
    )
    return time.monotonic() - began


def _split(tree: Path, told: Path, core_seconds: float) -> Iterator[Row]:
    """Yield what the cores did in the whole run: training, and what else there is.

    Jobs tell how long their process took and how long they trained; the rest is what `traced` tells of each process.
    """
    trained = sum(record.get("training_s", 0.0) for record in _records(tree))
    seconds = list(_seconds(tree))
    spent = {what: sum(_told(told, what)) for what in ("snakemake", "importing", "reading", "writing")}
    working = sum(seconds) - trained - spent["importing"] - spent["reading"] - spent["writing"]
    yield Row(f"core-seconds of its {len(seconds)} jobs: training", trained, "s")
    yield Row("Snakemake: starting, planning, scheduling", spent["snakemake"], "s")
    yield Row("importing", spent["importing"], "s")
    yield Row("reading, hashes of what is read included", spent["reading"], "s")
    yield Row("writing", spent["writing"], "s")
    yield Row("measuring, judging, drawing", working, "s")
    yield Row("starting interpreters, and waiting", core_seconds - trained - sum(spent.values()) - working, "s")


def _told(folder: Path, what: str) -> Iterator[float]:
    """Yield the seconds of each time that a job read or wrote."""
    for path in folder.iterdir():
        lines = [line.split() for line in path.read_text().splitlines()]
        yield from (float(seconds) for kind, seconds in lines if kind == what)


def _seconds(tree: Path) -> Iterator[float]:
    """Yield how long each job took."""
    for path in (tree / "benchmarks").rglob("*.tsv"):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        yield float(row["s"])


def _records(tree: Path) -> Iterator[dict[str, float]]:
    return (json.loads(path.read_text()) for path in (tree / "results").rglob("record.json"))


def _covered(tree: Path) -> float:
    """Return the seconds in which at least one training was under way: each ends when its curves are written."""
    covered, end = 0.0, 0.0
    for began, ended in sorted(_trainings(tree)):
        covered += max(0.0, ended - max(began, end))
        end = max(end, ended)
    return covered


def _trainings(tree: Path) -> Iterator[tuple[float, float]]:
    for record in (tree / "results").rglob("record.json"):
        seconds = json.loads(record.read_text()).get("training_s")
        if seconds:
            ended = record.with_name("curves.parquet").stat().st_mtime
            yield ended - seconds, ended


def _peaks(tree: Path) -> dict[str, float]:
    """Return the greatest resident memory, in GB, among the benchmarks of each kind of result."""
    peaks: dict[str, float] = {}
    for path in (tree / "benchmarks").rglob("*.tsv"):
        kind = _kind(path, tree)
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        if row["max_rss"] not in ("-", "NA"):
            peaks[kind] = max(peaks.get(kind, 0.0), float(row["max_rss"]) * 2**20 / 1e9)
    return peaks


def _kind(path: Path, tree: Path) -> str:
    """Return of what kind a benchmark's result is: its folder of results, or what its file is called."""
    return next((one for one in NAMED if path.stem.startswith(one)), path.relative_to(tree / "benchmarks").parts[0])
