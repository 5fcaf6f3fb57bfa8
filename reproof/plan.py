"""The plan: everything that a scale asks for, enumerated before Snakemake builds its graph.

Rules follow wildcards and ask the plan what a wildcard stands for: its inputs, its settings as one canonical line, and
the fingerprint of its code. Nothing here imports torch.
"""

from reproof.checks import check_figures, check_paper_claims, check_references, checked_runs, runs_of
from reproof.configuration import Configuration
from reproof.equal_code import EqualCode
from reproof.fingerprint import Fingerprints
from reproof.paths import RESULTS, data_record, span
from reproof.places import Places
from reproof.provenance import Registered, canonical
from reproof.yaml_files import Tree

SCRIPTS = "workflow/scripts"


class Plan(Places):
    """What is to be made at one scale, and what each job of it needs to know."""

    def __init__(self, configuration: Configuration, *, trusted: bool = False) -> None:
        """Raise ReproofError for what cannot be, unless `trusted`: a job trusts the start that planned it."""
        find = runs_of if trusted else checked_runs
        super().__init__(configuration, {paper.name: find(paper, configuration) for paper in configuration.papers})
        self.fingerprints, self.equal_code = Fingerprints(), EqualCode.read()
        for paper in () if trusted else configuration.papers:
            check_figures(paper)
            check_references(paper)
            check_paper_claims(paper, set(configuration.scales))

    # Settings, as one canonical line each

    def dense_settings(self, run: str, seeds: str) -> str:
        """Return what a dense training needs to know: its identity, its seeds, the snapshots that tickets rewind to."""
        alike = [one for one in self.index.every if one.dense == run]
        steps = {step for one in alike for step in (one.pruning.rewind, *one.snapshots)}
        return canonical(self.index.run(run).identity | {"seeds": span(seeds), "snapshots": sorted({0, *steps})})

    def prune_settings(self, run: str, level: int) -> str:
        """Return what a round of pruning needs to know."""
        pruning = self.index.run(run).pruning
        what = {"by": pruning.by, "scope": pruning.scope, "share": pruning.share_at(level)}
        return canonical(what | {"continued": pruning.reset == "at_end" and pruning.pruned_from(level) > 0})

    def ticket_settings(self, run: str, seeds: str, level: int) -> str:
        """Return what the training of one level needs to know."""
        one = self.index.run(run)
        return canonical(one.identity | {"rewind": one.pruning.rewind, "seeds": span(seeds), "level": level})

    def control_settings(self, run: str, seeds: str, levels: str) -> str:
        """Return what the training of a block of a control's levels needs to know."""
        one, arm = self.index.controls[run]
        control = one.controls[arm]
        what = {"arm": arm, "control": control.kind, "options": control.options, "draws": control.draws}
        where = {"rewind": one.pruning.rewind, "seeds": span(seeds), "levels": span(levels)}
        return canonical(one.identity | what | where)

    def evaluation_settings(self, run: str, seeds: str, levels: str) -> str:
        """Return what an operation needs to know to measure a block of levels."""
        one, name = self.index.evaluations[run]
        where = {"rewind": one.pruning.rewind, "seeds": span(seeds), "levels": span(levels)}
        return canonical(one.identity | one.evaluations[name].stated() | where)

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
            run.key: [[span(seeds), self.masks(run.tickets, seeds, "all")] for seeds in self.blocks(run)]
            for run in self.runs[paper].values()
        }
        movement = {
            run.key: [f"{RESULTS}/movement/{run.tickets}/{s}" for s in self.blocks(run)]
            for run in self.runs[paper].values() if run.levels
        }  # fmt: skip
        trained = [[one.run, one.arm, one.folder] for one in self.trainings(paper)]
        measured = [[one.run, one.arm, one.folder] for one in self.evaluations(paper)]
        return canonical({"trained": trained, "masks": masks, "movement": movement, "measured": measured})

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

    def operation(self, run: str) -> str:
        """Return the operation that makes the results of an evaluation's name."""
        one, name = self.index.evaluations[run]
        return one.evaluations[name].operation

    # Code

    def code(self, script: str, run: str = "") -> str:
        """Return the fingerprint of a script with all it reaches, and of what the run (or data set) picks by name."""
        return self.equal_code.code(self.fingerprints.of(f"{SCRIPTS}/{script}.py", self._picked(script, run)))

    def _picked(self, script: str, run: str) -> list[Registered]:
        if script in ("train_dense", "retrain", "train_control"):
            network = ("networks", "network", self.index.run(run).network["name"])
            one, arm = self.index.controls.get(run, (None, ""))
            return [network, ("pruning", "control", one.controls[arm].kind)] if one else [network]
        if script == "prune":
            return [("pruning", "criterion", self.index.run(run).pruning.by)]
        if script == "fetch_dataset":
            return [("data", "source", run)]
        if run in self.index.evaluations:
            one, name = self.index.evaluations[run]
            return [("networks", "network", one.network["name"]), *one.evaluations[name].picked]
        return []
