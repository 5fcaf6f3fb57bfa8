"""The operation adversarial_training on real files: the run's own training, as on adversarial examples."""

import copy

import numpy as np
import pytest
import torch

from reproof.attacks.adversary import Adversary
from reproof.attacks.attack import Aim
from reproof.attacks.fgsm import fgsm
from reproof.attacks.hardening import Hardening
from reproof.attacks.victim import Victim
from reproof.data.dataset import load_dataset
from reproof.networks import build
from reproof.operations.adversarial_training import adversarial_training, train_seed
from reproof.operations.common.subject import Subject, convert_to_tensors, measure
from reproof.storage.files import ReproofError, read_parquet

ATTACKS = {"FGSM": {"attack": "fgsm"}, "PGD": {"attack": "pgd", "steps": 3, "step_size": 0.05}}
ASKED = {"attacks": ATTACKS, "epsilons": [0.05, 0.1], "epsilon": 0.1, "examples": 30}
FGSM = {"adversary": "fgsm", "clean_share": 0.5}
EXCHANGED = ("test_accuracy_on_examples_of_natural", "test_accuracy_on_examples_for_natural")


def subject(folder, *, levels=(0,), **options):
    return Subject(folder.job(levels=list(levels), options=ASKED | options), folder("dense.safetensors"))


def measured(folder, **options):
    measure(adversarial_training, subject(folder, **options), folder("measured.parquet"))
    return read_parquet(folder("measured.parquet"))


def values(table, metric):
    """{(part, at or None, seed): value} of a metric."""
    rows = table[table["metric"] == metric]
    keys = zip(rows["part"], (None if at != at else at for at in rows["at"]), rows["seed"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def network(folder, state):
    """A plain network with these weights, and the test images and labels that are shown to it."""
    data = load_dataset(folder("data.safetensors"), validation=20)
    module = build("lenet_300_100", input_shape=data.input_shape, classes=data.classes, width=0.1).eval()
    module.load_state_dict(copy.deepcopy(state))
    return module, data, data.test.images[:30].float() / 255, data.test.labels[:30]


def accuracy(folder, state, made_for):
    """Accuracy of one state on FGSM examples made for another, or on the images as they are."""
    module, data, pixels, labels = network(folder, state)
    if made_for is not None:
        victim = Victim.of(network(folder, made_for)[0], data)
        pixels = fgsm(victim, pixels, Aim(labels), generator=torch.Generator(), epsilon=0.1).images
    with torch.no_grad():
        return module((pixels - data.mean) / data.std).argmax(1).eq(labels).double().mean().item()


@pytest.mark.parametrize("adversary", [FGSM, {"adversary": "pgd", "adversary_steps": 3}])
def test_every_attack_is_measured_once_at_every_epsilon_and_exchanged_at_the_adversarys(folder, adversary):
    table = measured(folder, **adversary)
    under = values(table, "test_accuracy_under_attack")
    assert set(under) == {(part, at, seed) for part in ATTACKS for at in (0, 0.05, 0.1) for seed in (0, 1)}
    for metric in EXCHANGED:
        assert set(values(table, metric)) == {(part, 0.1, seed) for part in ATTACKS for seed in (0, 1)}
    assert set(values(table, "test_clean_accuracy")) == {("", None, seed) for seed in (0, 1)}
    assert set(table["arm"]) == {"ticket"} and set(table["level"]) == {0} and set(table["kept"]) == {1.0}
    assert not table.duplicated(["seed", "draw", "part", "at", "metric"]).any()
    assert not list(folder.path.glob("job.state*")), "the resumable state goes when the results are written"


def test_each_network_is_shown_what_was_made_for_the_other(folder):
    table, one = measured(folder, **FGSM), subject(folder, **FGSM)
    against = Adversary(attack="fgsm", epsilon=0.1, clean_share=0.5)
    of_natural, for_natural = (values(table, metric) for metric in EXCHANGED)
    found = set()
    for seed, start, end in zip((0, 1), one.read_step(0), one.read_tickets(0), strict=True):
        strong, natural = train_seed(one, start, seed, against), convert_to_tensors(end)
        assert values(table, "test_clean_accuracy")["", None, seed] == accuracy(folder, strong, None)
        assert values(table, "test_accuracy_under_attack")["FGSM", 0.1, seed] == accuracy(folder, strong, strong)
        assert of_natural["FGSM", 0.1, seed] == accuracy(folder, strong, natural)
        assert for_natural["FGSM", 0.1, seed] == accuracy(folder, natural, strong)
        found |= {accuracy(folder, strong, natural), accuracy(folder, natural, strong)}
    assert len(found) > 2, "the two are alike: this shows nothing"


def test_without_examples_the_training_is_the_runs_own_to_the_bit(folder):
    one = subject(folder)
    for seed, start, own in zip((0, 1), one.read_step(0), one.read_tickets(0), strict=True):
        end = train_seed(one, start, seed, Adversary(clean_share=1.0))
        assert all(np.array_equal(end[name].numpy(), own[name]) for name in own)


def test_the_options_reach_the_adversary(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "reproof.operations.adversarial_training.train_seed",
        lambda *a: asked.append(a[-1]) or train_seed(*a),
    )
    rest = {"adversary_steps": 2, "adversary_step_size": 0.07, "clean_share": 0.25, "epsilon": 0.05}
    measured(folder, **rest)
    measured(folder, adversary="fgsm", adversary_clip=False)
    one = Adversary(attack="pgd", steps=2, step_size=0.07, clean_share=0.25, epsilon=0.05)
    assert asked == [one, one, *[Adversary(attack="fgsm", epsilon=0.1, clip=False)] * 2]


def test_an_attack_without_a_ball_of_the_adversarys_norm_is_measured_but_not_exchanged(folder):
    other = {
        "L2": {"attack": "pgd", "norm": "l2", "epsilons": [0.5], "steps": 2, "step_size": 0.3},
        "C&W": {"attack": "carlini_wagner", "searches": 1, "steps": 5, "first_c": 1.0},
    }
    table = measured(folder, attacks=ATTACKS | other, **FGSM)
    assert set(table["part"]) == {"", "FGSM", "PGD", "L2", "C&W"}
    assert all({part for part, *_ in values(table, metric)} == set(ATTACKS) for metric in EXCHANGED)


def test_a_killed_job_does_not_train_a_finished_seed_again(folder, monkeypatch):
    class Killed(Exception):
        pass

    step, whole = Hardening.step, measured(folder, **FGSM)
    seen = []

    def stepping(one):
        if one._member.seed == 1 and not seen.count("killed"):
            seen.append("killed")
            raise Killed
        seen.append(one._member.seed)
        step(one)

    monkeypatch.setattr(Hardening, "step", stepping)
    with pytest.raises(Killed):
        measured(folder, **FGSM)
    again = measured(folder, **FGSM)
    assert seen == [*[0] * 12, "killed", *[1] * 12]
    assert again.equals(whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": [1]}, "adversarial_training trains dense networks alone; leave `levels` out"),
        (
            {"adversary": "square"},
            "adversarial_training: adversary 'square' is unknown; choose one of fgsm, pgd, pools",
        ),
        ({"epsilon": 8}, "epsilon 8 is outside the data's range"),
    ],
)
def test_what_cannot_be_hardened_is_refused_before_anything_is_trained(folder, monkeypatch, options, message):
    monkeypatch.setattr(Hardening, "step", None)
    with pytest.raises(ReproofError, match=message):
        measured(folder, **options)
