"""Paths: the files of each kind of job, and the files that the jobs of a configuration's runs read.

`JOB_FILES` holds the same patterns as the rules, with the same wildcards; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from reproof.experiments.configuration import Configuration
from reproof.experiments.runs import Run
from reproof.settings import get_stored_name, split_dataset_name
from reproof.storage.files import ReproofError

RESULTS = "results"
ALL_LEVELS = "all"
Block = tuple[int, ...]  # the seeds, or the levels, that one job handles


@dataclass(frozen=True)
class JobFiles:
    """Where the jobs of one kind put their files; all patterns hold the wildcards of the rule in braces.

    The paths of the results are "results/", then `place`, then one of `outputs` or `record`. Where a job has a folder
    of its own, `place` is that folder. The benchmark is named after `place`, unless `benchmark` says otherwise.
    """

    place: str
    outputs: tuple[str, ...]
    record: str = "/record.json"
    benchmark: str = ""

    @cached_property
    def wildcards(self) -> tuple[str, ...]:
        """The names of the wildcards."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.place) if name)


JOB_FILES = {
    "fetch_dataset": JobFiles("data/{dataset}", ("/data.safetensors",)),
    "scale_pixels": JobFiles("data/{dataset}", ("/data.safetensors",)),
    "train_dense": JobFiles("dense/{run}/{seeds}", ("/checkpoint.safetensors", "/curves.parquet")),
    "prune": JobFiles(
        "tickets/{run}/{seeds}/level{level}", ("/mask.safetensors",), "/mask.json", "tickets/{run}/{seeds}/prune{level}"
    ),
    "retrain": JobFiles("tickets/{run}/{seeds}/level{level}", ("/checkpoint.safetensors", "/curves.parquet")),
    "train_control": JobFiles("controls/{run}/{seeds}/levels{levels}", ("/curves.parquet",)),
    "measure_movement": JobFiles("movement/{run}/{seeds}", ("/metrics.parquet", "/histograms.parquet")),
    "collect": JobFiles(
        "tables/{scale}/{paper}",
        ("/measurements.parquet", "/curves.parquet", "/movement.parquet", "/runs.json"),
        benchmark="tables/{scale}/{paper}/collect",
    ),
    "judge_claims": JobFiles(
        "tables/{scale}/{paper}", ("/verdicts.parquet",), "/verdicts.json", "tables/{scale}/{paper}/judge_claims"
    ),
    "draw_figure": JobFiles(
        "figures/{scale}/{paper}/{figure}", (".svg", ".png", ".pdf", ".parquet", ".json"), ".record.json"
    ),
    "build_gallery": JobFiles("figures/all", ("",), ".record.json"),
}


def find_job_files(kind: str) -> JobFiles:
    """Return where the jobs of a kind put their files; a kind that is not listed is an operation."""
    return JOB_FILES.get(kind) or JobFiles(
        f"{get_stored_name(kind)}/{{run}}/{{seeds}}/levels{{levels}}", ("/metrics.parquet",)
    )


def locate_data(dataset: str) -> str:
    """Return where a data set lies."""
    return f"{RESULTS}/data/{dataset}/data.safetensors"


def locate_data_record(dataset: str) -> str:
    """Return where the record of a data set lies."""
    return f"{RESULTS}/data/{dataset}/record.json"


def name_seeds(seeds: Block) -> str:
    """Return the name of a block of consecutive seeds: "0-2" for 0, 1, 2, or "5" for 5 alone."""
    return f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds))


def name_levels(levels: Block) -> str:
    """Return the name of a block of levels: "1_2_4" for 1, 2, 4."""
    return "_".join(map(str, levels))


def read_block(name: str) -> Block:
    """Return the numbers of a block's name: "0-2" is 0, 1, 2; "1_2_4" is 1, 2, 4; "5" is 5; "" is an empty block."""
    if "-" in name:
        low, _, high = name.partition("-")
        return tuple(range(int(low), int(high) + 1))
    return tuple(int(number) for number in name.split("_")) if name else ()


class Layout:
    """Where the results of a configuration lie: what the jobs of its runs read, and its tables and figures.

    Methods on runs take the names that wildcards hold. Several runs may share a part, for instance a dense network. The
    one that asks for most then represents it.
    """

    def __init__(self, configuration: Configuration, runs: Mapping[str, Mapping[str, Run]]) -> None:
        self.configuration, self.runs = configuration, runs
        self.papers = {paper.name: paper for paper in configuration.papers}
        self.all_runs: Sequence[Run] = [run for each in runs.values() for run in each.values()]

    @property
    def scale(self) -> str:
        """The scale that is asked for."""
        return self.configuration.scale

    def locate_fetched_data(self, dataset: str) -> str:
        """Return where the fetched data set lies that `dataset` is derived from by another scaling of its pixels."""
        return locate_data(split_dataset_name(dataset)[0])

    def locate_tables(self, paper: str) -> str:
        """Return the folder of a paper's tables and verdicts at this scale."""
        return f"{RESULTS}/tables/{self.scale}/{paper}"

    def locate_figure(self, paper: str, figure: str) -> str:
        """Return where a figure of this scale lies, as a path without suffix."""
        return f"{RESULTS}/figures/{self.scale}/{paper}/{figure}"

    # Runs by the names of their parts

    @cached_property
    def runs_by_dense(self) -> dict[str, Run]:
        """Runs by the name of their dense network."""
        return {run.dense: run for run in self.all_runs}

    @cached_property
    def runs_by_tickets(self) -> dict[str, Run]:
        """Runs by the name of their tickets; of several the one with most levels."""
        return {run.tickets: run for run in sorted(self.all_runs, key=lambda run: run.levels)}

    @cached_property
    def controls_by_name(self) -> dict[str, tuple[Run, str]]:
        """(run, arm) by the name of the control; of several the one with most draws."""
        arms = [(run, arm) for run in self.all_runs for arm in run.controls]
        most_draws_last = sorted(arms, key=lambda one: one[0].controls[one[1]].draws)
        return {run.control(arm): (run, arm) for run, arm in most_draws_last}

    @cached_property
    def evaluations_by_name(self) -> dict[str, tuple[Run, str]]:
        """(run, evaluation) by the name of its results."""
        return {run.evaluation(name): (run, name) for run in self.all_runs for name in run.evaluations}

    def find_run(self, name: str) -> Run:
        """Return the run that a name belongs to; raise ReproofError if none of this scale has it."""
        both = self.controls_by_name.get(name) or self.evaluations_by_name.get(name) or (None, "")
        found = self.runs_by_dense.get(name) or self.runs_by_tickets.get(name) or both[0]
        if found is None:
            raise ReproofError(f"results/*/{name}: no run of scale {self.scale} has this name; it is of other settings")
        return found

    # What jobs read

    def locate_data(self, run: str) -> str:
        """Return the data file of a dense, ticket, control or evaluation run."""
        return locate_data(self.find_run(run).dataset.name)

    def locate_dense(self, run: str, seeds: str) -> str:
        """Return the dense checkpoint behind a ticket, control or evaluation run."""
        return _dense_checkpoint(self.find_run(run).dense, seeds)

    def locate_victims(self, run: str, seeds: str) -> list[str]:
        """Return the dense checkpoints of the victims of an evaluation, in the order of its option."""
        one, name = self.evaluations_by_name[run]
        return [_dense_checkpoint(victim["dense"], seeds) for victim in one.evaluations[name].victims.values()]

    def locate_mask(self, run: str, seeds: str, level: int) -> str:
        """Return the mask of a level of the tickets behind a ticket, control or evaluation run."""
        return f"{RESULTS}/tickets/{self.find_run(run).tickets}/{seeds}/level{level}/mask.safetensors"

    def locate_masks(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the masks of a block of levels ("1_4", "7"; level 0 has none) or of all levels of a run ("all")."""
        numbers = range(1, self.find_run(run).levels + 1) if levels == ALL_LEVELS else read_block(levels)
        return [self.locate_mask(run, seeds, level) for level in numbers if level]

    def locate_masks_to(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the masks of all levels up to the last of a block."""
        return [self.locate_mask(run, seeds, level) for level in range(1, max(read_block(levels)) + 1)]

    def locate_previous_mask(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the mask that the round leading to `level` starts from: none where that is the whole network."""
        source = self.find_run(run).pruning.find_pruned_level(level)
        return [self.locate_mask(run, seeds, source)] if source else []

    def locate_tickets(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the checkpoints of the trained tickets of a block of levels; none for level 0, the dense network."""
        return [self._ticket(run, seeds, level) for level in read_block(levels) if level]

    def locate_weights_before(self, run: str, seeds: str, level: int) -> str:
        """Return the checkpoint whose weights decide the mask of `level`."""
        source = self.find_run(run).pruning.find_pruned_level(level)
        return self._ticket(run, seeds, source) if source else self.locate_dense(run, seeds)

    def locate_deciding(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the checkpoints of the tickets whose weights decided the masks up to the last level of a block."""
        pruning, last = self.find_run(run).pruning, max(read_block(levels))
        sources = sorted({pruning.find_pruned_level(level) for level in range(1, last + 1)} - {0})
        return [self._ticket(run, seeds, source) for source in sources]

    def locate_weights_to_continue(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the checkpoint that a level continues from under resetting strategy 2; none under strategy 1."""
        return [self.locate_weights_before(run, seeds, level)] if self.find_run(run).pruning.reset == "at_end" else []

    def _ticket(self, run: str, seeds: str, level: int) -> str:
        return f"{RESULTS}/tickets/{self.find_run(run).tickets}/{seeds}/level{level}/checkpoint.safetensors"


def _dense_checkpoint(dense: str, seeds: str) -> str:
    return f"{RESULTS}/dense/{dense}/{seeds}/checkpoint.safetensors"
