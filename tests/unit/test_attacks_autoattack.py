"""AutoAttack: the worst case over its parts for each image, exact on linear victims; shares that it missed."""

import pytest
import torch
from attack_kit import known, mnist, mnist_network, seeded
from linear_victims import cases, chance, linear, pictures, reachable

from reproof.attacks import checks
from reproof.attacks.apgd import apgd
from reproof.attacks.attack import Adversarial, Aim
from reproof.attacks.autoattack import autoattack, run_in_turn
from reproof.attacks.fab import fab
from reproof.attacks.outcome import Fooled
from reproof.attacks.victim import Victim
from reproof.operations.attack import measure_attacks
from reproof.storage.files import ReproofError

FEW = {"steps": 20, "targets": 4, "queries": 60}


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("linf", 0.06), ("l2", 0.1), ("l2", 0.3)])
def test_it_fools_all_that_can_be_fooled_of_a_linear_victim_and_nothing_else(norm, epsilon):
    victim, (images, labels) = linear(), cases()
    made = autoattack(victim, images, Aim(labels), generator=chance(), epsilon=epsilon, norm=norm, **FEW)
    checks.check_inside(made.images, images, epsilon=epsilon, norm=norm)
    assert torch.equal(victim.predict(made.images).ne(labels), reachable(norm, epsilon))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_each_image_is_at_most_as_often_right_as_under_each_part(norm):
    """On a trained network, with few steps, so that the parts differ."""
    victim, epsilon = Victim(mnist_network()), {"linf": 0.05, "l2": 0.8}[norm]
    images, labels = (part[:40] for part in known(victim, *(part[2000:2100] for part in mnist())))
    how = {"epsilon": epsilon, "norm": norm}
    few = {"apgd": {"steps": 4}, "targeted": {"steps": 4, "loss": "targeted_dlr"}, "fab": {"steps": 3}}
    under = [
        victim.predict(one(victim, images, Aim(labels), generator=seeded(), **how, **few[name]).images).eq(labels)
        for one, name in zip([apgd, apgd, fab], few, strict=True)
    ]
    made = autoattack(victim, images, Aim(labels), generator=seeded(), **how, steps=4, queries=20)
    right = victim.predict(made.images).eq(labels)
    assert 0 < right.sum() < 40
    assert all(right.sum() <= one.sum() for one in under)
    # The first part meets all images with the same numbers, so it fools the same ones, image by image.
    assert not (right & ~under[0]).any()


def constant(wrong, asked, *, back=()):
    """Return a part that paints the images of these first pixels black, and counts the images that it meets."""

    def part(victim, images, aim):
        asked.append(images[:, 0, 0, 0].tolist())
        made = images.clone()
        made[torch.isin(images[:, 0, 0, 0], torch.tensor(wrong))] = 0
        return Adversarial(made, torch.full_like(aim.labels, 3))

    return part


def dark():
    """Return a victim that gives black images class 1 and the others class 0."""
    return Victim(lambda batch: torch.stack([batch.flatten(1).sum(1), torch.full((len(batch),), 1e-6)], dim=1))


def test_each_part_meets_only_what_the_parts_before_have_not_fooled():
    images, aim = pictures([0.1], [0.2], [0.3], [0.4], [0.0]), Aim(torch.zeros(5).long())
    asked = []
    parts = {"one": constant([0.2], asked), "two": constant([0.1, 0.2], asked), "three": constant([], asked)}
    made = run_in_turn(dark(), images, aim, parts)
    assert [[round(one, 1) for one in met] for met in asked] == [[0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.4], [0.3, 0.4]]
    assert made.images.flatten().tolist() == pytest.approx([0, 0, 0.3, 0.4, 0])
    assert made.queries.tolist() == [1 + 6, 1 + 3, 1 + 9, 1 + 9, 1]


def test_no_part_is_asked_once_all_images_are_fooled():
    asked = []
    parts = {"one": constant([0.1], asked), "two": constant([], asked)}
    run_in_turn(dark(), pictures([0.1]), Aim(torch.zeros(1).long()), parts)
    assert len(asked) == 1


def test_a_lost_success_of_a_part_is_refused():
    right, fooled = torch.tensor([True, True, False]), torch.tensor([True, False, True])
    message = "^attack: 1 images that fab fooled are right under the ensemble; keep the first success of each$"
    with pytest.raises(ReproofError, match=message):
        checks.check_worst_case(right=right, fooled=fooled, part="fab")
    checks.check_worst_case(right=right, fooled=~right, part="fab")


def test_a_victim_that_changes_its_mind_is_refused():
    """The worst case is checked against the answers at the end, so a success that is lost is seen."""
    answers = iter([0, 1, 0])  # before, after the part, at the end

    def logits(batch):
        return torch.nn.functional.one_hot(torch.full((len(batch),), next(answers)), 2).float()

    with pytest.raises(ReproofError, match=r"^attack: 1 images that one fooled are right under the ensemble"):
        run_in_turn(Victim(logits), pictures([0.1]), Aim(torch.zeros(1).long()), {"one": constant([], [])})


@pytest.mark.parametrize("other", [-1e-6, 1e-6])
def test_an_image_at_the_boundary_counts_as_in_the_batch_of_all(other):
    """Logits are rounded otherwise in a batch of another size, so a part's success may be none in the whole batch."""

    def paint(wrong, colour):
        def part(victim, images, aim):
            made = torch.where(torch.isin(images, torch.tensor(wrong)), colour, images)
            return Adversarial(made, torch.ones_like(aim.labels))

        return part

    victim = Victim(
        lambda batch: torch.stack(
            [torch.full((len(batch),), 0.5), batch.flatten(1).sum(1) + other * (len(batch) < 3)], 1
        )
    )
    images, aim = pictures([0.1], [0.2], [0.3]), Aim(torch.zeros(3).long())
    parts = {"one": paint([0.1], 0.9), "two": paint([0.2], 0.5 - other / 2)}
    made = run_in_turn(victim, images, aim, parts)
    assert victim.predict(made.images).tolist() == [1, int(other < 0), 0]
    assert torch.equal(made.images[1] == images[1], torch.tensor([[[other > 0]]]))


def test_what_another_attack_fooled_and_autoattack_did_not_is_reported(capsys):
    found, yes, no = Fooled(), torch.tensor([True, True, False, False]), torch.tensor([True, False, False, False])
    found.add("pgd", {"attack": "pgd"}, 0.1, yes)
    found.add("all", {"attack": "autoattack"}, 0.1, no)
    found.add("weak", {"attack": "square"}, 0.1, no & ~no)
    found.add("farther", {"attack": "pgd"}, 0.2, yes)
    found.add("round", {"attack": "pgd", "norm": "l2"}, 0.1, yes)
    found.add("nearest", {"attack": "carlini_wagner"}, None, yes)
    found.add("outside", {"attack": "fgsm", "clip": False}, 0.1, yes)
    assert list(found.compare_with_autoattack()) == [("pgd", 0.1, 0.25), ("weak", 0.1, 0.0)]
    assert capsys.readouterr().out == "AutoAttack missed: at 0.1 pgd fooled 25.0% of the images that it did not\n"


def test_the_operation_measures_autoattack_beside_its_parts():
    victim, (images, labels) = linear(), cases()
    attacks = {
        "apgd": {"attack": "apgd", "steps": 20},
        "fab": {"attack": "fab", "steps": 20},
        "square": {"attack": "square", "queries": 60},
        "autoattack": {"attack": "autoattack", **FEW},
        "far": {"attack": "autoattack", "norm": "l2", "epsilons": [0.3], **FEW},
    }
    rows = list(measure_attacks(victim, images, labels, attacks=attacks, epsilons=[0.02, 0.06], split="test", seed=0))
    value = {(row["metric"], row.get("part"), row.get("at")): row["value"] for row in rows}
    for epsilon in (0.02, 0.06):
        exact = 1 - reachable("linf", epsilon).double().mean().item()
        assert value["test_accuracy_under_attack", "autoattack", epsilon] == pytest.approx(exact)
        for part in ("apgd", "fab", "square"):
            assert value["test_missed_by_autoattack", part, epsilon] == 0
            assert value["test_accuracy_under_attack", part, epsilon] >= exact - 1e-9
    assert value["test_accuracy_under_attack", "far", 0.3] == pytest.approx(
        1 - reachable("l2", 0.3).double().mean().item()
    )
    assert not any(metric == "test_missed_by_autoattack" and part == "far" for metric, part, _ in value)


def test_a_target_and_too_few_classes_are_refused():
    images, aim = pictures([0.5] * 20), Aim(torch.zeros(1).long())
    with pytest.raises(ReproofError, match=r"^autoattack: it leaves a class and reaches no given one; leave targeted"):
        autoattack(linear(), images, Aim(aim.labels, targeted=True), generator=chance(), epsilon=0.1)
    three = linear(torch.ones(20, 3), torch.tensor([100.0, 0, 1]))
    with pytest.raises(ReproofError, match=r"^attack: loss targeted_dlr compares 4 logits, and this network has 3; "):
        autoattack(three, images, aim, generator=chance(), epsilon=0.1, steps=2)
