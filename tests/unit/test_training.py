"""The trainer: against torch's own optimisers, bit for bit against itself, masks at exactly zero."""

import math
import os
import signal
from functools import partial

import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy
from training_kit import digits, members, network, settings

from reproof.storage.files import ReproofError
from reproof.training.backends import Single, Stacked
from reproof.training.backends.flat import FlatDescent
from reproof.training.backends.perceptron import Perceptron
from reproof.training.backends.sparse import SparsePerceptron
from reproof.training.block import train_block
from reproof.training.objective import CLASSIFICATION
from reproof.training.optimisers import make_initial_state, update
from reproof.training.saving import Saving
from reproof.training.schedule import Order, compute_learning_rate
from reproof.training.trainer import Trainer

OPTIMISERS = {
    "adam": (torch.optim.Adam, {}),
    "adam with decay": (torch.optim.Adam, {"weight_decay": 1e-2}),
    "rmsprop": (partial(torch.optim.RMSprop, alpha=0.9), {}),
    "rmsprop with decay": (partial(torch.optim.RMSprop, alpha=0.9), {"weight_decay": 1e-2}),
    "sgd": (torch.optim.SGD, {}),
    "sgd with momentum and decay": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 1e-2}),
}


@pytest.fixture(scope="module")
def dataset():
    return digits()


def table(trained):
    return pd.DataFrame(trained.curves)


def _same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_training_is_what_torch_does(dataset, name):
    """The plainest loop over the same batches ends in the same weights."""
    optimiser, options = OPTIMISERS[name]
    module = network(dataset)
    (member,) = members(module, seeds=[3])
    asked = settings(optimizer=name.split()[0], steps=25, **options)
    ours = train_block(module, [member], dataset=dataset, settings=asked).points["final"]
    plain = network(dataset)
    plain.load_state_dict(dict(member.weights))
    steps, order = (
        optimiser(plain.parameters(), lr=asked.lr, **options),
        Order(examples=300, batch=30, noise=member.noise),
    )
    for step in range(asked.steps):
        chosen = order.list_indices(step)
        loss = cross_entropy(plain(dataset.normalise(dataset.train.images[chosen])), dataset.train.labels[chosen])
        steps.zero_grad()
        loss.backward()
        steps.step()
    for key, value in plain.state_dict().items():
        assert torch.allclose(ours[key][0], value, atol=1e-6), key


def test_rmsprop_takes_the_steps_worked_by_hand():
    """Gradients 2 and 1: the mean squares are 0.1 x 4 = 0.4 and 0.9 x 0.4 + 0.1 x 1 = 0.46, in both updates."""
    asked, weights = settings(optimizer="rmsprop"), [torch.ones(1)]
    state, flat = make_initial_state(weights, asked), torch.ones(1)
    compiled, expected = FlatDescent(flat, asked), 1.0
    for gradient, square in ((2.0, 0.4), (1.0, 0.46)):
        update(weights, [torch.full((1,), gradient)], state, lr=0.1, settings=asked)
        compiled.gradient.fill_(gradient)
        compiled.apply(0.1)
        expected -= 0.1 * gradient / math.sqrt(square)
        for value, kept in ((weights[0], state["square"][0]), (flat, compiled.read_state()["square"])):
            assert (value.item(), kept.item()) == pytest.approx((expected, square), rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("backend", [Single, Perceptron, Stacked, SparsePerceptron])
def test_masked_weights_and_their_optimiser_state_are_exactly_zero_after_every_step(dataset, optimizer, backend):
    module = network(dataset)
    asked = settings(optimizer=optimizer, momentum=0.9 if optimizer == "sgd" else 0.0, weight_decay=1e-2, steps=10)
    group = members(module, masked=True, seeds=(0, 1) if backend is Stacked else (0,))
    networks = backend(module, group, device=torch.device("cpu"), settings=asked, objective=CLASSIFICATION)
    trainer = Trainer(networks, group, dataset=dataset, settings=asked, objective=CLASSIFICATION)
    places = [name for name, _ in module.named_parameters()]
    for _ in range(asked.steps):
        trainer.step()
        for index, member in enumerate(group):
            for name, mask in member.masks.items():
                now = networks.read_state()[name][index]
                assert (now[~mask] == 0).all()
                assert ((now != member.weights[name])[mask]).any()
                assert (now[mask] < 0).any(), "negative weights are frozen"
                for slot, value in networks.read_optimiser_state().items():
                    if slot.endswith(f".{places.index(name)}") and not slot.startswith("count"):
                        slots = value[index] if backend is Stacked else value
                        assert (slots[~mask] == 0).all()
                        assert (slots[mask] != 0).any()


def test_the_same_seed_gives_the_same_bits_and_a_block_equals_its_seeds_alone(dataset):
    module = network(dataset)
    together = train_block(module, members(module), dataset=dataset, settings=settings())
    again = train_block(module, members(module), dataset=dataset, settings=settings())
    alone = [train_block(module, [one], dataset=dataset, settings=settings()) for one in members(module)]
    assert _same(together.points["final"], again.points["final"])
    for name, value in together.points["final"].items():
        assert torch.equal(value, torch.cat([one.points["final"][name] for one in alone]))
    pd.testing.assert_frame_equal(table(together), pd.concat([table(one) for one in alone], ignore_index=True))


@pytest.mark.parametrize(
    ("name", "options", "changes"),
    [
        ("lenet_300_100", {}, {}),
        ("lenet_300_100", {}, {"optimizer": "sgd", "momentum": 0.9}),
        ("lenet_300_100", {}, {"optimizer": "rmsprop", "lr": 1e-3}),
        ("conv_2", {"width": 0.05, "dropout": 0.5}, {}),
        ("resnet_8", {"width": 0.25}, {"optimizer": "sgd", "momentum": 0.9, "augment": "flip_crop"}),
    ],
)
def test_the_two_backends_agree_to_rounding(name, options, changes):
    dataset = digits(shape=(1, 8, 8), train=120, rest=40)
    module = network(dataset, name, **options)
    asked = settings(**({"steps": 6, "validate_every": 3, "test_every": 3, "lr": 1e-3} | changes))
    one, other = (
        train_block(
            module, members(module, masked=True), dataset=dataset, settings=asked, snapshots=[0, 3], stacked=stacked
        )
        for stacked in (False, True)
    )
    for point in ("step0", "step3", "final"):
        for key, value in one.points[point].items():
            assert torch.allclose(value.double(), other.points[point][key].double(), atol=2e-5), (point, key)
    pd.testing.assert_frame_equal(table(one), table(other), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stacked", [False, True])
def test_a_training_cut_anywhere_goes_on_to_the_same_bits(dataset, tmp_path, stacked):
    module = network(dataset)
    asked = settings(augment="flip_crop")
    whole = train_block(module, members(module), dataset=dataset, settings=asked, snapshots=[0, 20], stacked=stacked)

    class Killed(Exception):
        pass

    saving = Saving(tmp_path / "state", "me", every_s=0.0)
    killed = _killed_after(saving, 3, Killed)
    with pytest.raises(Killed):
        train_block(
            module, members(module), dataset=dataset, settings=asked, snapshots=[0, 20], stacked=stacked, saving=killed
        )
    resumed = train_block(
        module, members(module), dataset=dataset, settings=asked, snapshots=[0, 20], stacked=stacked, saving=saving
    )
    for point in whole.points:
        assert _same(whole.points[point], resumed.points[point]), point
    pd.testing.assert_frame_equal(table(whole), table(resumed))


def _killed_after(saving, saves, error):
    class Fragile(Saving):
        count = 0

        def save(self, state):
            super().save(state)
            Fragile.count += 1
            if Fragile.count == saves:
                raise error

    return Fragile(saving.path, saving.identity, saving.every_s)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_asked_to_stop_saves_its_state_and_goes_on_to_the_same_bits(dataset, tmp_path, monkeypatch, number):
    """At the next step, whatever the interval; afterwards signals mean what they meant before."""
    module, asked = network(dataset), settings()
    whole = train_block(module, members(module), dataset=dataset, settings=asked)
    saving = Saving(tmp_path / "state", "me", every_s=math.inf)
    step = Trainer.step

    def asked_in_step_17_of_the_second(trainer):
        if trainer.done == 16 and trainer.members[0].seed == 1:
            os.kill(os.getpid(), number)
        step(trainer)

    before = signal.getsignal(number)
    message = rf"state: stopped by {number.name}, state saved; run Snakemake again to go on"
    with monkeypatch.context() as patch, pytest.raises(ReproofError, match=message):
        patch.setattr(Trainer, "step", asked_in_step_17_of_the_second)
        train_block(module, members(module), dataset=dataset, settings=asked, saving=saving)
    assert signal.getsignal(number) is before
    assert int(saving.load()["1:done"]) == 17
    saving = Saving(saving.path, "me", every_s=math.inf)
    resumed = train_block(module, members(module), dataset=dataset, settings=asked, saving=saving)
    assert _same(whole.points["final"], resumed.points["final"])
    pd.testing.assert_frame_equal(table(whole), table(resumed))


@pytest.mark.parametrize("damage", ["a bit", "the tail", "everything"])
def test_a_damaged_state_is_named_and_not_used(dataset, tmp_path, capsys, damage):
    module, asked = network(dataset), settings()
    saving = Saving(tmp_path / "state", "me", every_s=0.0)
    whole = train_block(module, members(module, seeds=[8]), dataset=dataset, settings=asked, saving=saving)
    content = bytearray(saving.path.read_bytes())
    content[-1] ^= 1
    saving.path.write_bytes({"a bit": content, "the tail": content[:-20], "everything": b""}[damage])
    again = train_block(module, members(module, seeds=[8]), dataset=dataset, settings=asked, saving=saving)
    said = capsys.readouterr().out
    assert f"{saving.path}: is damaged and is not used; the training starts over" in said
    assert "goes on" not in said
    assert _same(whole.points["final"], again.points["final"])


def test_the_time_of_saving_is_the_blocks_and_not_each_networks(dataset, tmp_path):
    """Of a block of many short trainings the state is saved as well."""
    module, asked = network(dataset), settings(steps=8, validate_every=4, test_every=4)
    saving = Saving(tmp_path / "state", "me", every_s=1000.0)
    saving._saved -= 990  # ten seconds are left, which a loaded machine does not take
    slow = Trainer._finish

    def finish(trainer):
        slow(trainer)
        saving._saved -= 20

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_finish", finish)
        train_block(module, members(module, seeds=[1, 2, 3]), dataset=dataset, settings=asked, saving=saving)
    assert int(saving.load()["0:done"]) == 8


def test_another_jobs_state_is_ignored(dataset, tmp_path):
    module, asked = network(dataset), settings()
    saving = Saving(tmp_path / "state", "somebody else", every_s=0.0)
    train_block(module, members(module, seeds=[8]), dataset=dataset, settings=settings(lr=0.1), saving=saving)
    assert saving.path.exists()
    mine = Saving(saving.path, "me", every_s=math.inf)
    fresh = train_block(module, members(module, seeds=[8]), dataset=dataset, settings=asked)
    got = train_block(module, members(module, seeds=[8]), dataset=dataset, settings=asked, saving=mine)
    assert _same(fresh.points["final"], got.points["final"])


def test_a_later_start_is_the_rest_of_the_whole(dataset):
    """Rewinding: from the weights at step k with the whole run's noise, SGD without memory ends where it ended."""
    module, asked = network(dataset), settings(optimizer="sgd", lr=0.05)
    (member,) = members(module, seeds=[1])
    whole = train_block(module, [member], dataset=dataset, settings=asked, snapshots=[15])
    late = type(member)(seed=1, noise=member.noise, weights={k: v[0] for k, v in whole.points["step15"].items()})
    rest = train_block(module, [late], dataset=dataset, settings=asked, first_step=15)
    assert _same(whole.points["final"], rest.points["final"])


def test_early_stopping_is_the_first_least_validation_loss_and_is_measured_on_all_splits(dataset):
    module = network(dataset)
    curves = table(
        train_block(module, members(module, seeds=[2]), dataset=dataset, settings=settings(lr=0.05, steps=100))
    )
    validation = curves[curves["split"] == "validation"]
    stop = validation.loc[validation["loss"].idxmin(), "step"]
    assert 0 < stop < 100, "the example does not overfit: it shows nothing"
    assert set(curves.loc[curves["step"] == stop, "split"]) == {"train", "validation", "test"}
    asked = settings(lr=0.05, steps=int(stop))
    again = table(train_block(module, members(module, seeds=[2]), dataset=dataset, settings=asked))
    for split in ("train", "test"):
        one, other = (
            c[(c["step"] == stop) & (c["split"] == split)][["loss", "accuracy"]].to_numpy() for c in (curves, again)
        )
        assert (one == other).all(), split


def test_accuracy_counts_every_example(dataset):
    module = network(dataset)
    trained = train_block(module, members(module, seeds=[4]), dataset=dataset, settings=settings())
    module.load_state_dict({name: value[0] for name, value in trained.points["final"].items()})
    right = (module(dataset.normalise(dataset.test.images)).argmax(1) == dataset.test.labels).double().mean()
    last = table(trained).query("split == 'test' and step == 40")["accuracy"].item()
    assert last == pytest.approx(float(right), abs=1e-12)


def test_divergence_is_one_clear_line(dataset):
    module = network(dataset)
    with pytest.raises(ReproofError, match=r"training diverged: seed 0.*lower training.lr \(10000.0\)"):
        train_block(module, members(module), dataset=dataset, settings=settings(optimizer="sgd", lr=1e4))


def test_learning_rate_by_hand():
    asked = settings(lr=0.8, warmup=4, decay_at=(10, 20), decay_factor=0.1)
    rates = [compute_learning_rate(step, asked) for step in (0, 1, 3, 4, 9, 10, 19, 20)]
    assert rates == pytest.approx([0.2, 0.4, 0.8, 0.8, 0.8, 0.08, 0.08, 0.008])


def test_an_epoch_shows_each_example_once_and_the_next_in_another_order():
    order = Order(examples=103, batch=10, noise=5)
    first, second = (torch.cat([order.list_indices(10 * epoch + i) for i in range(10)]) for epoch in (0, 1))
    assert len(first.unique()) == len(second.unique()) == 100
    assert not torch.equal(first, second)
    assert torch.equal(Order(examples=103, batch=10, noise=5).list_indices(13), second[30:40]), (
        "depends on what came before"
    )


def test_functional_updates_refuse_nothing_that_torch_accepts():
    """Zero gradients leave weights and state at exactly 0, with weight decay as well."""
    weights, gradients = [torch.zeros(5)], [torch.zeros(5)]
    for optimizer in ("adam", "sgd", "rmsprop"):
        asked = settings(optimizer=optimizer, momentum=0.9 if optimizer == "sgd" else 0.0, weight_decay=0.1)
        state = make_initial_state(weights, asked)
        update(weights, gradients, state, lr=0.1, settings=asked)
        assert (weights[0] == 0).all()
