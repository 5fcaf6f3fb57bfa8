"""Networks that pruning would leave without weights, refused before anything is trained.

What remains follows from the sizes of the layers, whatever the criterion. The declared total of a network bounds them
well enough for almost every run. Only where that bound leaves a doubt are the layers counted, in a process of its own.
"""

from collections.abc import Iterator, Mapping

from reproof.declarations.evaluate import read_declaration
from reproof.declarations.layers import Sizes, count_layers, keep_shares
from reproof.experiments.configuration import Paper
from reproof.experiments.runs import Run
from reproof.planning.cost_model import compute_size
from reproof.settings import PruningSettings, split_dataset_name
from reproof.storage.errors import ReproofError

TOGETHER = "ranked"  # the kind of all layers that are ranked together
# Without any weight of such layers, a network computes a constant; shortcuts may all go.
CUTTING = ("conv", "fc", "output", TOGETHER)
KINDS = ("conv", "fc", "output", "shortcut")
SMALLEST_OUTPUT = 30  # weights; no output layer here has fewer
PARTS = 500  # the largest layer of a kind has at least this part of all weights
LARGEST = 50  # the largest layer of all has at least this part


def check_dead_networks(paper: Paper, runs: Mapping[str, Run]) -> None:
    """Raise ReproofError for the first run of a paper of which a level or an evaluation would keep no weights."""
    for run in runs.values():
        stated = paper.published_runs[run.key], paper.settings["runs"][run.key]
        same = all(stated[0].get(key) == stated[1].get(key) for key in ("network", "pruning", "levels", "evaluations"))
        source = paper.published if same else paper.merged
        try:
            for at, what in find_dead_levels(run):
                raise source.make_complaint(f"runs.{run.key}.{at}", what)
        except ImpossibleError as error:
            raise source.make_complaint(f"runs.{run.key}.network", str(error)) from error


class ImpossibleError(Exception):
    """Options of which no network can be built."""


def find_dead_levels(run: Run) -> Iterator[tuple[str, str]]:
    """Yield (key below the run, what is wrong) of levels and evaluations that keep no weights of a kind of layer."""
    total = compute_size({"network": run.network}).weights
    small = {kind: [SMALLEST_OUTPUT if kind == "output" else max(1, total // PARTS)] for kind in KINDS}
    large = {kind: [max(1, total // LARGEST)] for kind in KINDS}
    impossible = run.network.get("width", 1) <= 0  # of which the network's own function says what is wrong
    if not (impossible or any(_find_empty_masks(run, small)) or any(_find_idle_levels(run, large))):
        return
    # Without a declared shape of the images, a kind of layer has at most all weights.
    sizes = _count_layers(run) or {kind: [total] for kind in KINDS}
    yield from _find_empty_masks(run, sizes)
    yield from _find_idle_levels(run, sizes)


def _find_empty_masks(run: Run, sizes: Sizes) -> Iterator[tuple[str, str]]:
    for level, kept in enumerate(_count_kept(run.pruning, run.levels, sizes), start=1):
        if empty := _find_empty(kept):
            key = "pruning.one_shot" if run.pruning.one_shot else "pruning.share"
            yield key, f"level {level} keeps no weight of {empty}; lower the share, or have fewer levels"
            return
    for name, one in run.evaluations.items():
        keeps = read_declaration("operations", "operation", one.operation, only="keeps").get("keeps")
        if keeps and (empty := _find_empty(keeps(one.options, sizes))):
            yield f"evaluations.{name}", f"its sparsest mask keeps no weight of {empty}; let it prune less"


def _find_idle_levels(run: Run, sizes: Sizes) -> Iterator[tuple[str, str]]:
    """Yield the first level that prunes nothing: the rounds before it have left too few weights for its share."""
    levels = [] if run.pruning.one_shot else _count_kept(run.pruning, run.levels, sizes)
    before = sum(map(sum, sizes.values()))
    for level, kept in enumerate(levels, start=1):
        now = sum(map(sum, kept.values()))
        if now == before:
            what = f"level {level} prunes nothing, as its share of the weights left rounds to 0; have fewer levels"
            yield "levels", what
            return
        before = now


def _count_kept(pruning: PruningSettings, levels: int, sizes: Sizes) -> Iterator[Sizes]:
    """Yield how many weights are kept at each level from 1 on; layers that are ranked together count as one."""
    if pruning.scope == "global":
        ranked = pruning.get_share(1) if levels else {}
        others = {kind: each for kind, each in sizes.items() if kind not in ranked}
        sizes = others | {TOGETHER: [sum(sum(each) for kind, each in sizes.items() if kind in ranked)]}
    kept = sizes
    for level in range(1, levels + 1):
        share = pruning.get_share(level)
        share = {TOGETHER: next(iter(share.values()))} if pruning.scope == "global" else share
        kept = keep_shares(sizes if pruning.one_shot else kept, share)
        yield kept


def _find_empty(kept: Sizes) -> str:
    """Return the words for the layers that keep no weight, or "" if enough are left to compute with."""
    if not any(map(any, kept.values())):
        return "the whole network"
    empty = [kind for kind in CUTTING if kind in kept and not any(kept[kind])]
    return f"{empty[0]} layers" if empty else ""


def _count_layers(run: Run) -> Sizes | None:
    """Return the sizes of the layers of a run's network; None if its data set does not declare its images."""
    data = read_declaration("data", "source", split_dataset_name(run.dataset.name)[0])
    if "shape" not in data:
        return None
    try:
        return count_layers(run.network, shape=data["shape"], classes=data["classes"])
    except ReproofError as error:  # of the network's own function, which knows no file
        raise ImpossibleError(str(error)) from error
