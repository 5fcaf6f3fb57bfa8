"""Costs of the results, read from the benchmark files of Snakemake."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """The cost of all jobs of one rule: wall time in seconds, peak memory of a job in MB (None: not sampled).

    `unknown` counts jobs without a benchmark file, whose results were downloaded and not computed here.
    """

    rule: str
    jobs: int
    unknown: int
    seconds: float
    longest: float
    memory: float | None


def read_costs(benchmarks: Mapping[str, Sequence[str | Path]]) -> list[Cost]:
    """Return one Cost per rule, the longest first, from the benchmark files (TSV) of its jobs."""
    found = [_read_cost(rule, [Path(file) for file in files]) for rule, files in benchmarks.items()]
    return sorted(found, key=lambda cost: (-cost.seconds, cost.rule))


def _read_cost(rule: str, files: Sequence[Path]) -> Cost:
    # A result that was pulled has no benchmark: its cost is unknown here, not 0.
    there = [file for file in files if file.is_file()]
    jobs = [row for file in there for row in _read_rows(file)]
    seconds = _parse_numbers(job["s"] for job in jobs)
    memory = _parse_numbers(job["max_rss"] for job in jobs)
    return Cost(
        rule=rule,
        jobs=len(there),
        unknown=len(files) - len(there),
        seconds=sum(seconds),
        longest=max(seconds, default=0.0),
        # A machine must have the memory of the largest job, whereas times add up.
        memory=max(memory, default=None),
    )


def _read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _parse_numbers(texts: Iterable[str]) -> list[float]:
    """Return the numbers among the texts: the memory of a job too short to be sampled is "-" or "NA"."""
    return [float(text) for text in texts if text.replace(".", "", 1).isdigit()]
