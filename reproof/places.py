"""Where everything that a scale asks for lies: what jobs read, what is trained and measured for a paper."""

from collections.abc import Iterator, Mapping

from reproof.configuration import Configuration
from reproof.index import Index
from reproof.paths import RESULTS, Training, data_file, span, spanned
from reproof.runs import Run
from reproof.yaml_files import Tree


def shown(figure: Tree) -> list[str]:
    """Return the runs that a figure shows, panel by panel."""
    return [run for panel in figure["runs"] for run in ([panel] if isinstance(panel, str) else panel)]


class Places:
    """The files of all papers of a configuration, by the names of their runs, blocks of seeds and levels."""

    def __init__(self, configuration: Configuration, runs: Mapping[str, Mapping[str, Run]]) -> None:
        self.configuration, self.runs = configuration, runs
        self.papers = {paper.name: paper for paper in configuration.papers}
        self.index = Index([run for each in runs.values() for run in each.values()], configuration.scale)

    def data(self, run: str) -> str:
        """Return the data file of a dense, ticket or control run."""
        return data_file(self.index.run(run).dataset.name)

    def dense(self, run: str, seeds: str) -> str:
        """Return the dense checkpoint behind a ticket or control run."""
        return f"{RESULTS}/dense/{self.index.run(run).dense}/{seeds}/checkpoint.safetensors"

    def victims(self, run: str, seeds: str) -> list[str]:
        """Return the dense checkpoints of the networks that an evaluation is shown, in the order of its option."""
        one, name = self.index.evaluations[run]
        victims = one.evaluations[name].victims.values()
        return [f"{RESULTS}/dense/{victim['dense']}/{seeds}/checkpoint.safetensors" for victim in victims]

    def mask(self, run: str, seeds: str, level: int) -> str:
        """Return the mask of a level of the tickets behind a ticket or control run."""
        return f"{RESULTS}/tickets/{self.index.run(run).tickets}/{seeds}/level{level}/mask.safetensors"

    def masks(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the masks of a block of levels ("1_4", "7"; level 0 has none) or of all levels of a run ("all")."""
        numbers = range(1, self.index.run(run).levels + 1) if levels == "all" else span(levels)
        return [self.mask(run, seeds, level) for level in numbers if level]

    def tickets(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the checkpoints of the trained tickets of a block of levels; none for level 0, the dense network."""
        folder = f"{RESULTS}/tickets/{self.index.run(run).tickets}/{seeds}"
        return [f"{folder}/level{level}/checkpoint.safetensors" for level in span(levels) if level]

    def trained(self, run: str, seeds: str, level: int) -> str:
        """Return the checkpoint whose weights decide the mask of `level`."""
        source = self.index.run(run).pruning.pruned_from(level)
        ticket = f"{RESULTS}/tickets/{run}/{seeds}/level{source}/checkpoint.safetensors"
        return ticket if source else self.dense(run, seeds)

    def masks_to(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the masks of all levels up to the last of a block."""
        return [self.mask(run, seeds, level) for level in range(1, max(span(levels)) + 1)]

    def deciding(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the checkpoints of the tickets whose weights decided the masks up to the last level of a block."""
        one, last = self.index.run(run), max(span(levels))
        sources = sorted({one.pruning.pruned_from(level) for level in range(1, last + 1)} - {0})
        return self.tickets(run, seeds, "_".join(map(str, sources))) if sources else []

    def previous_mask(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the mask that the round leading to `level` starts from: none where that is the whole network."""
        source = self.index.run(run).pruning.pruned_from(level)
        return [self.mask(run, seeds, source)] if source else []

    def continued(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the checkpoint that a level goes on from under resetting strategy 2; none under strategy 1."""
        return [self.trained(run, seeds, level)] if self.index.run(run).pruning.reset == "at_end" else []

    def curves(self, paper: str) -> list[str]:
        """Return the curves of everything trained for a paper."""
        return [f"{trained.folder}/curves.parquet" for trained in self.trainings(paper)]

    def collected_masks(self, paper: str) -> list[str]:
        """Return the masks that say how much each level of a paper's runs keeps."""
        blocks = ((run.tickets, seeds) for run in self.runs[paper].values() for seeds in self.blocks(run))
        return list(dict.fromkeys(mask for run, seeds in blocks for mask in self.masks(run, seeds, "all")))

    def movements(self, paper: str) -> list[str]:
        """Return the measured movement of the weights of all runs of a paper that are pruned."""
        return [
            f"{RESULTS}/movement/{run.tickets}/{seeds}/{table}.parquet"
            for run in self.runs[paper].values() if run.levels
            for seeds in self.blocks(run)
            for table in ("metrics", "histograms")
        ]  # fmt: skip

    def evaluations(self, paper: str) -> Iterator[Training]:
        """Yield everything that operations measure for a paper: where it lies, under which run it stands."""
        for run in self.runs[paper].values():
            for name, one in run.evaluations.items():
                for seeds in self.blocks(run):
                    for levels in self.level_blocks(one.levels):
                        folder = f"{RESULTS}/{one.operation}/{run.evaluation(name)}/{seeds}/levels{levels}"
                        yield Training(one.as_run or run.key, one.as_arm or "ticket", folder)

    def measured(self, paper: str) -> list[str]:
        """Return the tables of everything that operations measure for a paper."""
        return [f"{one.folder}/metrics.parquet" for one in self.evaluations(paper)]

    @property
    def scale(self) -> str:
        """The scale that is asked for."""
        return self.configuration.scale

    def tables(self, paper: str) -> str:
        """Return the folder of a paper's tables and verdicts at this scale."""
        return f"{RESULTS}/tables/{self.scale}/{paper}"

    def figure(self, paper: str, figure: str) -> str:
        """Return where a figure of this scale lies, as a path without suffix."""
        return f"{RESULTS}/figures/{self.scale}/{paper}/{figure}"

    def figures(self, paper: str) -> list[str]:
        """Return the figures of a paper, in the order of its page: those of which this scale runs at least one run."""
        every = self.papers[paper].settings["figures"]
        return [name for name, one in every.items() if not self.runs[paper].keys().isdisjoint(shown(one))]

    def trainings(self, paper: str) -> Iterator[Training]:
        """Yield everything trained for a paper: where it lies, and which run, arm and seeds it holds."""
        for run in self.runs[paper].values():
            for seeds in self.blocks(run):
                yield Training(run.key, "ticket", f"{RESULTS}/dense/{run.dense}/{seeds}")
                for level in range(1, run.levels + 1):
                    yield Training(run.key, "ticket", f"{RESULTS}/tickets/{run.tickets}/{seeds}/level{level}")
                for arm, control in run.controls.items():
                    for levels in self.level_blocks(control.levels):
                        folder = f"{RESULTS}/controls/{run.control(arm)}/{seeds}/levels{levels}"
                        yield Training(run.key, arm, folder)

    def blocks(self, run: Run) -> list[str]:
        """Return the names of the blocks that the seeds of a run are trained in."""
        size = run.seeds_a_job or self.configuration.blocks["seeds"]
        return [spanned(range(low, min(low + size, run.seeds))) for low in range(0, run.seeds, size)]

    def level_blocks(self, levels: tuple[int, ...]) -> list[str]:
        """Return the names of the blocks that these levels of a control are trained in."""
        size = self.configuration.blocks["levels"]
        return ["_".join(map(str, levels[low : low + size])) for low in range(0, len(levels), size)]
