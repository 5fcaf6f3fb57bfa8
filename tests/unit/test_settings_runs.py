"""Runs: what their names depend on and what not; the names of every run of every paper as published, pinned."""

from dataclasses import dataclass

import pytest
import yaml
from small_paper import RUN, changed
from workspace import ROOT

from reproof.experiments.configuration import read_configuration
from reproof.experiments.runs import Run
from reproof.planning.plan import Plan
from reproof.settings import PruningSettings, TrainingSettings


def run(**changes):
    return Run.of("small", changed(RUN, changes))


def names(one):
    return {"dense": one.dense, "tickets": one.tickets} | {arm: one.control(arm) for arm in one.controls}


BEFORE = names(run())
EVERY = set(BEFORE)
DEFAULTS = {
    "dataset.split_seed": 0,
    "training.momentum": 0.0,
    "training.weight_decay": 0.0,
    "training.decay_at": [],
    "training.decay_factor": 0.1,
    "training.warmup": 0,
    "training.augment": "none",
    "pruning.by": "large_final",
    "pruning.scope": "layer",
    "pruning.rewind": 0,
    "pruning.reset": "each_round",
    "pruning.one_shot": [],
    "network.width": 1.0,
    "initialisation.batch_norm_scale": "one",
    "controls.noise_2.draws": 1,
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_saying_a_default_renames_nothing(key):
    assert names(run(**{key: DEFAULTS[key]})) == BEFORE


def test_a_new_setting_with_a_default_renames_nothing():
    @dataclass(frozen=True, kw_only=True)
    class Later(TrainingSettings):
        clip: float = 0.0

    assert Later.parse(RUN["training"]).drop_defaults() == TrainingSettings.parse(RUN["training"]).drop_defaults()
    assert Later.parse(RUN["training"] | {"clip": 1.0}).drop_defaults()["clip"] == 1.0


@pytest.mark.parametrize(
    ("key", "value", "renamed"),
    [
        ("dataset.validation", 400, EVERY),
        ("dataset.split_seed", 1, EVERY),
        ("network.width", 0.5, EVERY),
        ("initialisation.scheme", "kaiming_normal", EVERY),
        ("training.lr", 0.02, EVERY),
        ("training.steps", 200, EVERY),
        ("training.validate_every", 25, EVERY),
        ("training.decay_at", [50], EVERY),
        ("pruning.share.fc", 0.3, EVERY - {"dense"}),
        ("pruning.by", "large_init", EVERY - {"dense"}),
        ("pruning.rewind", 10, EVERY - {"dense"}),
        ("controls.noise_2.scale", 3.0, {"noise_2"}),
        ("title", "Small", set()),
        ("levels", 7, set()),
        ("seeds", 9, set()),
        ("controls.reinitialise.draws", 5, set()),
        ("controls.noise_2.levels", [2], set()),
    ],
)
def test_a_name_changes_with_what_it_depends_on_and_nothing_else(key, value, renamed):
    after = names(run(**{key: value}))
    assert {part for part in EVERY if after[part] != BEFORE[part]} == renamed


def test_names_can_be_read():
    assert BEFORE["tickets"].startswith("lenet_300_100-mnist5k-")
    assert BEFORE["noise_2"].startswith("noise_2-lenet_300_100-mnist5k-")


def test_two_arms_of_one_control_do_not_share_a_name():
    twice = run(**{"controls.noise_3": {"control": "noise", "scale": 2.0}})
    assert twice.control("noise_2") != twice.control("noise_3")


def test_the_jpeg_copy_of_cifar10_is_a_data_set_of_its_own():
    mapping = changed(RUN, {"dataset.name": "cifar10"})
    original, copy = Run.of("x", mapping), Run.of("x", mapping, cifar10_copy="jpeg")
    assert original.dataset.name == "cifar10"
    assert copy.dataset.name == "cifar10_jpeg"
    assert original.dense != copy.dense
    assert Run.of("small", RUN, cifar10_copy="jpeg").dense == BEFORE["dense"], "no other data set has such a copy"


def test_a_control_is_trained_at_all_levels_unless_it_says_at_which():
    assert run().controls["reinitialise"].levels == (1, 2, 3)
    assert run().controls["noise_2"].levels == (1, 3)


def test_iterative_pruning_starts_from_the_last_level_and_one_shot_from_the_dense_network():
    iterative = PruningSettings.parse({"share": {"fc": 0.2}})
    assert [iterative.find_pruned_level(level) for level in (1, 2, 3)] == [0, 1, 2]
    assert iterative.get_share(3) == {"fc": 0.2}
    one_shot = PruningSettings.parse({"one_shot": [{"fc": 0.5}, {"fc": 0.9}]})
    assert [one_shot.find_pruned_level(level) for level in (1, 2)] == [0, 0]
    assert one_shot.get_share(2) == {"fc": 0.9}


def test_every_published_run_keeps_its_name(snapshot):
    """A name that changes makes everybody's results of that run worthless: change a setting's default with care."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | {"scale": "paper"}
    papers = Plan(read_configuration(config)).runs
    snapshot("names", {paper: {key: names(one) for key, one in runs.items()} for paper, runs in papers.items()})
