"""The demo run in a fresh copy, paper by paper: wall time, where it goes outside training, peak memory by rule."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
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
SCRIPTS = {  # of those kinds that are not called as their script
    **{"data": "fetch_dataset", "dense": "train_dense", "tickets": "retrain", "controls": "train_control"},
    **{"movement": "measure_movement", "figures": "draw_figure"},
}
IMPORT = "import {}"
START = """
import snakemake.cli
from reproof.configuration import read_configuration
from reproof.plan import Plan
from reproof.yaml_files import ROOT, read_yaml
Plan(read_configuration(read_yaml(ROOT / "config/config.yaml"), trusted=True), trusted=True)
"""


def measure() -> Iterator[Row]:
    """Yield (quantity, value, unit)."""
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

    Jobs tell how long their process took and how long they trained, and `traced` what they read and wrote. What
    its imports take is measured here, once for each kind of job, and so is the start of Snakemake that comes before
    each; what starts read counts as starting.
    """
    trained = sum(record.get("training_s", 0.0) for record in _records(tree))
    jobs = [(_kind(path, tree), seconds) for path, seconds in _seconds(tree)]
    importing = {kind: _wall(IMPORT.format(_modules(SCRIPTS.get(kind, kind)))) for kind in {kind for kind, _ in jobs}}
    imported = sum(importing[kind] for kind, _ in jobs)
    starting = len(jobs) * _wall(START)
    files = {what: sum(_told(told, what)) for what in ("reading", "writing")}
    working = sum(seconds for _, seconds in jobs) - trained - imported - sum(files.values())
    rest = core_seconds - trained - starting - imported - working - sum(files.values())
    yield Row(f"core-seconds of its {len(jobs)} jobs: training", trained, "s")
    yield Row("starting Snakemake for each of them", starting, "s")
    yield Row("importing", imported, "s")
    yield Row("reading, hashes of what is read included", files["reading"], "s")
    yield Row("writing", files["writing"], "s")
    yield Row("measuring, judging, drawing", working, "s")
    yield Row("scheduling and waiting", rest, "s")


def _told(folder: Path, what: str) -> Iterator[float]:
    """Yield the seconds of each time that a job read or wrote."""
    for path in folder.iterdir():
        lines = [line.split() for line in path.read_text().splitlines()]
        yield from (float(seconds) for kind, seconds in lines if kind == what)


def _seconds(tree: Path) -> Iterator[tuple[Path, float]]:
    for path in (tree / "benchmarks").rglob("*.tsv"):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        yield path, float(row["s"])


def _modules(script: str) -> str:
    """Return what a script imports of the library."""
    text = (ROOT / f"workflow/scripts/{script}.py").read_text()
    return ", ".join(re.findall(r"^ *from (reproof\.[\w.]+) import", text, flags=re.MULTILINE))


def _wall(code: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
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
        kind = _kind(path, tree)
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        if row["max_rss"] not in ("-", "NA"):
            peaks[kind] = max(peaks.get(kind, 0.0), float(row["max_rss"]) * 2**20 / 1e9)
    return peaks


def _kind(path: Path, tree: Path) -> str:
    """Return of what kind a benchmark's result is: its folder of results, or what its file is called."""
    return next((one for one in NAMED if path.stem.startswith(one)), path.relative_to(tree / "benchmarks").parts[0])
