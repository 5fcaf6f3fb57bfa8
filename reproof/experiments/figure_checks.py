"""Checks of a paper's figures: kinds, runs and options that must exist, and metrics that their runs must measure."""

from collections.abc import Iterator, Mapping
from typing import Any

from reproof import registry
from reproof.declarations.evaluate import read_declaration
from reproof.experiments.configuration import Paper, describe_unknown, list_figure_runs
from reproof.experiments.option_types import find_type_problem
from reproof.experiments.options import Problem
from reproof.experiments.strict_yaml import Tree
from reproof.metrics import read_metrics, read_metrics_of

KIND = ("figures", "figure")
SELECTED = ("early_stop", "validation")  # in the names of metrics that need a validation set


def check_figures(paper: Paper) -> None:
    """Raise ReproofError for the first figure that cannot be drawn, as published and as the scale has it.

    A run that this scale leaves out, or an evaluation of it, leaves a panel that says so, which is no error.
    """
    published = paper.published_runs
    for source in (paper.published, paper.merged):
        runs = source.settings["runs"]
        for key, figure in source.settings["figures"].items():
            problems = [*_find_unknown(figure, tuple(published))] or _find_missing(figure, runs, published)
            for at, what in problems:
                raise source.make_complaint(f"figures.{key}.{at}", what)


def _find_unknown(figure: Tree, runs: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the errors in kind, runs and options of a figure."""
    kinds = registry.list_registered(*KIND)
    if figure["kind"] not in kinds:
        yield "kind", describe_unknown(figure["kind"], kinds)
        return
    for run in list_figure_runs(figure):
        if run not in runs:
            yield "runs", describe_unknown(run, runs)
    options, annotations = (
        registry.list_options(*KIND, figure["kind"]),
        registry.read_annotations(*KIND, figure["kind"]),
    )
    for option, value in figure.get("options", {}).items():
        if option not in options:
            yield f"options.{option}", describe_unknown(option, options)
        elif problem := find_type_problem(annotations.get(option, "Any"), value):
            yield f"options.{option}", problem


def _find_missing(figure: Tree, runs: Tree, published: Tree) -> Iterator[Problem]:
    """Yield the metrics that a figure reads and its runs do not measure."""
    kind, figure_runs = figure["kind"], list_figure_runs(figure)
    measured = {
        # An evaluation that only the paper has was left out by the scale.
        run: _list_evaluated(run, published) | (_list_trained(runs[run]) if run in runs else set())
        for run in figure_runs
    }
    for entry in read_declaration(*KIND, kind, only="reads")["reads"](figure.get("options", {})):
        metrics = (entry,) if isinstance(entry, str) else tuple(entry)
        unknown = [metric for metric in metrics if metric not in read_metrics()]
        yield from (("options", describe_unknown(metric, tuple(read_metrics()))) for metric in unknown)
        lacking = [run for run in figure_runs if run in runs and measured[run].isdisjoint(metrics)]
        for run in () if unknown else lacking:
            remedy = _advise(metrics[0], runs[run])
            yield "runs", f"{run} has no {' or '.join(metrics)}; {remedy}"
        if not set(figure_runs) <= runs.keys():
            continue  # a run that the scale leaves out may be the one that measures it
        for metric in metrics if not (unknown or lacking) else ():
            if all(metric not in found for found in measured.values()):
                yield "options", f"no run of the figure has {metric}; leave it out"


def _list_trained(run: Mapping[str, Any]) -> set[str]:
    """Return the metrics of the trainings of a run: of its learning curves, and of the movement of pruned weights."""
    curves = read_metrics_of("measure", decorator="measurement", place="pipeline").keys()
    validated = run["dataset"].get("validation", 0) > 0
    found = {name for name in curves if validated or not any(word in name for word in SELECTED)}
    moved = read_metrics_of("measure_movement", decorator="measurement").keys()
    return found | (set(moved) if run.get("levels") else set())


def _list_evaluated(run: str, runs: Tree) -> set[str]:
    """Return the metrics that evaluations measure under the name of a run: its own, and those reported as it."""
    evaluations = [
        one["measure"]
        for key, each in runs.items()
        for one in each.get("evaluations", {}).values()
        if one.get("report_as", {}).get("run", key) == run
    ]
    known = registry.list_registered("operations", "operation")
    return {metric for operation in evaluations if operation in known for metric in read_metrics_of(operation)}


def _advise(metric: str, run: Mapping[str, Any]) -> str:
    if any(word in metric for word in SELECTED) and not run["dataset"].get("validation"):
        return "give it dataset.validation"
    operations = registry.list_registered("operations", "operation")
    measuring = [name for name in operations if metric in read_metrics_of(name)]
    return f"let {measuring[0]} evaluate it, or leave it out" if measuring else "leave it out"
