"""A small configuration in a folder of its own, to be changed key by key."""

from copy import deepcopy

import yaml

from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan

RUN = {
    "dataset": {"name": "mnist5k", "validation": 500},
    "network": {"name": "lenet_300_100"},
    "initialisation": {"scheme": "glorot_normal"},
    "training": {"optimizer": "adam", "lr": 0.01, "batch": 60, "steps": 100, "validate_every": 10, "test_every": 50},
    "pruning": {"share": {"fc": 0.2, "output": 0.1}},
    "levels": 3,
    "seeds": 3,
    "controls": {"reinitialise": {"draws": 2}, "noise_2": {"control": "noise", "scale": 2.0, "levels": [1, 3]}},
}
CLAIM = {
    "id": "A1",
    "says": "Tickets are more accurate than the dense network.",
    "where": "section 2",
    "judge": "paired_difference",
    "measure": {"metric": "test_accuracy_at_end", "of": {"run": "small", "at": {"level": 1}}, "against": "dense"},
    "expect": {"at_least": 0.0},
    "why": "the paper states a direction",
    "judged_at": ["tiny"],
}
FIGURE = {"kind": "early_stopping_and_accuracy", "title": "All", "where": "figure 1", "runs": ["small"]}
PAPER = {
    "paper": {"title": "Small", "citation": "Nobody, never", "summary": "Little."},
    "runs": {"small": RUN},
    "figures": {"figure_1": FIGURE},
    "claims": [CLAIM],
}
SCALE = {"about": "For tests.", "blocks": {"seeds": 2, "levels": 2}}
CONFIG = {"scale": "tiny", "papers": ["one"], "data": {"mirror": None, "cifar10_copy": "original"}}
# None is a value of YAML, so that another mark is needed for a key that is to go.
DROP = object()


def changed(tree, changes):
    """Return a copy of a mapping with the values at these dotted paths set, or dropped (DROP)."""
    tree = deepcopy(tree)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = tree
        for key in parents:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        if value is DROP:
            del node[last]
        else:
            node[last] = value
    return tree


def write(folder, papers=None, scale=SCALE):
    """Write a configuration folder: papers by name, and the scale `tiny`, which runs them all."""
    papers = papers or {"one": PAPER}
    scale = scale | {"papers": {key: {} for key in papers} | scale.get("papers", {})}
    files = {f"papers/{name}": paper for name, paper in papers.items()} | {"scales/tiny": scale}
    for name, tree in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # `sort_keys=False`: the order of figures in the file is that of the page.
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(deepcopy(tree), sort_keys=False))
    return folder


def plan(folder, *, papers=None, scale=SCALE, **config):
    """Return the plan of such a configuration."""
    names = {"papers": list(papers or ["one"])}
    return Plan(read_configuration(CONFIG | names | config, folder=write(folder, papers, scale)))
