"""The plan: everything that a scale asks for, enumerated before Snakemake builds its graph.

Rules follow wildcards and ask the plan what a wildcard stands for: its inputs, its settings as one canonical line, and
the fingerprint of its code. Nothing here imports torch.
"""

from collections.abc import Iterator
from functools import cached_property

from reproof.checks import check_figures, check_paper_claims, check_references, checked_runs
from reproof.configuration import Configuration, Tree
from reproof.files import ReproofError
from reproof.paths import RESULTS, Training, data_file, data_record, span, spanned
from reproof.provenance import Registered, canonical, fingerprint
from reproof.runs import Run

SCRIPTS = "workflow/scripts"


class Plan:
    """What is to be made at one scale, and what each job of it needs to know."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.papers = {paper.name: paper for paper in configuration.papers}
        self.runs = {paper.name: checked_runs(paper, configuration) for paper in configuration.papers}
        self._every = [run for runs in self.runs.values() for run in runs.values()]
        for paper in configuration.papers:
            check_figures(paper)
            check_references(paper)
            check_paper_claims(paper, set(configuration.scales))

    # What wildcards stand for

    @cached_property
    def _dense(self) -> dict[str, Run]:
        return {run.dense: run for run in self._every}

    @cached_property
    def _tickets(self) -> dict[str, Run]:
        most_levels_last = sorted(self._every, key=lambda run: run.levels)
        return {run.tickets: run for run in most_levels_last}

    @cached_property
    def _controls(self) -> dict[str, tuple[Run, str]]:
        arms = [(run, arm) for run in self._every for arm in run.controls]
        most_draws_last = sorted(arms, key=lambda one: one[0].controls[one[1]].draws)
        return {run.control(arm): (run, arm) for run, arm in most_draws_last}

    # Inputs

    def data(self, run: str) -> str:
        """Return the data file of a dense, ticket or control run."""
        return data_file(self._run(run).dataset.name)

    def dense(self, run: str, seeds: str) -> str:
        """Return the dense checkpoint behind a ticket or control run."""
        return f"{RESULTS}/dense/{self._run(run).dense}/{seeds}/checkpoint.safetensors"

    def mask(self, run: str, seeds: str, level: int) -> str:
        """Return the mask of a level of the tickets behind a ticket or control run."""
        return f"{RESULTS}/tickets/{self._run(run).tickets}/{seeds}/level{level}/mask.safetensors"

    def masks(self, run: str, seeds: str, levels: str) -> list[str]:
        """Return the masks of a block of levels ("1-4", "7") or of all levels of a run ("all")."""
        numbers = range(1, self._run(run).levels + 1) if levels == "all" else span(levels)
        return [self.mask(run, seeds, level) for level in numbers]

    def trained(self, run: str, seeds: str, level: int) -> str:
        """Return the checkpoint whose weights decide the mask of `level`."""
        source = self._run(run).pruning.pruned_from(level)
        ticket = f"{RESULTS}/tickets/{run}/{seeds}/level{source}/checkpoint.safetensors"
        return ticket if source else self.dense(run, seeds)

    def previous_mask(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the mask that the round leading to `level` starts from: none where that is the whole network."""
        source = self._run(run).pruning.pruned_from(level)
        return [self.mask(run, seeds, source)] if source else []

    def continued(self, run: str, seeds: str, level: int) -> list[str]:
        """Return the checkpoint that a level goes on from under resetting strategy 2; none under strategy 1."""
        return [self.trained(run, seeds, level)] if self._run(run).pruning.reset == "at_end" else []

    def curves(self, paper: str) -> list[str]:
        """Return the curves of everything trained for a paper."""
        return [f"{trained.folder}/curves.parquet" for trained in self.trainings(paper)]

    def collected_masks(self, paper: str) -> list[str]:
        """Return the masks that say how much each level of a paper's runs keeps."""
        blocks = ((run.tickets, seeds) for run in self.runs[paper].values() for seeds in self.blocks(run.seeds))
        return list(dict.fromkeys(mask for run, seeds in blocks for mask in self.masks(run, seeds, "all")))

    def movements(self, paper: str) -> list[str]:
        """Return the measured movement of the weights of all runs of a paper that are pruned."""
        return [
            f"{RESULTS}/movement/{run.tickets}/{seeds}/{table}.parquet"
            for run in self.runs[paper].values() if run.levels
            for seeds in self.blocks(run.seeds)
            for table in ("metrics", "histograms")
        ]  # fmt: skip

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
        """Return the figures of a paper, in the order of its page."""
        return list(self.papers[paper].settings["figures"])

    def trainings(self, paper: str) -> Iterator[Training]:
        """Yield everything trained for a paper: where it lies, and which run, arm and seeds it holds."""
        for run in self.runs[paper].values():
            for seeds in self.blocks(run.seeds):
                yield Training(run.key, "ticket", f"{RESULTS}/dense/{run.dense}/{seeds}")
                for level in range(1, run.levels + 1):
                    yield Training(run.key, "ticket", f"{RESULTS}/tickets/{run.tickets}/{seeds}/level{level}")
                for arm, control in run.controls.items():
                    for levels in self.level_blocks(control.levels):
                        folder = f"{RESULTS}/controls/{run.control(arm)}/{seeds}/levels{levels}"
                        yield Training(run.key, arm, folder)

    def blocks(self, seeds: int) -> list[str]:
        """Return the names of the blocks that this many seeds are trained in."""
        size = self.configuration.blocks["seeds"]
        return [spanned(range(low, min(low + size, seeds))) for low in range(0, seeds, size)]

    def level_blocks(self, levels: tuple[int, ...]) -> list[str]:
        """Return the names of the blocks that these levels of a control are trained in."""
        size = self.configuration.blocks["levels"]
        return ["_".join(map(str, levels[low : low + size])) for low in range(0, len(levels), size)]

    # Settings, as one canonical line each

    def dense_settings(self, run: str, seeds: str) -> str:
        """Return what a dense training needs to know: its identity, its seeds, the snapshots that tickets rewind to."""
        steps = {one.pruning.rewind for one in self._every if one.dense == run}
        return canonical(self._run(run).identity | {"seeds": span(seeds), "snapshots": sorted({0, *steps})})

    def prune_settings(self, run: str, level: int) -> str:
        """Return what a round of pruning needs to know."""
        pruning = self._run(run).pruning
        what = {"by": pruning.by, "scope": pruning.scope, "share": pruning.share_at(level)}
        return canonical(what | {"continued": pruning.reset == "at_end" and pruning.pruned_from(level) > 0})

    def ticket_settings(self, run: str, seeds: str, level: int) -> str:
        """Return what the training of one level needs to know."""
        one = self._run(run)
        return canonical(one.identity | {"rewind": one.pruning.rewind, "seeds": span(seeds), "level": level})

    def control_settings(self, run: str, seeds: str, levels: str) -> str:
        """Return what the training of a block of a control's levels needs to know."""
        one, arm = self._controls[run]
        control = one.controls[arm]
        what = {"arm": arm, "control": control.kind, "options": control.options, "draws": control.draws}
        where = {"rewind": one.pruning.rewind, "seeds": span(seeds), "levels": span(levels)}
        return canonical(one.identity | what | where)

    def movement_settings(self, run: str, seeds: str) -> str:
        """Return what measuring the movement of weights needs to know."""
        return canonical({"run": run, "seeds": span(seeds)})

    def data_settings(self, dataset: str) -> str:
        """Return what decides the content of a data set; where it comes from does not, as its hash is checked."""
        data = self.configuration.data
        keys = ("imagefolder", "image_size") if dataset == "imagefolder" else ()
        return canonical({"name": dataset} | {key: data.get(key) for key in keys})

    def collect_settings(self, paper: str) -> str:
        """Return which run, arm and folder each collected file belongs to."""
        masks = {
            run.key: [[span(seeds), self.masks(run.tickets, seeds, "all")] for seeds in self.blocks(run.seeds)]
            for run in self.runs[paper].values()
        }
        movement = {
            run.key: [f"{RESULTS}/movement/{run.tickets}/{s}" for s in self.blocks(run.seeds)]
            for run in self.runs[paper].values() if run.levels
        }  # fmt: skip
        trained = [[one.run, one.arm, one.folder] for one in self.trainings(paper)]
        return canonical({"trained": trained, "masks": masks, "movement": movement})

    def judge_settings(self, paper: str) -> str:
        """Return a paper's claims and the scale they are judged at."""
        return canonical({"claims": self.papers[paper].settings["claims"], "scale": self.scale})

    def figure_settings(self, paper: str, figure: str) -> str:
        """Return what drawing one figure needs to know: its entry, published values, run titles, scale, departures."""
        settings = self.papers[paper].settings
        runs = {run.key: run.title for run in self.runs[paper].values()}
        runs = {key: one.get("title", key) for key, one in self.papers[paper].published_runs.items()} | runs
        return canonical(
            settings["figures"][figure]
            | {"references": self._comparable(paper), "titles": runs, "scale": self.scale}
            | {"departures": len(self.departures(paper))}
        )

    def _comparable(self, paper: str) -> list[Tree]:
        """Return the published values of runs whose network this scale leaves as it is: of others they say nothing."""
        here, published = self.papers[paper].settings["runs"], self.papers[paper].published_runs
        same = {key for key, run in here.items() if run["network"] == published[key]["network"]}
        return [one for one in self.papers[paper].settings.get("references", []) if one["run"] in same]

    def figure_data(self, paper: str) -> list[str]:
        """Return the records of the data of a paper's runs: their labels stand in its figures."""
        return sorted({data_record(run.dataset.name) for run in self.runs[paper].values()})

    def figure_stems(self) -> list[str]:
        """Return the figures of all papers, as paths without suffix."""
        return [self.figure(paper, figure) for paper in self.papers for figure in self.figures(paper)]

    def departures(self, paper: str) -> list[Tree]:
        """Return what is done otherwise than in a paper: at every scale, and at this one."""
        return [*self.papers[paper].settings.get("departures", []), *self.papers[paper].departures]

    # Code

    def code(self, script: str, run: str = "") -> str:
        """Return the fingerprint of a script with all it reaches, and of what the run (or data set) picks by name."""
        return fingerprint(f"{SCRIPTS}/{script}.py", tuple(self._picked(script, run)))

    def _picked(self, script: str, run: str) -> list[Registered]:
        if script in ("train_dense", "retrain", "train_control"):
            network = ("networks", "network", self._run(run).network["name"])
            one, arm = self._controls.get(run, (None, ""))
            return [network, ("pruning", "control", one.controls[arm].kind)] if one else [network]
        if script == "prune":
            return [("pruning", "criterion", self._run(run).pruning.by)]
        if script == "fetch_dataset":
            return [("data", "source", run)]
        return []

    # Parts

    def _run(self, run: str) -> Run:
        found = self._dense.get(run) or self._tickets.get(run) or self._controls.get(run, (None,))[0]
        if found is None:
            scale = self.scale
            raise ReproofError(f"results/*/{run}: no run of scale {scale} has this name; it is of other settings")
        return found
