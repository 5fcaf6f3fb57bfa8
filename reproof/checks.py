"""Checks of a merged paper that a schema cannot make: names that must exist, levels and steps that must fit."""

from reproof import catalogue
from reproof.configuration import Configuration, Paper, complaint
from reproof.judging.claims import check_claims
from reproof.metrics import METRICS
from reproof.runs import Run


def checked_runs(paper: Paper, configuration: Configuration) -> dict[str, Run]:
    copy = configuration.data.get("cifar10_copy", "original")
    runs = {key: Run.of(key, one, cifar10_copy=copy) for key, one in paper.settings["runs"].items()}
    for key, run in runs.items():
        for at, what in run.problems():
            raise complaint(paper.source(["runs", key, *at.split(".")]), f"runs.{key}.{at}", what)
    return runs


def check_figures(paper: Paper) -> None:
    kinds = catalogue.registered("figures", "figure")
    for key, figure in paper.settings["figures"].items():
        if figure["kind"] not in kinds:
            what = f"{figure['kind']!r} is unknown; choose one of {', '.join(kinds)}"
            raise complaint(paper.source(["figures", key, "kind"]), f"figures.{key}.kind", what)
        for run in (key for entry in figure["runs"] for key in ([entry] if isinstance(entry, str) else entry)):
            if run not in paper.published_runs:
                raise complaint(
                    paper.source(["figures", key]), f"figures.{key}.runs", f"{run!r} is no run of the paper"
                )


def check_paper_claims(paper: Paper, scales: set[str]) -> None:
    runs = {key: {"ticket", *run.get("controls", {})} for key, run in paper.published_runs.items()}
    for problem in check_claims(paper.settings["claims"], runs=runs, metrics=set(METRICS), scales=scales):
        key, _, what = problem.partition(": ")
        raise complaint(paper.source(["claims"]), key, what)
