"""What a plan holds as a whole: the record that each result must have, and figures, records and costs for the page."""

from collections import defaultdict
from collections.abc import Iterator

from reproof.experiments.configuration import Paper, list_figure_runs
from reproof.experiments.strict_yaml import Tree
from reproof.planning.job_settings import Settings, list_departures
from reproof.planning.plan import Plan
from reproof.planning.planned_job import PlannedJob
from reproof.provenance.integrity import ExpectedRecord

ALWAYS_LISTED = ("measure_movement", "draw_figure")  # on the page, even where a plan has no such job


def list_planned_jobs(plan: Plan) -> list[PlannedJob]:
    """Return all jobs of a plan, each once."""
    return [*dict.fromkeys(plan.list_jobs()), make_gallery_job(plan)]


def list_expected_records(plan: Plan) -> Iterator[ExpectedRecord]:
    """Yield what the record of every result of the plan has to say."""
    return (plan.make_expected_record(job) for job in list_planned_jobs(plan))


def list_upstream_records(plan: Plan, paper: str) -> Iterator[ExpectedRecord]:
    """Yield what the record has to say of everything that a paper's tables are collected from."""
    return (plan.make_expected_record(job) for job in plan.list_upstream(paper))


def make_gallery_job(plan: Plan) -> PlannedJob:
    """Return the job that builds the gallery: its settings hold what the pages say besides figures and verdicts."""
    configuration = plan.configuration
    left_out = ", ".join(configuration.left_out)
    settings: Settings = {
        "scale": f"{configuration.scale}: {configuration.about}" + (f" Left out: {left_out}." if left_out else ""),
        "papers": [_page(plan, paper) for paper in configuration.papers],
        "benchmarks": _benchmarks(plan),
    }
    return PlannedJob(kind="build_gallery", settings=settings)


def _page(plan: Plan, paper: Paper) -> Tree:
    entries = paper.settings["figures"]
    figures = [
        {"stem": plan.locate_figure(paper.name, name), "title": one["title"], "where": one["where"]}
        | {"runs": list_figure_runs(one)}
        for name, one in ((name, entries[name]) for name in plan.list_figures(paper.name))
    ]
    return {
        "name": paper.name,
        **paper.settings["paper"],
        "figures": figures,
        "verdicts": f"{plan.locate_tables(paper.name)}/verdicts.parquet",
        "runs": f"{plan.locate_tables(paper.name)}/runs.json",
        "departures": list_departures(paper),
    }


def _benchmarks(plan: Plan) -> dict[str, list[str]]:
    """Return the benchmark files of all jobs by rule."""
    files: dict[str, set[str]] = defaultdict(set, {rule: set() for rule in ALWAYS_LISTED})
    for job in plan.list_jobs():
        files[job.kind].add(job.benchmark)
    return {rule: sorted(paths) for rule, paths in files.items()}
