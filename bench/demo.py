"""The demo run in a fresh copy, paper by paper: wall time, the share of it outside training, peak memory by rule."""

import csv
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ADDED = {  # seconds at most
    **{"lottery_ticket": 180, "linear_mode_connectivity": 75, "layers_equal": 60, "deconstructing": 75},
    **{"intriguing_properties": 50, "attacks": 40},
}


def measure() -> Iterator[tuple[str, float, str]]:
    """Yield (quantity, value, unit)."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "reproof")
        ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "logs", "benchmarks", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=ignored)
        papers, cores, wall = list(ADDED), len(os.sched_getaffinity(0)), 0.0
        for count, (paper, most) in enumerate(ADDED.items(), start=1):
            seconds = _timed(tree, papers[:count])
            wall += seconds
            which = f"{paper}{' adds' if count > 1 else ' from nothing'}"
            yield f"demo run, {cores} cores: {which}", seconds, f"s, at most {most}"
            if count == 1:
                trained = sum(record.get("training_s", 0.0) for record in _records(tree))
                yield "share of its wall time with no training under way", 1 - _covered(tree) / wall, "at most 0.25"
                yield "share of its core-seconds outside training", 1 - trained / (wall * cores), "share"
        yield "demo run of all papers", wall, "s"
        yield "a second run, which starts nothing", _timed(tree, papers), "s, at most 5"
        for rule, peak in sorted(_peaks(tree).items()):
            yield f"peak memory of {rule}", peak, "GB"


def _timed(tree: Path, papers: Sequence[str]) -> float:
    chosen = ["--config", f"papers=[{','.join(papers)}]"]
    command = ["snakemake", "--cores", "all", "--quiet", "all", *chosen, "--", "results/figures/all"]
    began = time.monotonic()
    subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


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
        kind = path.relative_to(tree / "benchmarks").parts[0]
        kind = "prune" if path.stem.startswith("prune") else kind
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        if row["max_rss"] not in ("-", "NA"):
            peaks[kind] = max(peaks.get(kind, 0.0), float(row["max_rss"]) * 2**20 / 1e9)
    return peaks
