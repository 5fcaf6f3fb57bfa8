"""The settings of jobs, and the registered functions that jobs pick by name."""

from collections.abc import Callable, Mapping
from typing import Any

from reproof.declarations.criteria import EXAMPLES, GRADIENT
from reproof.experiments.configuration import Paper
from reproof.experiments.runs import Run
from reproof.experiments.strict_yaml import Tree
from reproof.planning.layout import Block, Layout
from reproof.provenance.identity import Registered

Settings = dict[str, Any]
TRAINING = ("train_dense", "retrain", "train_control")


def make_run_settings(layout: Layout, kind: str, run: str, seeds: Block, levels: Block) -> Settings:
    """Return the settings of a job of any kind on the networks of a run; raise ReproofError for an unknown run."""
    return SETTINGS.get(kind, _evaluation_settings)(layout, run, seeds, levels)


def list_registered_functions(layout: Layout, kind: str, name: str) -> list[Registered]:
    """Return what a job picks by name; `name` is its run, or its data set where it fetches one."""
    if kind in TRAINING:
        network = ("networks", "network", layout.find_run(name).network["name"])
        run, arm = layout.controls_by_name.get(name, (None, ""))
        return [network, ("pruning", "control", run.controls[arm].kind)] if run else [network]
    if kind == "prune":
        return [("pruning", "criterion", layout.find_run(name).pruning.by)]
    if kind == "fetch_dataset":
        return [("data", "source", name)]
    if name in layout.evaluations_by_name:
        run, key = layout.evaluations_by_name[name]
        return [("networks", "network", run.network["name"]), *run.evaluations[key].registered_functions]
    return []


def count_trainings(layout: Layout, kind: str, run: str) -> int:
    """Return how often a job trains each of its networks: resetting strategy 2 trains a ticket twice."""
    return 2 if kind == "retrain" and layout.find_run(run).pruning.reset == "at_end" else 1


def make_judge_settings(paper: Paper, *, scale: str) -> Settings:
    """Return the claims of a paper and the scale they are judged at."""
    return {"claims": paper.settings["claims"], "scale": scale}


def make_figure_settings(paper: Paper, figure: str, *, runs: Mapping[str, Run], scale: str) -> Settings:
    """Return the settings of a figure: its entry, published values, run titles, scale, number of departures."""
    titles = {key: one.get("title", key) for key, one in paper.published_runs.items()}
    titles |= {run.key: run.title for run in runs.values()}
    entry: Settings = paper.settings["figures"][figure]
    about = {"references": _comparable_values(paper), "titles": titles, "scale": scale}
    return entry | about | {"departures": len(list_departures(paper))}


def list_departures(paper: Paper) -> list[Tree]:
    """Return the departures from a paper: at every scale, and at this one."""
    return [*paper.settings.get("departures", []), *paper.departures]


def _comparable_values(paper: Paper) -> list[Tree]:
    """Return the published values of runs whose network this scale keeps: a stand-in cannot be compared with them."""
    here, published = paper.settings["runs"], paper.published_runs
    same = {key for key, run in here.items() if run["network"] == published[key]["network"]}
    return [one for one in paper.settings.get("references", []) if one["run"] in same]


def _dense_settings(layout: Layout, run: str, seeds: Block, _: Block) -> Settings:
    # Snapshots are kept at all points that any run which shares the network rewinds to or evaluates.
    sharing = [one for one in layout.all_runs if one.dense == run]
    steps = {step for one in sharing for step in (one.pruning.rewind, *one.snapshots)}
    gradient = {GRADIENT: EXAMPLES} if any(one.reads_gradient for one in sharing) else {}
    return layout.find_run(run).identity | {"seeds": list(seeds), "snapshots": sorted({0, *steps})} | gradient


def _prune_settings(layout: Layout, run: str, _: Block, levels: Block) -> Settings:
    pruning, (level,) = layout.find_run(run).pruning, levels
    what = {"by": pruning.by, "scope": pruning.scope, "share": pruning.get_share(level)}
    return what | {"continued": pruning.reset == "at_end" and pruning.find_pruned_level(level) > 0}


def _ticket_settings(layout: Layout, run: str, seeds: Block, levels: Block) -> Settings:
    one, (level,) = layout.find_run(run), levels
    return one.identity | {"rewind": one.pruning.rewind, "seeds": list(seeds), "level": level}


def _control_settings(layout: Layout, run: str, seeds: Block, levels: Block) -> Settings:
    one, arm = layout.controls_by_name[run]
    control = one.controls[arm]
    what = {"arm": arm, "control": control.kind, "options": control.options, "draws": control.draws}
    return one.identity | what | {"rewind": one.pruning.rewind, "seeds": list(seeds), "levels": list(levels)}


def _movement_settings(_: Layout, run: str, seeds: Block, __: Block) -> Settings:
    return {"run": run, "seeds": list(seeds)}


def _evaluation_settings(layout: Layout, run: str, seeds: Block, levels: Block) -> Settings:
    one, name = layout.evaluations_by_name[run]
    where = {"rewind": one.pruning.rewind, "seeds": list(seeds), "levels": list(levels)}
    return one.identity | one.evaluations[name].identity | where


SETTINGS: dict[str, Callable[[Layout, str, Block, Block], Settings]] = {
    "train_dense": _dense_settings,
    "prune": _prune_settings,
    "retrain": _ticket_settings,
    "train_control": _control_settings,
    "measure_movement": _movement_settings,
}
