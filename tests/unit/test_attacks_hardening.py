"""Adversarial training: against natural training, against a step by hand, and bit-identical after interruption."""

import copy
import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_kit import digits, members, network, settings

from reproof.attacks.adversary import Adversary
from reproof.attacks.attack import Aim
from reproof.attacks.fgsm import fgsm
from reproof.attacks.hardening import Hardening, train_adversarially
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.networks import find_dropouts
from reproof.seeding import derive
from reproof.storage.files import ReproofError
from reproof.training.block import train_block
from reproof.training.saving import Saving

CPU = torch.device("cpu")
RESNET = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-2, "warmup": 2, "decay_at": (4,)}
NETWORKS = [
    ("lenet_300_100", {}, {}),
    ("conv_2", {"width": 0.05, "dropout": 0.5}, {"augment": "flip_crop"}),
    ("resnet_8", {"width": 0.25}, RESNET),
]
FGSM = Adversary(attack="fgsm", epsilon=0.1, clean_share=0.5)
PGD = Adversary(attack="pgd", epsilon=0.1, steps=3, step_size=0.05)


@pytest.fixture(scope="module")
def dataset():
    return digits(shape=(1, 8, 8), train=120, rest=40)


def prepared(dataset, name="lenet_300_100", options=None, changes=None, masked=False):
    """Return a network, a member and its settings: few steps at a low rate, so that rounding stays small."""
    module = network(dataset, name, **(options or {}))
    (member,) = members(module, seeds=[3], masked=masked)
    return module, member, settings(**({"steps": 6, "validate_every": 3, "lr": 1e-3} | (changes or {})))


def begun(dataset, adversary, *which):
    module, member, asked = prepared(dataset, *which)
    return Hardening(module, member, dataset, asked, adversary, CPU)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def accuracy(module, state, dataset, *, attack=None, **options):
    """Return the accuracy on every third test image, under an attack if one is given."""
    module = copy.deepcopy(module)
    module.load_state_dict(state)
    victim = Victim.of(module, dataset)
    images, labels = dataset.test.images[::3].float() / 255, dataset.test.labels[::3]
    if attack:
        chance = torch.Generator().manual_seed(0)
        images = attack(victim, images, Aim(labels), generator=chance, **options).images
    return victim.predict(images).eq(labels).double().mean().item()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("name", "options", "changes"), NETWORKS)
def test_with_untouched_images_alone_it_is_natural_training_to_the_bit(dataset, name, options, changes, masked):
    module, member, asked = prepared(dataset, name, options, changes, masked)
    natural = train_block(module, [member], dataset=dataset, settings=asked).points["final"]
    ours = train_adversarially(module, member, dataset=dataset, settings=asked, method=replace(PGD, clean_share=1.0))
    assert same(ours, {key: value[0] for key, value in natural.items()})


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
@pytest.mark.parametrize(("name", "options", "changes"), NETWORKS)
def test_with_a_tiny_epsilon_it_is_natural_training_to_rounding(dataset, name, options, changes, attack):
    """Running statistics included: an attack that read them in train mode would have moved them."""
    module, member, asked = prepared(dataset, name, options, changes, masked=True)
    natural = train_block(module, [member], dataset=dataset, settings=asked).points["final"]
    tiny = Adversary(attack=attack, epsilon=1e-9, steps=2, step_size=1e-9)
    ours = train_adversarially(module, member, dataset=dataset, settings=asked, method=tiny)
    for key, value in natural.items():
        assert torch.allclose(ours[key].double(), value[0].double(), atol=2e-5), key


@pytest.mark.parametrize("adversary", [replace(FGSM, clean_share=0.3), PGD], ids=["fgsm", "pgd"])
@pytest.mark.parametrize(("name", "options", "changes"), NETWORKS)
def test_a_step_is_worked_by_hand(dataset, name, options, changes, adversary):
    """Plain gradient descent on alpha J(x) + (1 - alpha) J(x'), with x' a constant, made against the current network.

    A frozen copy in eval mode is attacked; a second in train mode, under the step's dropout, learns.
    """
    module, member, asked = prepared(dataset, name, options, {"optimizer": "sgd", "lr": 0.1, "augment": "none"})
    one = Hardening(module, member, dataset, asked, adversary, CPU)
    plain = network(dataset, name, **options).train()
    plain.load_state_dict(dict(member.weights))
    attacked = Victim.of(copy.deepcopy(plain), dataset)
    chance = torch.Generator().manual_seed(derive("harden", member.noise, 0))
    for key, layer in find_dropouts(plain).items():
        layer.resize(asked.batch)
        layer.draw(torch.Generator().manual_seed(derive("dropout", member.noise, 0, key)))
    images, labels = one.read_batch()
    pixels, aim = images.float() / 255, Aim(labels)
    if adversary.attack == "fgsm":
        made = fgsm(attacked, pixels, aim, generator=chance, epsilon=0.1).images
    else:
        made = pgd(attacked, pixels, aim, generator=chance, epsilon=0.1, steps=3, step_size=0.05).images
    assert (made - pixels).abs().max() > 0.09, "the examples are the images: this shows nothing"
    share = adversary.clean_share
    loss = (1 - share) * cross_entropy(plain((made - dataset.mean) / dataset.std), labels)
    if share:
        loss = loss + share * cross_entropy(plain(dataset.normalise(images)), labels)
    gradients = torch.autograd.grad(loss, list(plain.parameters()))
    one.step()
    for (key, start), gradient in zip(plain.named_parameters(), gradients, strict=True):
        assert torch.allclose(one.read_weights()[key], start - 0.1 * gradient, atol=1e-6), key
        assert not torch.allclose(start, start - 0.1 * gradient, atol=1e-6), key
    for key, statistic in plain.named_buffers():
        if key in one.read_weights():
            assert torch.allclose(one.read_weights()[key].double(), statistic.double(), atol=1e-6), key


@pytest.mark.parametrize("adversary", [FGSM, PGD], ids=["fgsm", "pgd"])
@pytest.mark.parametrize(("name", "options", "changes"), NETWORKS)
def test_examples_are_constants_made_in_eval_mode_and_learned_in_train_mode(
    dataset, name, options, changes, adversary, monkeypatch
):
    one, modes = begun(dataset, adversary, name, options, changes), []
    forward = one.module.forward
    monkeypatch.setattr(one.module, "forward", lambda x: modes.append(training(one.module)) or forward(x))
    images, labels = one.read_batch()
    made = one.lesson.make_examples(images, labels)
    assert not made.requires_grad and made.grad_fn is None
    assert modes and set(modes) == {frozenset({False})} and training(one.module) == {True}
    assert all(parameter.grad is None and parameter.requires_grad for parameter in one.module.parameters())
    questions = len(modes)
    one.step()
    learned = modes[questions:]
    assert learned.count({False}) == questions and learned.count({True}) == (2 if adversary is FGSM else 1)


def training(module):
    return frozenset(part.training for part in module.modules())


def test_the_random_start_is_drawn_anew_each_step_from_the_members_noise(dataset):
    one, other = begun(dataset, PGD), begun(dataset, PGD)
    images, labels = one.read_batch()
    first = one.lesson.make_examples(images, labels)
    assert torch.equal(first, other.lesson.make_examples(images, labels))
    torch.manual_seed(1)
    assert torch.equal(first, one.lesson.make_examples(images, labels)), "global chance took part"
    one.done = 1
    assert not torch.equal(first, one.lesson.make_examples(images, labels))
    other._member = replace(other._member, noise=5)
    assert not torch.equal(first, other.lesson.make_examples(images, labels))


@pytest.mark.parametrize("adversary", [FGSM, PGD], ids=["fgsm", "pgd"])
def test_epsilon_and_step_size_rise_to_the_adversarys_over_the_ramp(dataset, adversary):
    """Six steps, half of them the ramp: a third, two thirds, and from the third step on the whole distance."""
    one, distances = begun(dataset, replace(adversary, ramp=0.5)), []
    for _ in range(6):
        images, labels = one.read_batch()
        made = one.lesson.make_examples(images, labels)
        distances.append((made - images.float() / 255).abs().max().item())
        one.step()
    assert distances == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.1, 0.1], abs=2e-3)
    first = PGD.weaken(0.25)
    assert first == PGD and replace(PGD, ramp=0.5).weaken(0.25) == replace(PGD, ramp=0.5, epsilon=0.05, step_size=0.025)


def test_a_ramp_of_no_length_changes_no_bit(dataset):
    module, member, asked = prepared(dataset)
    how = {"dataset": dataset, "settings": asked}
    whole = train_adversarially(module, member, **how, method=PGD)
    assert same(whole, train_adversarially(module, member, **how, method=replace(PGD, ramp=1 / 6)))
    assert not same(whole, train_adversarially(module, member, **how, method=replace(PGD, ramp=0.5)))


def test_fgsm_leaves_the_box_only_if_it_is_told_not_to_clip(dataset):
    for clip, highest in ((True, 1.0), (False, 1.1)):
        one = begun(dataset, replace(FGSM, clip=clip))
        assert one.lesson.make_examples(*one.read_batch()).max().item() == pytest.approx(highest, abs=1e-6)


def test_the_network_that_is_handed_over_stays_as_it_is(dataset):
    module, member, asked = prepared(dataset)
    module.eval().requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    ended = train_adversarially(module, member, dataset=dataset, settings=asked, method=FGSM)
    assert same(before, module.state_dict()) and not module.training
    assert same(before, member.weights) and not same(before, ended)


def test_masked_weights_stay_exactly_zero(dataset):
    module, member, asked = prepared(dataset, masked=True)
    ended = train_adversarially(module, member, dataset=dataset, settings=asked, method=PGD)
    for name, mask in member.masks.items():
        assert (ended[name][~mask] == 0).all() and (ended[name][mask] != 0).all()


@pytest.mark.parametrize(("name", "options", "changes"), NETWORKS)
def test_a_killed_training_goes_on_to_the_same_bits_and_a_finished_one_is_not_trained_again(
    dataset, tmp_path, monkeypatch, name, options, changes
):
    class Killed(Exception):
        pass

    class Fragile(Saving):
        def save(self, state):
            super().save(state)
            if int(state["done"]) == 3:
                raise Killed

    module, member, asked = prepared(dataset, name, options, changes, masked=True)
    how = {"dataset": dataset, "settings": asked, "method": replace(PGD, clean_share=0.3)}
    whole = train_adversarially(module, member, **how)
    with pytest.raises(Killed):
        train_adversarially(module, member, **how, saving=Fragile(tmp_path / "state", "me", every_s=0.0))
    saving = Saving(tmp_path / "state", "me", every_s=math.inf)
    assert int(saving.load()["done"]) == 3
    assert same(whole, train_adversarially(module, member, **how, saving=saving))
    monkeypatch.setattr(Hardening, "step", None)
    assert same(whole, train_adversarially(module, member, **how, saving=saving))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_asked_to_stop_saves_its_state_and_goes_on_to_the_same_bits(dataset, tmp_path, monkeypatch, number):
    module, member, asked = prepared(dataset)
    how = {"dataset": dataset, "settings": asked, "method": PGD, "label": "harden 3"}
    whole = train_adversarially(module, member, **how)
    step = Hardening.step

    def asked_in_step_4(one):
        if one.done == 3:
            os.kill(os.getpid(), number)
        step(one)

    before = signal.getsignal(number)
    message = rf"state: stopped by {number.name}, state saved; run Snakemake again to go on"
    with monkeypatch.context() as patch, pytest.raises(ReproofError, match=message):
        patch.setattr(Hardening, "step", asked_in_step_4)
        train_adversarially(module, member, **how, saving=Saving(tmp_path / "state", "me", every_s=math.inf))
    assert signal.getsignal(number) is before
    saving = Saving(tmp_path / "state", "me", every_s=math.inf)
    assert int(saving.load()["done"]) == 4
    assert same(whole, train_adversarially(module, member, **how, saving=saving))


def test_another_jobs_state_is_ignored(dataset, tmp_path):
    module, member, asked = prepared(dataset)
    how = {"dataset": dataset, "settings": asked}
    train_adversarially(
        module, member, **how, method=FGSM, saving=Saving(tmp_path / "state", "somebody else", every_s=0.0)
    )
    fresh = train_adversarially(module, member, **how, method=PGD)
    assert same(fresh, train_adversarially(module, member, **how, method=PGD, saving=Saving(tmp_path / "state", "me")))


def test_progress_is_told(dataset, capsys, monkeypatch):
    monkeypatch.setattr("reproof.training.progress.EVERY_S", 0.0)
    module, member, asked = prepared(dataset)
    train_adversarially(module, member, dataset=dataset, settings=asked, method=FGSM, label="harden 3")
    assert "harden 3: step 3 of 6, " in capsys.readouterr().out


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "mnist5k"
    fetch_dataset(name="mnist5k", output=file)
    return load_dataset(file, validation=500)


@pytest.fixture(scope="module")
def natural(mnist):
    """Return a network of 90 and 30 hidden units, its start, and its weights after natural training of 300 steps."""
    module, asked = network(mnist, width=0.3), settings(steps=300, batch=50, lr=3e-3)
    (member,) = members(module, seeds=[0])
    trained = train_block(module, [member], dataset=mnist, settings=asked).points["final"]
    return module, member, asked, {name: value[0] for name, value in trained.items()}


@pytest.mark.parametrize(
    ("adversary", "attack", "options"),
    [(FGSM, fgsm, {}), (replace(PGD, steps=5, step_size=0.03), pgd, {"steps": 20, "step_size": 0.02})],
    ids=["fgsm", "pgd"],
)
def test_a_hardened_network_withstands_what_a_natural_one_does_not(mnist, natural, adversary, attack, options):
    """At the epsilon of its training, 0.1, under the attack of its training; natural: 20 %, 8 %."""
    module, member, asked, weak = natural
    strong = train_adversarially(module, member, dataset=mnist, settings=asked, method=adversary)
    under = [accuracy(module, one, mnist, attack=attack, epsilon=0.1, **options) for one in (weak, strong)]
    assert under[1] > under[0] + 0.35
    assert accuracy(module, strong, mnist) > 0.8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attack": "square"}, "adversarial_training: adversary 'square' is unknown; choose one of fgsm, pgd, pools"),
        ({"epsilon": 0.0}, "epsilon 0 is outside the data's range"),
        ({"epsilon": 76.5}, "epsilon 76.5 is outside the data's range; it must be above 0, at most 1"),
        ({"clean_share": -0.1}, "clean_share -0.1 is no share; it must be from 0 to 1"),
        ({"clean_share": 1.5}, "clean_share 1.5 is no share"),
        ({"clean_share": math.nan}, "clean_share nan is no share"),
        ({"ramp": -0.1}, "ramp -0.1 is no share; it must be from 0 to 1"),
        ({"ramp": 2.0}, "ramp 2 is no share"),
        ({"ramp": math.nan}, "ramp nan is no share"),
        ({"steps": 0}, "pgd cannot take 0 steps of 0.05, clipped; give steps of a size above 0, and clip"),
        ({"step_size": 0.0}, "pgd cannot take 10 steps of 0, clipped"),
        ({"step_size": math.nan}, "pgd cannot take 10 steps of nan, clipped"),
        ({"clip": False}, "pgd cannot take 10 steps of 0.05, unclipped"),
    ],
)
def test_an_impossible_adversary_is_one_clear_line(changes, message):
    with pytest.raises(ReproofError, match=message) as caught:
        Adversary(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("adversary", [FGSM, PGD], ids=["fgsm", "pgd"])
def test_divergence_is_one_clear_line(dataset, adversary):
    module, member, asked = prepared(dataset, changes={"optimizer": "sgd", "lr": 1e30})
    message = (
        r"^adversarial training diverged: seed 3: loss (nan|inf) after 3 steps; lower training.lr \(1e\+30\) or add"
    )
    with pytest.raises(ReproofError, match=message):
        train_adversarially(module, member, dataset=dataset, settings=asked, method=adversary)
