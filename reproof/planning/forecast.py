"""Forecast: the jobs, the GPU-hours and the longest chain of a graph of jobs, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from reproof.planning.cost_model import Duration

HOUR_S = 3600
HEAD = ("rule", "jobs", "GPU-hours", "core-hours", "longest job, hours", "time")
Row = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Job:
    """One job: the files it reads and writes, what it holds while it runs, how long that should take."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    duration: Duration
    gpus: int = 0
    cores: int = 1

    @property
    def seconds(self) -> float:
        """Seconds from start to end."""
        return self.duration.seconds


def find_longest_chain(jobs: Sequence[Job]) -> list[Job]:
    """Return the critical path: the jobs, one after the other, that take longest however many run at once."""
    makers = {output: index for index, job in enumerate(jobs) for output in job.outputs}
    needs = {i: {makers[file] for file in job.inputs if file in makers} for i, job in enumerate(jobs)}
    ends: dict[int, float] = {}
    before: dict[int, int] = {}
    for index in TopologicalSorter(needs).static_order():
        ends[index] = jobs[index].seconds
        if needs[index]:
            before[index] = max(needs[index], key=lambda one: (ends[one], jobs[one].outputs))  # of equals, always one
            ends[index] += ends[before[index]]
    backwards = [max(ends, key=lambda one: (ends[one], jobs[one].outputs))] if ends else []
    while backwards and backwards[-1] in before:
        backwards.append(before[backwards[-1]])
    return [jobs[index] for index in reversed(backwards)]


def format_forecast(jobs: Sequence[Job]) -> str:
    """Return the table of jobs and hours by rule, and the longest chain, as lines of text."""
    rules = list(dict.fromkeys(job.rule for job in jobs))
    by_rule = {rule: [job for job in jobs if job.rule == rule] for rule in rules} | {"all": jobs}
    rows = [HEAD, *(_format_row(name, which) for name, which in by_rule.items())]
    return "\n".join([*_align(rows), "", *_format_chain(find_longest_chain(jobs))])


def _format_row(name: str, jobs: Sequence[Job]) -> Row:
    gpu = _format_hours(sum(job.gpus * job.seconds for job in jobs))
    core = _format_hours(sum(job.cores * job.seconds for job in jobs))
    longest = _format_hours(max((job.seconds for job in jobs), default=0.0))
    return name, f"{len(jobs):,}", gpu, core, longest, _format_sources(jobs)


def _format_hours(seconds: float) -> str:
    hours = seconds / HOUR_S
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2f}"


def _format_sources(jobs: Sequence[Job]) -> str:
    """Return whether the times were measured, or are estimates, or how many of which."""
    measured = sum(job.duration.measured for job in jobs)
    if 0 < measured < len(jobs):
        return f"{measured} measured, {len(jobs) - measured} estimated"
    return "measured" if measured else "estimated"


def _align(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for name, *numbers, source in rows:
        middle = "  ".join(number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True))
        yield f"{name.ljust(widths[0])}  {middle}  {source}"


def _format_chain(chain: Sequence[Job]) -> Iterator[str]:
    hours = _format_hours(sum(job.seconds for job in chain))
    counts = Counter(job.rule for job in chain)
    parts = ", ".join(f"{count} {rule}" for rule, count in counts.items())
    yield f"longest chain: {hours} hours in {len(chain)} jobs, however many GPUs there are: {parts}"
