"""The settings of jobs, and the registered functions that jobs pick by name."""

from collections.abc import Callable, Mapping
from typing import Any

from reproof.declarations.criteria import EXAMPLES, GRADIENT
from reproof.declarations.evaluate import read_declaration
from reproof.experiments.configuration import Paper, list_figure_runs
from reproof.experiments.runs import Run
from reproof.experiments.strict_yaml import Tree
from reproof.planning.layout import Block, Layout, locate_data_record
from reproof.provenance.identity import Registered
from reproof.settings import USUAL_CLASSES, split_dataset_name

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
    """Return the claims of a paper, the scale they are judged at, and the classes of runs that have other than ten."""
    counts = {key: _count_classes(run["dataset"]["name"]) for key, run in paper.settings["runs"].items()}
    # What every run has is left out: the settings of published verdicts stay as they are.
    others = {key: count for key, count in counts.items() if count != USUAL_CLASSES}
    return {"claims": paper.settings["claims"], "scale": scale} | ({"classes": others} if others else {})


def _count_classes(dataset: str) -> int:
    """Return the number of classes that a data set declares, 0 if it declares none."""
    return int(read_declaration("data", "source", split_dataset_name(dataset)[0]).get("classes", 0))


def make_figure_settings(paper: Paper, figure: str, *, runs: Mapping[str, Run], scale: str) -> Settings:
    """Return the settings of a figure: its entry, published values, run titles, scale, number of departures."""
    titles = {key: one.get("title", key) for key, one in paper.published_runs.items()}
    titles |= {run.key: run.title for run in runs.values()}
    entry: Settings = paper.settings["figures"][figure]
    # The line below the panels names the data of the runs that are drawn, not of all runs of the paper.
    data = {locate_data_record(runs[key].dataset.name) for key in list_figure_runs(entry) if key in runs}
    about = {"references": _comparable_values(paper), "titles": titles, "scale": scale, "data": sorted(data)}
    about |= {"names": _list_names(paper, figure)}
    drawn = [runs[key] for key in list_figure_runs(entry) if key in runs]
    about |= {"classes": {run.key: count for run in drawn if (count := _count_classes(run.dataset.name))}}
    return entry | about | {"departures": len(list_departures(paper))}


def _list_names(paper: Paper, figure: str) -> dict[str, list[str]]:
    """Return the arms and attacks that a paper's file declares, and the runs that it has for a figure, in its order."""
    runs = paper.published_runs.values()
    tests = [one for run in runs for one in run.get("evaluations", {}).values()]
    reported = [one["report_as"]["arm"] for one in tests if "arm" in one.get("report_as", {})]
    arms = [*(arm for run in runs for arm in run.get("controls", {})), *reported]
    attacks = [attack for one in tests for attack in one.get("attacks", {})]
    # A figure that only a scale has is compared with no other.
    entry = paper.published.settings["figures"].get(figure) or paper.settings["figures"][figure]
    lists = {"arms": arms, "attacks": attacks, "runs": list_figure_runs(entry)}
    return {name: list(dict.fromkeys(each)) for name, each in lists.items()}


def list_departures(paper: Paper) -> list[Tree]:
    """Return the departures from a paper: at every scale, and at this one."""
    return [*paper.settings.get("departures", []), *paper.departures]


def _comparable_values(paper: Paper) -> list[Tree]:
    """Return the published values of runs whose network this scale keeps: a stand-in cannot be compared with them.

    A value is of the paper's data: on other data only ratios and gains are kept. Of a run that is trained otherwise,
    the source says so.
    """
    here, published = paper.settings["runs"], paper.published_runs
    return [
        one if here[key]["training"] == published[key]["training"] else _mark_training(one)
        for one in paper.settings.get("references", [])
        for key in [one["run"]]
        if key in here and here[key]["network"] == published[key]["network"]
        if "value" not in one or here[key]["dataset"] == published[key]["dataset"]
    ]


def _mark_training(one: Tree) -> Tree:
    """Return a published value whose source says that it was trained otherwise than here."""
    publication, comma, place = one["source"].partition(",")
    return one | {"source": f"{publication} (other training){comma}{place}"}


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
