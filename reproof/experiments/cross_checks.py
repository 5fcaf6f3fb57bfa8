"""Checks of a merged paper that a schema cannot make: names that must exist, levels and steps that must fit."""

from collections.abc import Iterator

from reproof.experiments.configuration import Configuration, Paper, describe_unknown
from reproof.experiments.controls_and_evaluations import Evaluation
from reproof.experiments.runs import Run, add_victims
from reproof.experiments.schemas import SettingsSource
from reproof.experiments.strict_yaml import Tree
from reproof.judging.checks import Known, check_claims
from reproof.judging.claims import Claim
from reproof.metrics import read_metrics


def find_checked_runs(paper: Paper, configuration: Configuration) -> dict[str, Run]:
    """Return the runs of a paper at this scale; raise ReproofError for the first invalid run."""
    known = tuple(paper.published_runs)
    for source in (paper.published, paper.merged):
        _check_runs(source, _runs(source, configuration), known)
    return find_runs(paper, configuration)


def find_runs(paper: Paper, configuration: Configuration) -> dict[str, Run]:
    """Return the runs of a paper at this scale without a check."""
    runs = _runs(paper.merged, configuration)
    return {key: add_victims(run, runs) for key, run in runs.items()}


def _runs(source: SettingsSource, configuration: Configuration) -> dict[str, Run]:
    copy = configuration.data.get("cifar10_copy", "original")
    return {key: Run.of(key, one, cifar10_copy=copy) for key, one in source.settings["runs"].items()}


def _check_runs(source: SettingsSource, runs: dict[str, Run], known: tuple[str, ...]) -> None:
    for key, run in runs.items():
        for at, what in run.find_problems():
            raise source.make_complaint(f"runs.{key}.{at}", what)
        for name, one in run.evaluations.items():
            if one.reported_run and one.reported_run not in known:
                where = f"runs.{key}.evaluations.{name}.report_as.run"
                raise source.make_complaint(where, describe_unknown(one.reported_run, known))
            for what in _victim_problems(run, one, runs, known):
                raise source.make_complaint(f"runs.{key}.evaluations.{name}.victims", what)


def _victim_problems(run: Run, evaluation: Evaluation, runs: dict[str, Run], known: tuple[str, ...]) -> Iterator[str]:
    """Yield why a run cannot be a victim: it is unknown, has other seeds, or its network reads other inputs."""
    for key in evaluation.options.get("victims", ()):
        if key not in known:
            yield describe_unknown(key, known)
        elif key in runs and (runs[key].seeds, runs[key].seeds_a_job) != (run.seeds, run.seeds_a_job):
            yield f"{key} has {runs[key].seeds} seeds where this run has {run.seeds}; give both as many"
        elif key in runs and runs[key].inputs != run.inputs:
            yield f"{key} is not given the same pixels; let both have the same data set and the same dataset.pixels"


def check_references(paper: Paper) -> None:
    """Raise ReproofError for a published value of an unknown run or metric, as published and as the scale has it."""
    for source in (paper.published, paper.merged):
        for place, reference in enumerate(source.settings.get("references", [])):
            for key, known in (("run", tuple(paper.published_runs)), ("metric", tuple(read_metrics()))):
                if reference[key] not in known:
                    raise source.make_complaint(f"references[{place}].{key}", describe_unknown(reference[key], known))


def check_paper_claims(paper: Paper, scales: set[str]) -> None:
    """Raise ReproofError for a claim on an unknown run, arm, metric or scale, as published and at this scale."""
    known = Known(runs=_arms(paper.published.settings["runs"]), metrics=set(read_metrics()), scales=scales)
    for source in (paper.published, paper.merged):
        for problem in check_claims([Claim.parse(claim) for claim in source.settings["claims"]], known):
            key, _, what = problem.partition(": ")
            raise source.make_complaint(key, what)


def _arms(runs: Tree) -> dict[str, set[str]]:
    """Return the arms collected under the name of each run: its own, and those of evaluations reported as this run."""
    arms = {key: {"ticket", *run.get("controls", {})} for key, run in runs.items()}
    for key, run in runs.items():
        for one in run.get("evaluations", {}).values():
            reported = one.get("report_as", {})
            arms[reported.get("run", key)] |= {reported.get("arm", "ticket"), *one.get("controls", {})}
    return arms
