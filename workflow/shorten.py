"""A short run of a scale: everything that the scale runs, each thing as small as it gets and still goes the same way.

`workflow.vouch` runs it with two versions of the code. Keys of settings are shortened wherever they stand, so a new
paper or operation needs nothing here. The first run of a scale trains long enough for compiled backends, and ladders
are steep enough for sparse ones; see `reproof.training.backends`.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from reproof.experiments.configuration import merge
from reproof.experiments.strict_yaml import Tree, read_yaml

STEPS, LONG_STEPS = 60, 4000
LEVELS = 3
SHARE = 0.7  # of the remaining weights that a level prunes: three levels keep 2.7 %
BLOCKS = {"seeds": 2, "levels": 2}
LEAST = {  # what counts: examples, draws, iterations, ...
    **{"seeds": 2, "seeds_a_job": 2, "draws": 1, "pictures": 1, "samples": 2, "parents": 2, "children": 2},
    **{"examples": 24, "train_examples": 200, "statistics_examples": 100, "points": 3, "rounds": 2, "budget": 20},
    **{"searches": 2, "iterations": 5, "generations": 2, "population": 8, "queries": 300, "restarts": 2},
    **{"permutations": 20, "random_sets": 5, "directions": 5, "top": 3, "adversary_steps": 2},
    **{"pool_size": 20, "pool_renewed": 10, "pool_every": 20},
}
ATTACK_STEPS, EVALUATION_BATCH = 3, 50
OptionsOf = Callable[[str, str], Collection[str]]  # ("operation" or "attack", its name) to the names of its options


def shorten_scale(tree: Path, scale: str, options_of: OptionsOf) -> Tree:
    """Return the content of a scale's file, in the words of the source tree in `tree`, that runs it short."""
    patch = read_yaml(tree / "config/scales" / f"{scale}.yaml")
    first = next(iter(patch["papers"]))
    papers = {
        name: _paper(tree, name, one, options_of, first_steps=LONG_STEPS if name == first else STEPS)
        for name, one in patch["papers"].items()
    }
    return patch | {"blocks": BLOCKS, "papers": papers}


def _paper(tree: Path, name: str, patch: Tree, options_of: OptionsOf, *, first_steps: int) -> Tree:
    """Return a paper's patch with its runs written out, shortened; the first of them to `first_steps`."""
    runs = merge(read_yaml(tree / "config/papers" / f"{name}.yaml"), patch)["runs"]
    first = next(iter(runs))
    short = {key: shorten_run(run, first_steps if key == first else STEPS, options_of) for key, run in runs.items()}
    return patch | {"runs": short | {"*": None}}


def shorten_run(run: Tree, steps: int, options_of: OptionsOf) -> Tree:
    """Return a run of at most so many steps, few levels, few seeds, with each evaluation made small."""
    steps = min(steps, run["training"]["steps"])
    levels = min(run.get("levels", 0), LEVELS)
    short = _capped(run) | {"training": _training(run["training"], steps)}
    if "pruning" in run:
        short["pruning"] = _pruning(run["pruning"], steps)
    if levels:
        short["levels"] = levels
    for kind in ("controls", "evaluations"):
        if kind in run:
            shown = {key: _evaluation(one, steps, levels, options_of) for key, one in run[kind].items()}
            short[kind] = shown | {"*": None}
    return short


def _training(training: Tree, steps: int) -> Tree:
    decays, every = len(training.get("decay_at", [])), max(1, steps // 3)
    short = training | {"steps": steps, "validate_every": every, "test_every": every}
    if decays:
        short["decay_at"] = [steps * (number + 1) // (decays + 1) for number in range(decays)]
    if "warmup" in training:
        short["warmup"] = min(training["warmup"], every)
    return short


def _pruning(pruning: Tree, steps: int) -> Tree:
    short = dict(pruning)
    # Only fully connected networks have a sparse backend. Others keep their shares, and so the way they are computed.
    if "share" in pruning and "conv" not in pruning["share"]:
        short["share"] = dict.fromkeys(pruning["share"], SHARE)
    if "rewind" in pruning:
        short["rewind"] = min(pruning["rewind"], steps // 3)
    return short


def _evaluation(one: Tree, steps: int, levels: int, options_of: OptionsOf) -> Tree:
    """Return a control or an evaluation, shortened; options that are not stated are given their least value."""
    lists = {"queries"} if "attacks" in one else set()  # there `queries` lists points of a curve
    options = set(options_of("operation", one.get("measure", ""))) - lists
    short = _capped({key: LEAST[key] for key in LEAST if key in options} | one)
    if isinstance(one.get("steps"), list):
        short["steps"] = [0, steps // 3] if len(one["steps"]) > 1 else [0]
    if "levels" in one:
        short["levels"] = sorted({min(level, levels) for level in (min(one["levels"]), max(one["levels"]))})
    if "batch" in one:
        short["batch"] = min(one["batch"], EVALUATION_BATCH)
    if "attacks" in one:
        short["attacks"] = {label: _attack(attack, options_of) for label, attack in one["attacks"].items()} | {
            "*": None
        }
    if "controls" in one:
        controls = {arm: _evaluation(each, steps, levels, options_of) for arm, each in one["controls"].items()}
        short["controls"] = controls | {"*": None}
    return short


def _attack(attack: Tree, options_of: OptionsOf) -> Tree:
    least = LEAST | {"steps": ATTACK_STEPS}
    stated = {key: least[key] for key in options_of("attack", attack["attack"]) if key in least}
    return {key: _least(key, value, least) for key, value in (stated | attack).items()}


def _capped(settings: Tree) -> Tree:
    return {key: _least(key, value, LEAST) for key, value in settings.items()}


def _least(key: str, value: Any, least: Mapping[str, int]) -> Any:
    """Return a value, no greater than the least that its key needs; of epsilons and the like the first."""
    if key in ("epsilons", "noises") and isinstance(value, list):
        return value[:2]
    if key == "queries" and isinstance(value, list):
        return value[:1]
    return min(value, least[key]) if key in least and isinstance(value, int) and not isinstance(value, bool) else value


if __name__ == "__main__":
    sys.exit("error: python -m workflow.shorten: is no command; python -m workflow.vouch COMMIT runs scales short")
