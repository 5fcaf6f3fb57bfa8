"""Pools of adversarial examples: content, trained layers, renewal, and bit-identical results after interruption."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_kit import digits, members, network, settings

from reproof.attacks.hardening import Hardening, train_adversarially
from reproof.attacks.pools import Pools, split_at_sigmoids
from reproof.networks import build
from reproof.storage.files import ReproofError
from reproof.training.saving import Saving

CPU = torch.device("cpu")
SMALL = Pools(size=25, renewed=10, every=2, searches=4)


@pytest.fixture(scope="module")
def dataset():
    return digits(train=120, rest=40)


def prepared(dataset, **changes):
    module = build("sigmoid_fc", input_shape=dataset.input_shape, classes=dataset.classes, first=12, second=8)
    (member,) = members(module, seeds=[3])
    return module, member, settings(**({"steps": 6, "validate_every": 3} | changes))


def begun(dataset, pools=SMALL, steps=0):
    module, member, asked = prepared(dataset, steps=40)
    one = Hardening(module, member, dataset, asked, pools, CPU)
    for _ in range(steps):
        one.step()
    return one


def test_from_each_layer_on_it_is_the_same_network(dataset):
    one = begun(dataset)
    origins = one.lesson.compute_origins(dataset.test.images)
    assert [origin.shape[1:] for origin in origins] == [(1, 6, 6), (12,), (8,)]
    with torch.no_grad():
        whole = one.module(dataset.normalise(dataset.test.images))
        for layer, origin in enumerate(origins):
            assert origin.min() >= 0 and origin.max() <= 1
            assert torch.allclose(one.lesson.build_above(layer)(origin), whole, atol=1e-5)


def test_a_pool_holds_what_the_layers_above_take_for_another_class_beside_its_true_one(dataset):
    """Places are filled in the order in which the training images are drawn, so the origin of each is known."""
    one = begun(dataset, steps=30)
    one.lesson = Pools(size=100, renewed=60).make_lesson(one)
    one.lesson.renew()
    chosen = torch.randperm(120, generator=one.make_generator("renew"))[:60]
    origins = one.lesson.compute_origins(dataset.train.images[chosen])
    for layer, (pool, truths) in enumerate(zip(one.lesson.examples, one.lesson.truths, strict=True)):
        made = pool[:60]
        assert torch.equal(truths[:60], dataset.train.labels[chosen])
        with torch.no_grad():
            was, now = (one.lesson.build_above(layer)(side).argmax(1) for side in (origins[layer], made))
        moved = (made != origins[layer]).flatten(1).any(dim=1)
        assert moved.double().mean() > 0.5
        assert (was != now)[moved].all(), "an example that its network takes for what it was"
        assert (made - origins[layer]).flatten(1).norm(dim=1)[moved].mean() < origins[layer].flatten(1).norm(
            dim=1
        ).mean()
        assert made.min() >= 0 and made.max() <= 1
        assert not pool[60:].any()


def test_a_layers_examples_teach_only_the_layers_above(dataset):
    one = begun(dataset)
    one.lesson.renew()
    parameters = dict(one.module.named_parameters())
    for layer, taught in enumerate((("fc_1", "fc_2", "output"), ("fc_2", "output"), ("output",))):
        loss = cross_entropy(
            one.lesson.build_above(layer)(one.lesson.examples[layer][:10]), one.lesson.truths[layer][:10]
        )
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        reached = {name for name, slope in zip(parameters, gradients, strict=True) if slope is not None}
        assert reached == {f"{name}.{kind}" for name in taught for kind in ("weight", "bias")}


def test_the_loss_is_that_of_the_batch_and_of_each_pool_by_their_shares(dataset):
    """With one example in each pool, the draw has no choice: the terms are known."""
    one = begun(dataset, Pools(size=1, renewed=1, every=1000, clean_share=0.25))
    images, labels = one.read_batch()
    total = one.lesson.compute_loss(images, labels)
    natural = cross_entropy(one.module(dataset.normalise(images)), labels)
    pools = zip(one.lesson.examples, one.lesson.truths, strict=True)
    terms = [cross_entropy(one.lesson.build_above(layer)(held), truth) for layer, (held, truth) in enumerate(pools)]
    assert total.item() == pytest.approx(0.25 * natural.item() + 0.25 * sum(term.item() for term in terms), rel=1e-5)


def test_pools_fill_and_then_a_random_part_is_replaced(dataset):
    """25 places, 10 renewed every second step: 10, 20, then 5 more and 5 replaced, then 10 replaced."""
    one, held, replaced = begun(dataset), [], []
    for _ in range(4):
        before = one.lesson.examples[1].clone()
        one.step()
        one.step()
        held.append(int(one.lesson.held))
        replaced.append((one.lesson.examples[1] != before).any(dim=1))
    assert held == [10, 20, 25, 25]
    assert [int(one.sum()) for one in replaced] == [10, 10, 10, 10]
    assert replaced[2][20:].all()
    assert not torch.equal(replaced[3][:20], replaced[2][:20]) or not replaced[3][20:].all()


def test_training_goes_on_from_a_saved_state_to_the_same_bits(dataset, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    class Fragile(Saving):
        def save(self, state):
            super().save(state)
            if int(state["done"]) == 3:
                raise Killed

    module, member, asked = prepared(dataset)
    how = {"dataset": dataset, "settings": asked, "method": SMALL}
    whole = train_adversarially(module, member, **how)
    with pytest.raises(Killed):
        train_adversarially(module, member, **how, saving=Fragile(tmp_path / "state", "me", every_s=0.0))
    again = train_adversarially(module, member, **how, saving=Saving(tmp_path / "state", "me", every_s=math.inf))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"size": 50},
            "adversarial_training: pools of 50 cannot have 100 replaced every 100 steps; replace at least one and at",
        ),
        ({"renewed": 0}, "adversarial_training: pools of 2000 cannot have 0 replaced"),
        ({"every": 0}, "replaced every 0 steps"),
        ({"clean_share": 1.0}, r"adversarial_training: clean_share 1 leaves pools nothing; it must be in \[0, 1\)"),
        ({"clean_share": math.nan}, "adversarial_training: clean_share nan leaves pools nothing"),
    ],
)
def test_impossible_pools_are_one_clear_line(changes, message):
    with pytest.raises(ReproofError, match=message):
        Pools(**changes)


@pytest.mark.parametrize("name", ["lenet_300_100", "conv_2", "resnet_8"])
def test_layers_that_are_no_sigmoids_are_refused(name):
    module = network(digits(shape=(1, 8, 8)), name)
    with pytest.raises(
        ReproofError, match=r"pools need a chain of layers with sigmoids.*choose the network sigmoid_fc"
    ):
        split_at_sigmoids(module)
