"""How long trainings take: sizes counted, records read, estimates by hand."""

import json

import pytest
import torch
from torch import nn

from reproof.declarations.costs import Size, count_network_steps, count_networks
from reproof.declarations.evaluate import read_declaration
from reproof.networks import build, list_prunable
from reproof.networks import list_networks as known_networks
from reproof.operations.common.attack_work import count_passes
from reproof.planning.cost_model import (
    compute_size,
    compute_work,
    describe_likeness,
    estimate_step_seconds,
    estimate_work_seconds,
    read_step_times,
)
from reproof.storage.files import ReproofError

TRAINING = {"optimizer": "adam", "lr": 0.01, "batch": 60, "steps": 1000, "validate_every": 50, "test_every": 500}
DENSE = {
    "dataset": {"name": "mnist", "validation": 5000},
    "network": {"name": "lenet_300_100"},
    "training": TRAINING,
    "seeds": [0, 1],
}
SHAPES = {
    "lenet_300_100": ((1, 28, 28), 10),
    "fc": ((1, 28, 28), 10),
    "softmax_regression": ((1, 28, 28), 10),
    "sigmoid_fc": ((1, 28, 28), 10),
    "tanh_fc": ((1, 28, 28), 10),
    "tiny_conv": ((1, 28, 28), 10),
    "autoencoder_softmax": ((1, 28, 28), 10),
    "alexnet": ((3, 224, 224), 1000),
    **{f"resnet_{depth}_imagenet": ((3, 224, 224), 1000) for depth in (18, 50, 101, 152)},
    "inception_v3": ((3, 299, 299), 1000),
}
CONTROL = DENSE | {"levels": [1, 2, 4], "draws": 2, "rewind": 400}


def published(name):
    """The size of a network as planning takes it, with the options that it usually has."""
    return compute_size(DENSE | {"network": {"name": name}})


@pytest.mark.parametrize("name", known_networks())
def test_every_network_declares_what_it_costs(name):
    """Without, it would be planned as the largest, which nobody would notice but the cluster."""
    cost = read_declaration("networks", "network", name).get("cost")
    assert isinstance(cost, Size) or callable(cost)


@pytest.mark.parametrize("name", known_networks())
def test_sizes_are_those_of_the_networks(name):
    shape, classes = SHAPES.get(name, ((3, 32, 32), 10))
    products = []
    with torch.device("meta"):  # shapes without numbers
        module, image = build(name, input_shape=shape, classes=classes), torch.zeros(1, *shape)

    def count(layer, _, output):
        pixels = output[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        products.append(layer.weight.numel() * pixels)

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    module.eval()(image)
    weights = sum(value.numel() for key, value in module.named_parameters() if key in list_prunable(module))
    assert published(name) == Size(weights, sum(products))


def test_a_narrower_network_is_smaller_and_an_unknown_one_is_taken_for_the_largest():
    assert (
        compute_size(DENSE | {"network": {"name": "conv_2", "width": 0.5}}).products
        == published("conv_2").products // 4
    )
    assert compute_size(DENSE | {"network": {"name": "new"}}) == published("resnet_152_imagenet")


def test_a_fully_connected_network_is_counted_by_its_depth_and_units():
    assert compute_size(DENSE | {"network": {"name": "fc"}}) == Size(334_336, 334_336)
    assert compute_size(DENSE | {"network": {"name": "fc", "depth": 2, "units": 3}}).weights == 784 * 3 + 3 * 3 + 3 * 10


def test_networks_and_steps():
    assert (count_networks(DENSE), count_network_steps(DENSE)) == (2, 2 * 1000)
    assert (count_networks(CONTROL), count_network_steps(CONTROL)) == (2 * 3 * 2, 12 * 600)


def test_the_estimate():
    """A step passes 3 x 60 examples, and evaluates 5,000 / 50 + 10,000 / 500 = 120 more: 300 of 2 x 266,200 FLOP."""
    flop = 300 * 2 * 266_200
    assert estimate_step_seconds(DENSE, gpu=False) == pytest.approx(flop / 30e9)
    assert estimate_step_seconds(DENSE, gpu=True) == pytest.approx(0.005 / 2 + flop / 4e12)


def write(folder, name, settings, seconds, device="cpu"):
    path = folder / name / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"settings": settings, "training_s": seconds, "device": device}))


def test_measured_times_are_medians_over_records_of_the_same_kind(tmp_path):
    write(tmp_path, "dense/a/0-1", DENSE, 4.0)  # 2 ms a network-step
    write(tmp_path, "controls/b/0-1/levels1_2_4", CONTROL, 21.6)  # 3 ms
    write(tmp_path, "tickets/c/0-1/level1", DENSE | {"level": 1, "rewind": 0}, 200.0)  # 100 ms: disturbed
    write(tmp_path, "tickets/c/0-1/level2", DENSE, 0.2, device="NVIDIA A100-SXM4-40GB")
    write(tmp_path, "dense/d/0", DENSE | {"training": TRAINING | {"batch": 128}}, 5.0)
    (tmp_path / "dense/e/0").mkdir(parents=True)
    (tmp_path / "dense/e/0/record.json").write_text("{")
    for number, odd in enumerate([{"training_s": 1}, {"training_s": "1", "device": "cpu", "settings": []}]):
        (tmp_path / f"dense/odd{number}/0").mkdir(parents=True)
        (tmp_path / f"dense/odd{number}/0/record.json").write_text(json.dumps(odd))
    assert read_step_times(tmp_path, gpu=False)[describe_likeness(DENSE)] == pytest.approx(3e-3)
    assert read_step_times(tmp_path, gpu=True) == {describe_likeness(DENSE): pytest.approx(1e-4)}
    assert len(read_step_times(tmp_path, gpu=False)) == 2
    assert read_step_times(tmp_path / "nowhere", gpu=False) == {}


def test_an_attack_is_estimated_by_the_most_that_it_may_ask():
    assert count_passes({"attack": "fgsm"}) == 3
    assert count_passes({"attack": "pgd", "steps": 7, "restarts": 2}) == 3 * 7 * 2
    assert count_passes({"attack": "square", "queries": 50}) == 50 and count_passes({"attack": "nes"}) == 10_000
    assert count_passes({"attack": "one_pixel", "population": 5, "generations": 3}) == 5 * 4
    assert count_passes({"attack": "carlini_wagner", "steps": 10, "searches": 2}) == 3 * 10 * 2
    assert count_passes({"attack": "every_pixel", "values": [0.0, 1.0]}) == 784 * 2
    assert count_passes({"attack": "hop_skip_jump", "queries": 70}) == 70
    assert count_passes({"attack": "apgd", "steps": 10, "restarts": 2}) == 3 * 10 * 2
    assert count_passes({"attack": "apgd", "steps": 10, "targets": 4, "loss": "targeted_dlr"}) == 3 * 10 * 4
    assert count_passes({"attack": "fab", "steps": 10, "targets": 4}) == 5 * 10 * 4
    assert count_passes({"attack": "autoattack", "steps": 10, "targets": 4, "queries": 60}) == 30 * 5 + 200 + 60


def seconds_of(operation, options, *, step_s=float("nan")):
    """The seconds that an operation takes on one core by what it declares; NaN if it asks for the time of a step."""
    settings = DENSE | {"options": options}
    work = compute_work(operation, settings)
    return estimate_work_seconds(work, settings, step_s=0.0 if work.steps is None else step_s, gpu=False)


def test_attacking_takes_its_passes_at_each_distance_of_every_seed():
    attacks = {"a": {"attack": "fgsm"}, "b": {"attack": "square", "queries": 40, "epsilons": [0.3]}}
    options = {"attacks": attacks, "epsilons": [0.1, 0.2], "examples": 100}
    passes = 3 * 2 + 40
    seconds = 2 * 266_200 * passes * 100 * 2 / 30e9
    assert seconds_of("attack", options) == pytest.approx(seconds)
    searching = {"examples": 10, "searches": 2, "iterations": 5}
    assert seconds_of("minimum_distortion", searching) == pytest.approx(2 * 266_200 * 3 * 2 * 5 * 10 * 2 / 30e9)


def test_training_on_attacked_images_costs_a_step_more_for_each_step_of_the_attack():
    steps = DENSE["training"]["steps"] * 2
    for options, times in (({"adversary": "fgsm"}, 2), ({"adversary_steps": 4}, 5)):
        assert seconds_of("adversarial_training", options, step_s=0.1) == pytest.approx(steps * times * 0.1)


def test_an_operation_of_no_declared_cost_is_an_error(monkeypatch):
    monkeypatch.setattr("reproof.planning.cost_model.read_declaration", lambda *which: {})
    with pytest.raises(ReproofError, match="operation connect: declares no cost"):
        compute_work("connect", DENSE)
