"""Probes of trained networks: what a layer is, exact identities of resets, distances and criticality by hand."""

from math import isnan, sqrt

import numpy as np
import pytest
import torch
from training_kit import digits, settings

from reproof.declarations.layer_classes import Thresholds
from reproof.figures.criticality import Estimate, estimate
from reproof.networks import build, compute_initial_deviation, initialise
from reproof.probing.criticality import compute_criticality, count_reaching
from reproof.probing.distances import compute_distances
from reproof.probing.freezing import freeze_parameters
from reproof.probing.layers import collect_names, find_branch_norms, list_layers, select_layers
from reproof.probing.resets import put_back, silence
from reproof.storage.files import ReproofError
from reproof.training.block import train_block
from reproof.training.members import Member

GREY = (1, 16, 16)
NETWORKS = {
    "fc": {"depth": 5, "units": 8},
    "conv_2": {"width": 1 / 32, "batch_norm": True},
    "vgg_11": {"width": 1 / 32},
    "resnet_20": {"width": 1 / 8},
    "resnet_18": {"width": 1 / 32},
    "resnet_50": {"width": 1 / 64},
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(name, seed=0, **options):
    """A network in eval mode and its state as `initialise` draws it."""
    module = build(name, input_shape=GREY, classes=10, **options).eval()
    initialise(module, scheme="glorot_normal", generator=generator(seed), batch_norm_scale="uniform")
    return module, {key: value.clone() for key, value in module.state_dict().items()}


def moved(state, seed=1):
    """A state as if trained: every parameter and running statistic somewhere else, variances positive."""
    chance = generator(seed)
    return {
        key: value + 1 if value.dtype == torch.int64 else value + 0.1 * torch.rand(value.shape, generator=chance)
        for key, value in state.items()
    }


def outputs(module, state):
    module.load_state_dict(state)
    with torch.no_grad():
        return module(torch.randn(4, *GREY, generator=generator(5)))


# What a layer is


def test_a_linear_layer_is_its_weight_and_its_bias():
    module, _ = drawn("fc", depth=2, units=4)
    assert list_layers(module) == {
        "fc_1": ("fc_1.weight", "fc_1.bias"),
        "fc_2": ("fc_2.weight", "fc_2.bias"),
        "output": ("output.weight", "output.bias"),
    }


def test_a_convolution_owns_the_normalisation_after_it_running_statistics_included():
    module, _ = drawn("vgg_11", width=1 / 32)
    found = list_layers(module)
    assert list(found) == [*(f"conv_{index}" for index in range(1, 9)), "output"]
    norm = [f"norm_2.{key}" for key in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]
    assert found["conv_2"] == ("conv_2.weight", *norm)


def test_a_residual_block_is_one_layer_shortcut_included():
    module, _ = drawn("resnet_18", width=1 / 32)
    found = list_layers(module)
    blocks = [f"stage_{stage}_block_{block}" for stage in (1, 2, 3, 4) for block in (1, 2)]
    assert list(found) == ["conv", *blocks, "output"]
    assert "norm.weight" in found["conv"]
    assert "blocks.stage_2_block_1.shortcut.norm.running_var" in found["stage_2_block_1"]


def test_torchvisions_blocks_are_layers_too():
    module = build("resnet_18_imagenet", input_shape=(3, 64, 64), classes=10)
    found = list_layers(module)
    assert list(found) == ["conv1", *(f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)), "fc"]
    assert "layer2.0.downsample.1.running_mean" in found["layer2.0"]
    assert find_branch_norms(module)["layer2.0"] == ("layer2.0.bn2.weight", "layer2.0.bn2.bias")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_of_the_state_belongs_to_exactly_one_layer(name):
    module, state = drawn(name, **NETWORKS[name])
    names = [one for layer in list_layers(module).values() for one in layer]
    assert sorted(names) == sorted(state)


def test_state_before_the_first_layer_is_refused():
    module = torch.nn.Sequential(torch.nn.BatchNorm2d(1), torch.nn.Conv2d(1, 1, 1))
    with pytest.raises(ReproofError, match=r"0\.bias belongs to no linear or convolutional layer"):
        list_layers(module)


def test_sets_of_layers_by_pattern():
    names = ["conv", "stage_1_block_1", "stage_1_block_2", "stage_2_block_1", "stage_2_block_10", "output"]
    assert select_layers(names, ["stage_*", "!*_block_1"]) == ("stage_1_block_2", "stage_2_block_10")
    assert select_layers(names, ["output", "conv"]) == ("conv", "output"), "in forward order"
    with pytest.raises(ReproofError, match="'fc_1' fits none; they are conv, stage_1_block_1"):
        select_layers(names, ["fc_1"])
    with pytest.raises(ReproofError, match="leaves none"):
        select_layers(names, ["conv", "!conv"])


# Resets


@pytest.mark.parametrize("name", ["fc", "conv_2", "vgg_11", "resnet_18"])
def test_resetting_nothing_changes_nothing_and_resetting_all_layers_gives_the_initial_network(name):
    module, start = drawn(name, **NETWORKS[name])
    trained, layers = moved(start), list_layers(module)
    same = put_back(trained, start, collect_names(layers, []))
    assert all(same[key] is trained[key] for key in trained)
    back = put_back(trained, start, collect_names(layers, layers))
    assert list(back) == list(trained)
    assert all(torch.equal(back[key], start[key]) for key in start)
    assert torch.equal(outputs(module, back), outputs(module, start))
    assert not torch.equal(outputs(module, back), outputs(module, trained))


@pytest.mark.parametrize("name", ["fc", "conv_2", "resnet_18"])
def test_a_reset_touches_its_layer_only(name):
    module, start = drawn(name, **NETWORKS[name])
    trained = moved(start)
    for layer, names in list_layers(module).items():
        reset = put_back(trained, start, names)
        assert {key for key in reset if reset[key] is not trained[key]} == set(names)
        assert all(reset[key] is start[key] for key in names)
        assert not torch.equal(outputs(module, reset), outputs(module, trained)), layer


def test_a_reset_by_hand():
    module, _ = drawn("fc", depth=1, units=1)
    trained = {"fc_1.weight": 2.0, "fc_1.bias": 3.0, "output.weight": 5.0, "output.bias": 7.0}
    start = {"fc_1.weight": -1.0, "fc_1.bias": 0.0, "output.weight": -2.0, "output.bias": 0.0}
    names = list_layers(module)["fc_1"]
    assert put_back(trained, start, names) == trained | {"fc_1.weight": -1.0, "fc_1.bias": 0.0}
    with pytest.raises(ReproofError, match=r"fc_1\.bias is not in the state"):
        put_back(trained, {"fc_1.weight": 1.0}, names)


def test_joint_resets_add_up_layer_by_layer():
    module, start = drawn("fc", **NETWORKS["fc"])
    trained, layers = moved(start), list_layers(module)
    together = put_back(trained, start, collect_names(layers, ["fc_2", "fc_4"]))
    after_another = put_back(put_back(trained, start, layers["fc_2"]), start, layers["fc_4"])
    assert all(together[key] is after_another[key] for key in trained)


def test_a_fresh_draw_of_a_layer_has_the_moments_of_its_initialiser():
    module, start = drawn("fc", depth=3, units=256)
    trained, names = moved(start), list_layers(module)["fc_2"]
    _, fresh = drawn("fc", seed=9, depth=3, units=256)
    reset, deviation = (
        put_back(trained, fresh, names),
        compute_initial_deviation(module, scheme="glorot_normal")["fc_2.weight"],
    )
    values = reset["fc_2.weight"].double() / deviation
    spread = 4 / sqrt(values.numel())  # four standard errors
    assert deviation == pytest.approx(sqrt(2 / 512))
    assert values.mean().item() == pytest.approx(0, abs=spread)
    assert values.square().mean().item() == pytest.approx(1, abs=spread * sqrt(2))
    assert values.pow(4).mean().item() == pytest.approx(3, abs=spread * sqrt(96))
    assert not reset["fc_2.bias"].any()
    likeness = (values * start["fc_2.weight"].double() / deviation).mean().item()
    assert likeness == pytest.approx(0, abs=spread), "it is no copy of the initial weights"


# Removed residual blocks


@pytest.mark.parametrize("name", ["resnet_18", "resnet_50"])
def test_a_removed_block_that_keeps_its_shape_is_the_identity(name):
    module, start = drawn(name, **NETWORKS[name])
    trained, block = moved(start), "stage_1_block_2"
    without = outputs(module, silence(trained, find_branch_norms(module)[block]))
    module.load_state_dict(trained)
    setattr(module.blocks, block, torch.nn.Identity())
    with torch.no_grad():
        assert torch.equal(without, module(torch.randn(4, *GREY, generator=generator(5))))


def test_a_removed_block_that_changes_the_shape_keeps_its_shortcut():
    module, start = drawn("resnet_18", **NETWORKS["resnet_18"])
    trained, block = moved(start), module.blocks.stage_2_block_1
    without = outputs(module, silence(trained, find_branch_norms(module)["stage_2_block_1"]))
    module.load_state_dict(trained)
    block.conv_1.register_forward_hook(lambda *_: None)
    block.norm_2.register_forward_hook(lambda _, inputs, output: torch.zeros_like(output))
    with torch.no_grad():
        assert torch.equal(without, module(torch.randn(4, *GREY, generator=generator(5))))


def test_only_residual_networks_have_blocks_to_remove():
    assert find_branch_norms(drawn("vgg_11", width=1 / 32)[0]) == {}
    assert len(find_branch_norms(drawn("resnet_50", width=1 / 64)[0])) == 3 + 4 + 6 + 3


# Distances


def test_distances_by_hand():
    start = {"a": np.array([[0.0, 2.0]], np.float32), "b": np.array([2.0], np.float32), "c": np.zeros(5)}
    trained = {"a": np.array([[2.0, 2.0]], np.float32), "b": np.array([-1.0], np.float32), "c": np.ones(5)}
    found = compute_distances(trained, start, ["a", "b"])  # changes 2, 0, -3 from 0, 2, 2
    assert found["distance_l2"] == pytest.approx(sqrt(13 / 3))
    assert found["distance_linf"] == 3.0
    assert found["relative_distance_l2"] == pytest.approx(sqrt(13 / 8))
    assert found["relative_distance_linf"] == pytest.approx(1.5)
    assert set(compute_distances(start, start, ["a"]).values()) == {0.0}
    assert isnan(compute_distances(trained, start, ["c"])["relative_distance_l2"]), "nothing to compare with"


# Criticality


def test_criticality_by_hand():
    assert compute_criticality(trained=0.9, reset=0.9, chance=0.1) == 0.0
    assert compute_criticality(trained=0.9, reset=0.1, chance=0.1) == pytest.approx(1.0)
    assert compute_criticality(trained=0.9, reset=0.5, chance=0.1) == pytest.approx(0.5)
    assert compute_criticality(trained=0.5, reset=0.6, chance=0.1) == pytest.approx(-0.25), "better than before"
    assert isnan(compute_criticality(trained=0.1, reset=0.1, chance=0.1))


THRESHOLDS = Thresholds(ambient=0.02, critical=0.5)


def test_classes_by_threshold():
    assert [THRESHOLDS.classify(value) for value in (-0.1, 0.02, 0.021, 0.499, 0.5, 1.1)] == [
        *("ambient", "ambient", "between", "between", "critical", "critical")
    ]


def test_an_estimate_by_hand():
    """Of 0.6, 0.7 and 0.8: spread 0.1, standard error 0.1 / sqrt(3), t of two degrees of freedom 4.30265."""
    found = estimate([0.6, 0.7, 0.8], thresholds=THRESHOLDS)
    half = 4.30265 * 0.1 / sqrt(3)
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, 0.7 - half, 0.7 + half), abs=1e-5)
    assert (found.seeds, found.named, found.settled) == (3, "critical", False), "0.45 is not critical"
    assert estimate([0.69, 0.7, 0.71], thresholds=THRESHOLDS).settled


def test_one_seed_settles_nothing_and_none_has_no_class():
    one = estimate([0.7, float("nan")], thresholds=THRESHOLDS)
    assert (one.named, one.seeds, one.settled) == ("critical", 1, False) and isnan(one.low)
    none = estimate([float("nan")], thresholds=THRESHOLDS)
    assert isinstance(none, Estimate) and (none.named, none.seeds, none.settled) == ("", 0, False)


def test_the_count_of_critical_layers_falls_with_the_threshold():
    assert count_reaching([0.9, 0.5, 0.02, float("nan")], [0.0, 0.02, 0.5, 0.51, 1.0]) == [3, 3, 2, 1, 0]


# Layers frozen during training


@pytest.mark.parametrize(("name", "layer"), [("fc", "fc_1"), ("resnet_8", "stage_1_block_1")])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_frozen_layer_stays_as_it_was_and_the_others_train(name, layer, stacked):
    options = {"depth": 2, "units": 8} if name == "fc" else {"width": 1 / 8}
    dataset = digits()
    module = build(name, input_shape=dataset.input_shape, classes=dataset.classes, **options)
    initialise(module, scheme="glorot_normal", generator=generator())
    start = {key: value.clone() for key, value in module.state_dict().items()}
    parameters, layers = dict(module.named_parameters()), list_layers(module)
    kept = {key for key in layers[layer] if key in parameters}
    freeze_parameters(module, kept)
    assert set(dict(module.named_parameters())) == set(parameters) - kept
    assert list(module.state_dict().keys() ^ start.keys()) == []
    members = [Member(seed=seed, weights=start, noise=seed) for seed in (0, 1)]
    trained = train_block(module, members, dataset=dataset, settings=settings(steps=6), stacked=stacked)
    for key, value in trained.points["final"].items():
        unchanged = torch.equal(value[0], start[key])
        assert unchanged == (key in kept) or "running" in key or "tracked" in key, key
