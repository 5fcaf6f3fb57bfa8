"""Settings under which pruning leaves no weights are refused at planning: before anything is trained."""

import numpy as np
import pytest
from small_paper import PAPER, changed, plan

from reproof.planning import dead_networks
from reproof.pruning.masks import prune
from reproof.settings import PruningSettings
from reproof.storage.files import ReproofError

CONV = {"runs.small.network.name": "conv_2"}
RESNET = {"runs.small.network.name": "resnet_8"}
NEAR_1 = 1 - 2.0**-20
UNTRAINED = {"measure": "untrained", "criteria": ["large_final"], "share": {"fc": 0.5, "output": 0.5}, "rounds": 20}
POPUP = {"measure": "supermask", "method": "popup", "budget": 10, "kept": 1e-9}
SMALL = "papers/one.yaml: runs.small."


def evaluated(**options):
    return {"runs.small.evaluations": {"masks": options}}


def pruned(levels, share, **others):
    return {"runs.small.levels": levels, "runs.small.pruning": {"share": share} | others, "runs.small.controls": {}}


DEAD = {
    "every share near 1": (
        pruned(2, {"fc": 0.9999, "output": 0.9999}),
        "pruning.share: level 1 keeps no weight of output layers",
    ),
    "the share of the output layer near 1": (
        pruned(1, {"fc": 0.2, "output": 0.9999}),
        "pruning.share: level 1 keeps no weight of output layers",
    ),
    "hidden layers alone": (pruned(2, {"fc": 0.9999}), "pruning.share: level 2 keeps no weight of fc layers"),
    "a large share, several levels": (
        pruned(3, {"fc": 0.95, "output": 0.95}),
        "pruning.share: level 3 keeps no weight of output layers",
    ),
    "more levels than halving allows": (
        pruned(20, {"fc": 0.5, "output": 0.5}),
        "levels: level 18 prunes nothing, as its share of the weights left rounds to 0",
    ),
    "a thousand levels": (pruned(1000, {"fc": 0.2, "output": 0.1}), "levels: level 52 prunes nothing"),
    "all at once": (
        {"runs.small.pruning": {"one_shot": [{"fc": 0.5, "output": 0.5}, {"fc": NEAR_1, "output": NEAR_1}]},
         "runs.small.levels": 2, "runs.small.controls": {}},
        "pruning.one_shot: level 2 keeps no weight of the whole network",
    ),
    "all layers ranked together": (
        pruned(2, {"fc": 0.99999, "output": 0.99999}, scope="global"),
        "pruning.share: level 2 keeps no weight of the whole network",
    ),
    "hidden layers ranked together": (
        pruned(2, {"fc": 0.99999}, scope="global"),
        "pruning.share: level 2 keeps no weight of ranked layers",
    ),
    "another criterion": (
        pruned(2, {"fc": 0.9999, "output": 0.9999}, by="random"),
        "pruning.share: level 1 keeps no weight of output layers",
    ),
    "convolutions": (CONV | pruned(1, {"conv": 0.99999}), "pruning.share: level 1 keeps no weight of conv layers"),
    "fully connected layers after convolutions": (
        CONV | pruned(2, {"conv": 0.2, "fc": 0.99999}),
        "pruning.share: level 2 keeps no weight of fc layers",
    ),
    "convolutions of a residual network": (
        RESNET | pruned(2, {"conv": 0.999}),
        "pruning.share: level 2 keeps no weight of conv layers",
    ),
    "images of unknown shape": (
        {"runs.small.dataset": {"name": "imagefolder"}} | pruned(2, {"fc": 0.99999, "output": 0.99999}),
        "pruning.share: level 2 keeps no weight of fc layers",
    ),
    "a ladder of masks on untrained weights": (
        evaluated(**UNTRAINED),
        "evaluations.masks: its sparsest mask keeps no weight of the whole network",
    ),
    "the default length of such a ladder": (
        evaluated(**(UNTRAINED | {"rounds": 24, "share": {"fc": 0.2, "output": 0.4}})),
        "evaluations.masks: its sparsest mask keeps no weight of output layers",
    ),
    "a supermask of a tiny share": (
        evaluated(**POPUP),
        "evaluations.masks: its sparsest mask keeps no weight of the whole network",
    ),
    "a bred supermask of a tiny share": (
        evaluated(**(POPUP | {"method": "genetic"})),
        "evaluations.masks: its sparsest mask keeps no weight of the whole network",
    ),
    "a share of 1 on untrained weights": (
        evaluated(**(UNTRAINED | {"share": {"fc": 1.0}})),
        "evaluations.masks.share.fc: 1.0 is no share between 0 and 1",
    ),
    "a supermask of nothing": (
        evaluated(**(POPUP | {"kept": 0.0})),
        "evaluations.masks.kept: 0.0 is no share above 0, at most 1",
    ),
}  # fmt: skip
ALIVE = {
    "a large share, few levels": pruned(3, {"fc": 0.9, "output": 0.9}),
    "as many levels as halving allows": pruned(17, {"fc": 0.5, "output": 0.5}),
    "all shortcuts": RESNET | pruned(1, {"shortcut": 0.99999}),
    "a learned share of ones": evaluated(**(POPUP | {"method": "bernoulli"})),
    "a supermask of few": evaluated(**(POPUP | {"kept": 0.01})),
    "all at once, but a thousandth": {
        "runs.small.pruning": {"one_shot": [{"fc": 0.999, "output": 0.99}]},
        "runs.small.levels": 1, "runs.small.controls": {},
    },
}  # fmt: skip


@pytest.mark.parametrize("case", DEAD)
def test_a_network_without_weights_is_refused_at_planning(tmp_path, case):
    changes, says = DEAD[case]
    with pytest.raises(ReproofError) as caught:
        plan(tmp_path, papers={"one": changed(PAPER, changes)})
    text = str(caught.value).removeprefix(f"{tmp_path}/")
    assert text.startswith(SMALL + says)
    assert "\n" not in text


@pytest.mark.parametrize("case", ALIVE)
def test_a_network_that_keeps_weights_is_planned(tmp_path, case):
    assert plan(tmp_path, papers={"one": changed(PAPER, ALIVE[case])}).runs["one"]["small"]


def test_a_scale_that_lets_a_network_die_is_named(tmp_path):
    scale = {"papers": {"one": {"runs": {"small": {"pruning": {"share": {"output": 0.9999}}}}}}}
    with pytest.raises(ReproofError, match=r"scales/tiny\.yaml: papers\.one\.runs\.small\.pruning\.share: level 1 "):
        plan(tmp_path, scale={"about": "x", "blocks": {"seeds": 1, "levels": 1}} | scale)


def test_usual_ladders_are_planned_without_counting_layers(tmp_path, monkeypatch):
    """It costs the start of a process that imports torch."""
    monkeypatch.setattr(dead_networks, "count_layers", lambda *asked, **_: pytest.fail(str(asked)))
    assert plan(tmp_path).runs


def test_the_count_is_that_of_pruning_itself(tmp_path):
    """Masks of the sizes of LeNet, pruned by the library, keep what the plan counts."""
    sizes = {"fc": [235, 300], "output": [10]}
    kinds = {"a": "fc", "b": "fc", "c": "output"}
    for settings in (
        {"share": {"fc": 0.7, "output": 0.5}},
        {"share": {"fc": 0.3}},
        {"share": {"fc": 0.45, "output": 0.45}, "scope": "global"},
    ):
        pruning = PruningSettings.parse(settings)
        masks = {"a": np.ones(235, bool), "b": np.ones(300, bool), "c": np.ones(10, bool)}
        chance = np.random.default_rng(0)
        for level, kept in enumerate(dead_networks._count_kept(pruning, 8, sizes), start=1):
            scores = {name: chance.random(mask.shape) for name, mask in masks.items()}
            masks = prune(masks, scores, kinds=kinds, share=pruning.get_share(level), scope=pruning.scope)
            assert sum(map(sum, kept.values())) == sum(int(mask.sum()) for mask in masks.values())


@pytest.mark.parametrize("width", [0, -1, -0.5, 0.0, -1e300])
@pytest.mark.parametrize("network", ["conv_2", "lenet_300_100", "resnet_8"])
def test_a_network_without_units_is_refused_with_file_and_key(tmp_path, network, width):
    """The network's own function says what is wrong; it knows no file."""
    with pytest.raises(ReproofError, match=r"papers/one\.yaml: runs\.small\.network(\.width)?: ") as caught:
        plan(tmp_path, papers={"one": changed(PAPER, {"runs.small.network": {"name": network, "width": width}})})
    assert "\n" not in str(caught.value)
