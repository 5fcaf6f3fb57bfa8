"""The plan: every job that a scale asks for, as values, enumerated before Snakemake builds its graph.

Rules ask the plan by their wildcards for what a job reads, its settings and the fingerprint of its code. Nothing here
imports torch.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reproof.experiments.configuration import Configuration, list_drawn_figures
from reproof.experiments.cross_checks import check_paper_claims, check_references, find_checked_runs, find_runs
from reproof.experiments.figure_checks import check_figures
from reproof.experiments.runs import Run
from reproof.planning.dead_networks import check_dead_networks
from reproof.planning.job_settings import (
    Settings,
    count_trainings,
    list_registered_functions,
    make_figure_settings,
    make_judge_settings,
    make_run_settings,
)
from reproof.planning.layout import Block, Layout, locate_data_record, read_block
from reproof.planning.planned_job import PlannedJob, script_of
from reproof.provenance.equal_code import EqualCode
from reproof.provenance.fingerprint import Fingerprints
from reproof.provenance.integrity import ExpectedRecord
from reproof.settings import split_dataset_name
from reproof.storage.files import ReproofError


@dataclass(frozen=True)
class PaperJob:
    """A job of a paper, and the run and arm under which its results are collected for that paper."""

    run: str
    arm: str
    job: PlannedJob


class Plan(Layout):
    """All jobs of the papers of a configuration at one scale."""

    def __init__(self, configuration: Configuration, *, trusted: bool = False) -> None:
        """Raise ReproofError for an invalid configuration, unless `trusted`: a job trusts the start that planned it."""
        find = find_runs if trusted else find_checked_runs
        super().__init__(configuration, {paper.name: find(paper, configuration) for paper in configuration.papers})
        self.fingerprints, self.equal_code = Fingerprints(), EqualCode.read()
        self._run_jobs: dict[tuple[str, str, Block, Block], PlannedJob] = {}
        for paper in () if trusted else configuration.papers:
            check_dead_networks(paper, self.runs[paper.name])
            check_figures(paper)
            check_references(paper)
            check_paper_claims(paper, set(configuration.scales))

    # What rules ask for

    def find_job(self, kind: str, wildcards: Mapping[str, str]) -> PlannedJob:
        """Return the job that a rule runs for these wildcards; the gallery's is `inventory.gallery_job`."""
        if dataset := wildcards.get("dataset"):
            return self.make_data_job(kind, dataset)
        if paper := wildcards.get("paper"):
            figure = wildcards.get("figure")
            return self.make_figure_job(paper, figure) if figure else self.make_paper_job(kind, paper)
        levels = wildcards.get("levels", wildcards.get("level", ""))
        return self.make_run_job(kind, wildcards["run"], read_block(wildcards["seeds"]), read_block(levels))

    def format_settings(self, kind: str, wildcards: Mapping[str, str]) -> str:
        """Return the settings of the job that a rule runs for these wildcards, as one canonical line."""
        return self.find_job(kind, wildcards).settings_line

    def locate_operation_state(self, wildcards: Mapping[str, str]) -> str:
        """Return the path of an operation's resumable state."""
        return f"{self.find_job(self.find_operation(wildcards['run']), wildcards).folder}/state"

    def check_operation_record(self, wildcards: Mapping[str, str], record: str) -> str:
        """Return the record of an operation's job; raise ReproofError if it is in another operation's folder."""
        job = self.find_job(self.find_operation(wildcards["run"]), wildcards)
        if job.record != record:
            raise ReproofError(f"{record}: {job.run} is measured by {job.kind}; ask for {job.record}")
        return record

    def find_operation(self, run: str) -> str:
        """Return the operation that makes the results of an evaluation's name."""
        one, name = self.evaluations_by_name[run]
        return one.evaluations[name].operation

    def find_code(self, kind: str, name: str = "") -> str:
        """Return the fingerprint of a script with all it reaches, and of what its run (or data set) picks by name."""
        picks = list_registered_functions(self, kind, name)
        return self.equal_code.find_code(self.fingerprints.compute(script_of(kind), picks))

    def make_expected_record(self, job: PlannedJob) -> ExpectedRecord:
        """Return what the record of a job has to say."""
        code = self.equal_code.find_code(self.fingerprints.compute(job.script, job.registered))
        return job.make_expected_record(code=code)

    def make_run_job(self, kind: str, run: str, seeds: Block, levels: Block = ()) -> PlannedJob:
        """Return a job on the networks of a run; raise ReproofError if no run of this scale has the name."""
        key = (kind, run, seeds, levels)
        if key not in self._run_jobs:
            self._run_jobs[key] = PlannedJob(
                kind=kind, run=run, seeds=seeds, levels=levels,
                settings=make_run_settings(self, kind, run, seeds, levels),
                registered=tuple(list_registered_functions(self, kind, run)),
                trainings=count_trainings(self, kind, run),
            )  # fmt: skip
        return self._run_jobs[key]

    def make_data_job(self, kind: str, dataset: str) -> PlannedJob:
        """Return the job that fetches a data set, or scales its pixels.

        The settings are what decides the content. Where it comes from does not, as its hash is checked.
        """
        source, pixels = split_dataset_name(dataset)
        keys = ("imagefolder", "image_size") if dataset == "imagefolder" else ()
        settings = {"name": source} | {key: self.configuration.data.get(key) for key in keys}
        settings |= {"pixels": pixels} if pixels not in ("standardised", "unit") else {}
        registered = tuple(list_registered_functions(self, kind, dataset))
        return PlannedJob(kind=kind, dataset=dataset, settings=settings, registered=registered)

    def make_paper_job(self, kind: str, paper: str) -> PlannedJob:
        """Return the job that collects the measurements of a paper, or judges its claims."""
        judging = make_judge_settings(self.papers[paper], scale=self.scale)
        settings = self._collect_settings(paper) if kind == "collect" else judging
        return PlannedJob(kind=kind, scale=self.scale, paper=paper, settings=settings)

    def make_figure_job(self, paper: str, figure: str) -> PlannedJob:
        """Return the job that draws a figure."""
        settings = make_figure_settings(self.papers[paper], figure, runs=self.runs[paper], scale=self.scale)
        return PlannedJob(kind="draw_figure", scale=self.scale, paper=paper, figure=figure, settings=settings)

    def list_jobs(self) -> Iterator[PlannedJob]:
        """Yield every job but the gallery's; one that several papers need, several times."""
        for dataset in sorted({run.dataset.name for run in self.all_runs}):
            source, _ = split_dataset_name(dataset)
            yield self.make_data_job("fetch_dataset", source)
            if dataset != source:
                yield self.make_data_job("scale_pixels", dataset)
        for paper in self.papers:
            yield from self.list_upstream(paper)
            yield from (self.make_paper_job(kind, paper) for kind in ("collect", "judge_claims"))
            yield from (self.make_figure_job(paper, figure) for figure in self.list_figures(paper))

    def list_upstream(self, paper: str) -> Iterator[PlannedJob]:
        """Yield the jobs whose results a paper's tables are collected from."""
        yield from (one.job for one in self.list_trainings(paper))
        yield from (one.job for one in self.list_evaluations(paper))
        for run in self.runs[paper].values():
            yield from (job for seeds in self.split_seeds(run) for job in self.list_prunings(run, seeds))
        yield from self.list_movement_jobs(paper)

    def list_trainings(self, paper: str) -> Iterator[PaperJob]:
        """Yield the trainings of a paper: dense networks, tickets and controls."""
        for run in self.runs[paper].values():
            for seeds in self.split_seeds(run):
                yield PaperJob(run.key, "ticket", self.make_run_job("train_dense", run.dense, seeds))
                for level in range(1, run.levels + 1):
                    yield PaperJob(run.key, "ticket", self.make_run_job("retrain", run.tickets, seeds, (level,)))
                for arm, control in run.controls.items():
                    for levels in self.split_levels(control.levels):
                        yield PaperJob(
                            run.key, arm, self.make_run_job("train_control", run.control(arm), seeds, levels)
                        )

    def list_evaluations(self, paper: str) -> Iterator[PaperJob]:
        """Yield what operations measure for a paper."""
        for run in self.runs[paper].values():
            for name, one in run.evaluations.items():
                for seeds in self.split_seeds(run):
                    for levels in self.split_levels(one.levels):
                        job = self.make_run_job(one.operation, run.evaluation(name), seeds, levels)
                        yield PaperJob(one.reported_run or run.key, one.reported_arm, job)

    def list_prunings(self, run: Run, seeds: Block) -> Iterator[PlannedJob]:
        """Yield the rounds of pruning of a block of seeds, as many as any run with the same tickets asks for."""
        for level in range(1, self.find_run(run.tickets).levels + 1):
            yield self.make_run_job("prune", run.tickets, seeds, (level,))

    def list_movement_jobs(self, paper: str) -> list[PlannedJob]:
        """Return the measurements of how far the weights of a paper's pruned runs move."""
        return [job for run in self.runs[paper].values() if run.levels for job in self._movement_jobs(run)]

    def _movement_jobs(self, run: Run) -> list[PlannedJob]:
        return [self.make_run_job("measure_movement", run.tickets, seeds) for seeds in self.split_seeds(run)]

    def split_seeds(self, run: Run) -> list[Block]:
        """Return the blocks in which the seeds of a run are trained."""
        size = run.seeds_a_job or self.configuration.blocks["seeds"]
        return [tuple(range(low, min(low + size, run.seeds))) for low in range(0, run.seeds, size)]

    def split_levels(self, levels: Block) -> list[Block]:
        """Return the blocks in which these levels of a control or an evaluation are handled."""
        size = self.configuration.blocks["levels"]
        return [levels[low : low + size] for low in range(0, len(levels), size)]

    def list_curves(self, paper: str) -> list[str]:
        """Return the curves of all trainings of a paper."""
        return [one.job.output("curves.parquet") for one in self.list_trainings(paper)]

    def list_measurements(self, paper: str) -> list[str]:
        """Return the tables of everything that operations measure for a paper."""
        return [one.job.output("metrics.parquet") for one in self.list_evaluations(paper)]

    def list_masks_of_paper(self, paper: str) -> list[str]:
        """Return the masks of all levels of a paper's runs, each once: they say how much each level keeps."""
        blocks = ((run, seeds) for run in self.runs[paper].values() for seeds in self.split_seeds(run))
        return list(dict.fromkeys(mask for run, seeds in blocks for mask in _masks(self.list_prunings(run, seeds))))

    def list_movements(self, paper: str) -> list[str]:
        """Return the tables of the movement of the weights of a paper's pruned runs."""
        return [
            job.output(f"{table}.parquet")
            for job in self.list_movement_jobs(paper)
            for table in ("metrics", "histograms")
        ]

    def list_figures(self, paper: str) -> list[str]:
        """Return the figures of a paper, in the order of its page: those of which this scale runs a panel."""
        return list_drawn_figures(self.papers[paper].settings["figures"], self.runs[paper].keys())

    def list_figure_stems(self) -> list[str]:
        """Return the figures of all papers, as paths without suffix."""
        return [self.locate_figure(paper, figure) for paper in self.papers for figure in self.list_figures(paper)]

    def list_figure_data(self, paper: str) -> list[str]:
        """Return the records of the data of a paper's runs: they hold the labels that its figures show."""
        return sorted({locate_data_record(run.dataset.name) for run in self.runs[paper].values()})

    def _collect_settings(self, paper: str) -> Settings:
        """Return which run, arm and folder each collected file belongs to."""
        runs = self.runs[paper].values()
        return {
            "trained": [[one.run, one.arm, one.job.folder] for one in self.list_trainings(paper)],
            "measured": [[one.run, one.arm, one.job.folder] for one in self.list_evaluations(paper)],
            "masks": {
                run.key: [[list(seeds), _masks(self.list_prunings(run, seeds))] for seeds in self.split_seeds(run)]
                for run in runs
            },
            "movement": {run.key: [job.folder for job in self._movement_jobs(run)] for run in runs if run.levels},
        }


def _masks(prunings: Iterable[PlannedJob]) -> list[str]:
    return [job.output("mask.safetensors") for job in prunings]
