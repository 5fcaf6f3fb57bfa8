"""The backends of a fully connected network: one function by autograd, written out, and on the kept weights alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from training_kit import digits, members, network, settings

from reproof.training.backends import Single, select_cpu_backend
from reproof.training.backends.perceptron import Perceptron
from reproof.training.backends.recognise import is_perceptron
from reproof.training.backends.sparse import SparsePerceptron
from reproof.training.backends.wiring import MaskedLayer, Wiring, compute_kept_share
from reproof.training.batches import Batches
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION, Objective
from reproof.training.processor import flush_subnormals
from reproof.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset():
    return digits(shape=(2, 5, 5))


def masked(dataset, kept, **options):
    """A network of 50-30-10-4 units, and one member that keeps this share of each layer's weights."""
    module = network(dataset, **options)
    (member,) = members(module, seeds=[3])
    chance = torch.Generator().manual_seed(7)
    masks = {k: torch.rand(v.shape, generator=chance) < kept for k, v in member.weights.items() if v.dim() > 1}
    return module, type(member)(seed=3, noise=member.noise, weights=member.weights, masks=masks)


def trained(backend, module, member, dataset, asked):
    networks = backend(module, [member], device=CPU, settings=asked, objective=CLASSIFICATION)
    trainer = Trainer(networks, [member], dataset=dataset, settings=asked, objective=CLASSIFICATION)
    trainer.run()
    return trainer


TRAININGS = {
    "adam": {"optimizer": "adam", "lr": 2e-3},
    "adam with decay": {"optimizer": "adam", "lr": 2e-3, "weight_decay": 1e-2},
    "rmsprop": {"optimizer": "rmsprop", "lr": 1e-3},
    "rmsprop with decay": {"optimizer": "rmsprop", "lr": 1e-3, "weight_decay": 1e-2},
    "sgd": {"optimizer": "sgd", "lr": 0.05},
    "momentum, decay, warmup, drops": {
        "optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-2, "warmup": 10, "decay_at": (30, 50),
    },
    "augmented": {"optimizer": "sgd", "lr": 0.05, "augment": "flip_crop"},
    "a batch that fills no row of lanes": {"optimizer": "sgd", "lr": 0.05, "batch": 7},
}  # fmt: skip


@pytest.mark.parametrize("changes", TRAININGS.values(), ids=TRAININGS)
@pytest.mark.parametrize("kept", [0.05, 0.3, 1.0])
def test_all_backends_train_the_same_to_rounding(dataset, kept, changes):
    """A whole training: weights, losses and the early-stopping point of the plain one."""
    asked = settings(**({"steps": 60} | changes))
    plain, *others = (
        trained(backend, *masked(dataset, kept), dataset, asked) for backend in (Single, Perceptron, SparsePerceptron)
    )
    start = masked(dataset, kept)[1].make_start(CPU)
    for other in others:
        for name, value in plain.networks.read_state().items():
            assert torch.allclose(other.networks.read_state()[name], value, atol=3e-5), name
            assert (value[0] != start[name]).any()
        assert [row.step for row in plain.rows] == [row.step for row in other.rows]
        for one, two in zip(plain.rows, other.rows, strict=True):
            assert one.values == pytest.approx(two.values, abs=1e-4)


@pytest.mark.parametrize("augment", ["none", "flip_crop"])
def test_all_backends_train_the_same_on_images_of_norm_one(dataset, augment):
    """`test_all_backends_train_the_same_to_rounding`, where each image has a factor of its own."""
    scaled = replace(dataset, unit_norm=True)
    asked = settings(optimizer="sgd", lr=2.0, steps=60, augment=augment)
    plain, *others = (
        trained(backend, *masked(scaled, 0.3), scaled, asked) for backend in (Single, Perceptron, SparsePerceptron)
    )
    standardised = trained(SparsePerceptron, *masked(dataset, 0.3), dataset, replace(asked, lr=0.05))
    for name, value in plain.networks.read_state().items():
        for other in others:
            assert torch.allclose(other.networks.read_state()[name], value, atol=3e-5), name
        assert not torch.allclose(standardised.networks.read_state()[name], value, atol=3e-3), name


def test_a_perceptron_has_the_gradient_of_autograd(dataset):
    """One step of plain descent moves each weight by the rate times the gradient of the mean cross-entropy."""
    asked = settings(optimizer="sgd", lr=1.0)
    for backend in (Perceptron, SparsePerceptron):
        module, member = masked(dataset, 0.4)
        networks = backend(module, [member], device=CPU, settings=asked, objective=CLASSIFICATION)
        batches = Batches(dataset, [member], batch=asked.batch, augment="none")
        inputs, labels = batches.gather(0)
        plain = network(dataset)
        plain.load_state_dict(member.make_start(CPU))
        cross_entropy(plain(inputs[0]), labels[0]).backward()
        before = {name: value.clone() for name, value in networks.read_state().items()}
        networks.descend(batches, 0, 1.0)
        for name, parameter in plain.named_parameters():
            slope = parameter.grad * member.masks.get(name, 1)
            assert torch.allclose((before[name] - networks.read_state()[name])[0], slope, atol=1e-6), (backend, name)
            assert slope.abs().max() > 1e-3


def test_outputs_are_those_of_the_module(dataset):
    module, member = masked(dataset, 0.2)
    networks = SparsePerceptron(module, [member], device=CPU, settings=settings(), objective=CLASSIFICATION)
    plain = network(dataset)
    plain.load_state_dict(member.make_start(CPU))
    inputs = dataset.normalise(dataset.test.images)
    assert torch.allclose(networks.compute_outputs(inputs)[0], plain(inputs), atol=1e-5)
    from_bytes = networks.compute_outputs_of_bytes(dataset.test.images.repeat(5, 1, 1, 1), dataset)[0]
    assert torch.allclose(from_bytes, plain(inputs).repeat(5, 1), atol=1e-5)
    scaled = replace(dataset, unit_norm=True)
    networks = SparsePerceptron(module, [member], device=CPU, settings=settings(), objective=CLASSIFICATION)
    from_bytes = networks.compute_outputs_of_bytes(dataset.test.images.repeat(5, 1, 1, 1), scaled)[0]
    assert torch.allclose(from_bytes, plain(scaled.normalise(dataset.test.images)).repeat(5, 1), atol=1e-5)


def test_loading_a_state_brings_back_what_it_measured(dataset):
    module, member = masked(dataset, 0.2)
    asked = settings()
    networks = SparsePerceptron(module, [member], device=CPU, settings=asked, objective=CLASSIFICATION)
    trainer = Trainer(networks, [member], dataset=dataset, settings=asked, objective=CLASSIFICATION)
    before = {name: value.clone() for name, value in networks.read_state().items()}
    first = evaluate(networks, dataset.test, dataset=dataset, objective=CLASSIFICATION)["loss"]
    for _ in range(5):
        trainer.step()
    assert evaluate(networks, dataset.test, dataset=dataset, objective=CLASSIFICATION)["loss"] != first
    networks.load_state(before)
    assert evaluate(networks, dataset.test, dataset=dataset, objective=CLASSIFICATION)["loss"] == first


def _by_hand(*, all_neurons=False):
    """Three inputs, three neurons, two outputs.

    Neuron 1 has no way to an output; input 2 leads only there; neuron 2 has no input but the bias.
    """
    lower = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0]], bool)
    upper = np.array([[1, 0, 1], [0, 0, 1]], bool)
    return Wiring.from_layers([MaskedLayer(lower, 0, 9), MaskedLayer(upper, 12, 18)], all_neurons=all_neurons)


def test_wiring_by_hand():
    wiring = _by_hand()
    assert wiring.pixels.tolist() == [0]
    # units: 0 is the constant, 1 input 0, 2 neuron 0, 3 neuron 2, then the outputs
    assert (wiring.first, wiring.neurons, wiring.hidden, wiring.classes) == (2, 4, 2, 2)
    assert wiring.start.tolist() == [0, 2, 3, 6, 8]
    assert wiring.source.tolist() == [0, 1, 0, 0, 2, 3, 0, 3]
    assert wiring.place.tolist() == [9, 0, 11, 18, 12, 14, 19, 17]


def test_wiring_keeps_every_neuron_where_weight_decay_moves_it():
    wiring = _by_hand(all_neurons=True)
    assert wiring.pixels.tolist() == [0, 2]
    assert wiring.place.tolist() == [9, 0, 10, 3, 5, 11, 18, 12, 14, 19, 17]


def test_a_network_of_which_nothing_is_left_still_trains_its_biases(dataset):
    asked = settings(optimizer="sgd", lr=0.1, steps=20)
    plain, sparse = (trained(backend, *masked(dataset, 0.0), dataset, asked) for backend in (Single, SparsePerceptron))
    for name, value in plain.networks.read_state().items():
        assert torch.allclose(sparse.networks.read_state()[name], value, atol=1e-6), name
    assert (sparse.networks.read_state()["output.bias"] != 0).all()


def test_only_chains_of_linear_layers_under_cross_entropy_are_perceptrons(dataset):
    assert is_perceptron(network(dataset), CLASSIFICATION)
    assert not is_perceptron(network(dataset), Objective(loss=nn.functional.mse_loss))
    others = [
        nn.Sequential(nn.Flatten(), nn.Linear(50, 4), nn.Sigmoid(), nn.Linear(4, 4)),
        nn.Sequential(nn.Flatten(), nn.Linear(50, 4), nn.ReLU()),
        nn.Sequential(nn.Linear(50, 4), nn.ReLU(), nn.Linear(4, 4)),
        nn.Sequential(nn.Flatten(), nn.Linear(50, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 4)),
        nn.Sequential(nn.Flatten(), nn.Linear(50, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)),
        nn.Flatten(),
        _with_a_buffer(network(dataset)),
    ]
    assert not any(is_perceptron(one, CLASSIFICATION) for one in others)


def _with_a_buffer(module):
    """A network whose first layer is frozen: its weight is no parameter."""
    weight = module.fc_1.weight.detach()
    del module.fc_1.weight
    module.fc_1.register_buffer("weight", weight)
    return module


def test_the_backend_follows_from_what_is_kept_and_how_long_it_trains():
    dataset = digits(shape=(1, 28, 28))
    picked = {}
    for kept, steps in ((1.0, 50_000), (0.3, 50_000), (0.1, 50_000), (0.1, 500)):
        module, member = masked(dataset, kept, width=1.0)
        picked[kept, steps] = select_cpu_backend(
            module, member, settings=settings(), objective=CLASSIFICATION, steps=steps
        ).__name__  # fmt: skip
    assert picked == {
        (1.0, 50_000): "Perceptron", (0.3, 50_000): "Perceptron",
        (0.1, 50_000): "SparsePerceptron", (0.1, 500): "Single",
    }  # fmt: skip
    convolutions = network(dataset, "conv_2", width=0.05)
    for has_masks in (False, True):
        (member,) = members(convolutions, seeds=[0], masked=has_masks)
        assert (
            select_cpu_backend(convolutions, member, settings=settings(), objective=CLASSIFICATION, steps=50_000)
            is Single
        )


def test_kept_counts_layers_without_a_mask_as_whole():
    masks = {"a": np.array([[True, False], [False, False]])}
    assert compute_kept_share(masks, {"a": 4, "b": 4}) == 5 / 8
    assert compute_kept_share(None, {"a": 4}) == 1


def test_batches_made_ahead_are_those_made_one_by_one(dataset):
    """Across an epoch's end, backwards, and with augmentation: a batch is a function of its step."""
    group = members(network(dataset), seeds=[0, 1])
    for augment in ("none", "flip_crop"):
        one = Batches(dataset, group, batch=30, augment=augment)
        for step in (0, 1, 15, 16, 9, 10, 31):
            other = Batches(dataset, group, batch=30, augment=augment)
            other._at_once = 1
            for mine, alone in zip(one.gather(step), other.gather(step), strict=True):
                assert torch.equal(mine, alone), (augment, step)
            images, labels, chosen = other.select_examples(step)
            for index, which in enumerate(chosen):
                assert torch.equal(labels[which], one.gather(step)[1][index])
                seen = dataset.normalise(images[which].view(-1, *dataset.input_shape))
                assert torch.equal(seen, one.gather(step)[0][index])
        assert one._at_once > 1


def test_subnormal_numbers_are_taken_for_zero_while_training():
    assert flush_subnormals()
    try:
        assert (torch.full((8,), 1e-30) * torch.full((8,), 1e-10)).eq(0).all()
    finally:
        torch.set_flush_denormal(False)
    assert (torch.full((8,), 1e-30) * torch.full((8,), 1e-10)).ne(0).all()
