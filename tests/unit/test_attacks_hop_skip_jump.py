"""HopSkipJump sees classes alone: the exact distance of linear victims, estimates by hand, starts, budgets."""

import pytest
import torch
from linear_victims import cases, chance, distances, linear, pictures

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.hop_skip_jump import _Oracle, hop_skip_jump
from reproof.attacks.nes import nes
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


def lengths(images, originals):
    return (images - originals).flatten(1).norm(dim=1)


def classes_alone(asked=None):
    """Return `linear()` with nothing but its classes; `asked` counts its queries."""
    inner = linear()

    def classes(batch):
        if asked is not None:
            asked.append(len(batch))
        return inner.predict(batch)

    def refuse(batch):
        raise AssertionError("logits were read")

    return Victim(refuse, gradients=False, classes=classes)


def test_it_ends_near_the_exact_distance_of_a_linear_victim_and_reads_classes_alone():
    (images, labels), wanted = cases(), distances("l2").amin(dim=1)
    made = hop_skip_jump(classes_alone(), images, Aim(labels), generator=chance(), queries=4000)
    checks.check_inside(made.images, images, epsilon=5.0, norm="l2")
    assert linear().predict(made.images).ne(labels).all()
    ratio = lengths(made.images, images) / wanted
    assert ratio.min() > 0.999 and ratio.median() < 1.1


def test_more_queries_come_nearer_within_the_budget_and_each_is_counted():
    (images, labels), found = cases(), []
    for queries in (200, 1000, 4000):
        asked = []
        made = hop_skip_jump(classes_alone(asked), images, Aim(labels), generator=chance(), queries=queries)
        assert sum(asked) == made.queries.sum() and made.queries.max() <= queries
        found.append(lengths(made.images, images).median())
    assert found[0] > 1.2 * found[1] > found[2]


@pytest.mark.parametrize("targeted", [False, True])
def test_a_budget_pays_for_the_start_or_is_refused(targeted):
    """20 pixels: a look, at most 20 draws of noise, and 7 queries of a line; a target needs no noise."""
    (images, labels), least = cases(), 8 if targeted else 28
    aim = Aim(torch.where(labels == 2, 4, 2) if targeted else labels, targeted)
    made = hop_skip_jump(classes_alone(), images, aim, generator=chance(), queries=least)
    assert aim.is_reached(linear().predict(made.images)).all() and made.queries.max() <= least
    message = f"^hop_skip_jump: {least - 1} queries do not pay for its start; give at least {least}$"
    with pytest.raises(ReproofError, match=message):
        hop_skip_jump(classes_alone(), images, aim, generator=chance(), queries=least - 1)


def test_a_target_is_reached_from_an_image_that_has_it():
    images, labels = cases()
    targets = torch.where(labels == 2, 4, 2)
    made = hop_skip_jump(classes_alone(), images, Aim(targets, targeted=True), generator=chance(), queries=1500)
    assert linear().predict(made.images).eq(targets).all()
    exact = distances("l2").gather(1, targets[:, None]).squeeze(1)
    assert (lengths(made.images, images) / exact).median() < 1.5


def test_images_that_are_adversarial_already_cost_one_query_and_stay():
    images, labels = cases()
    wrong = torch.cat([(labels[:5] + 1) % 5, labels[5:8]])
    made = hop_skip_jump(classes_alone(), images[:8], Aim(wrong), generator=chance(), queries=300)
    assert torch.equal(made.images[:5], images[:5]) and made.queries[:5].tolist() == [1] * 5
    assert (made.queries[5:] > 1).all()


def test_where_noise_keeps_the_class_another_image_is_the_start():
    """White images alone are of class 1; noise has the class of grey ones."""
    victim = Victim(
        lambda batch: torch.stack([torch.zeros(len(batch)), batch.flatten(1).mean(1) - 0.9], dim=1)
    ).hide_logits()
    images = torch.full((3, 1, 4, 4), 0.4)
    images[2] = 1.0
    made = hop_skip_jump(victim, images, Aim(torch.tensor([0, 0, 1])), generator=chance(), queries=2000)
    assert victim.predict(made.images).tolist() == [1, 1, 0]
    assert lengths(made.images, images)[:2].tolist() == pytest.approx([0.5 * 4] * 2, rel=0.03)


def test_without_a_start_an_image_stays():
    victim = Victim(lambda batch: torch.tensor([[1.0, 0.0]]).expand(len(batch), -1)).hide_logits()
    images = torch.rand(2, 1, 4, 4, generator=chance())
    made = hop_skip_jump(victim, images, Aim(torch.tensor([0, 0])), generator=chance(), queries=500, starts=7)
    assert torch.equal(made.images, images) and made.queries.tolist() == [8, 8]


def test_the_estimated_direction_is_the_normal_of_the_boundary():
    """At the boundary of a plane half of the answers differ; about them the mean points along the normal."""
    normal = torch.tensor([3.0, -4.0, 0.0, 0.0])
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), (batch.flatten(1) - 0.5) @ normal], dim=1))
    point, aim = torch.full((1, 1, 2, 2), 0.5), Aim(torch.tensor([0]))
    oracle = _Oracle(victim.hide_logits(), point, aim, torch.zeros(1).long())
    found = oracle.estimate_direction(torch.tensor([0]), point, torch.tensor(0.1), 20_000, chance())
    assert found.norm().item() == pytest.approx(1) and found.flatten() @ normal / 5 > 0.999
    assert oracle.asked.tolist() == [20_000]


def test_answers_weigh_less_their_mean():
    """A few of the directions cross a plane beside the point: each answer counts less the mean of all (equation 16)."""
    victim = Victim(lambda batch: torch.stack([torch.full((len(batch),), 0.53), batch[:, 0, 0, 0]], dim=1))
    point, aim = torch.full((1, 1, 2, 2), 0.5), Aim(torch.tensor([0]))
    oracle = _Oracle(victim.hide_logits(), point, aim, torch.zeros(1).long())
    found = oracle.estimate_direction(torch.tensor([0]), point, torch.tensor(0.1), 30, chance())
    noise = torch.randn(30, 1, 2, 2, generator=chance()).flatten(1)
    noise = noise / noise.norm(dim=1, keepdim=True)
    answers = (0.1 * noise[:, 0] > 0.03).float() * 2 - 1
    assert 2 < answers.gt(0).sum() < 14
    wanted = (answers - answers.mean()) @ noise
    assert torch.allclose(found.flatten(), wanted / wanted.norm(), atol=1e-4)


@pytest.mark.parametrize(("bias", "sign"), [(10.0, 1), (-10.0, -1)])
def test_equal_answers_all_count_with_their_sign(bias, sign):
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), torch.full((len(batch),), bias)], dim=1))
    point, aim = torch.full((1, 1, 2, 2), 0.5), Aim(torch.tensor([0]))
    oracle = _Oracle(victim.hide_logits(), point, aim, torch.zeros(1).long())
    found = oracle.estimate_direction(torch.tensor([0]), point, torch.tensor(0.1), 3, chance())
    noise = torch.randn(3, 1, 2, 2, generator=chance())
    mean = (noise / noise.flatten(1).norm(dim=1).view(3, 1, 1, 1)).mean(0, keepdim=True)
    assert torch.allclose(found, sign * mean / mean.norm(), atol=1e-5)


def test_a_line_is_bisected_to_the_boundary_on_the_wrong_side():
    victim = Victim(lambda batch: torch.stack([torch.zeros(len(batch)), batch.flatten(1).sum(1) - 0.3], dim=1))
    oracle = _Oracle(victim.hide_logits(), pictures([0.0] * 64), Aim(torch.tensor([0])), torch.zeros(1).long())
    point = oracle.search_line(torch.tensor([0]), torch.full((1, 1, 1, 64), 1 / 64))
    assert oracle.asked.tolist() == [9], "to 64^-1.5 of the line"
    assert 0.3 < point.sum().item() < 0.3 + 2**-9


def test_chance_is_the_generators():
    images, labels = cases()
    one, same, other = (
        hop_skip_jump(classes_alone(), images, Aim(labels), generator=chance(seed), queries=300).images
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("attack", [nes, pgd])
def test_an_attack_that_needs_more_is_refused_by_a_victim_that_shows_classes_alone(attack):
    images, labels = cases()
    with pytest.raises(ReproofError, match=r"^attack: this network (answers with classes alone|gives no gradients); "):
        attack(linear().hide_logits(), images, Aim(labels), generator=chance(), epsilon=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries": 0}, "hop_skip_jump: queries 0 and batch 100 must be above 0, starts 20 at least 0; correct them"),
        ({"batch": 0}, "hop_skip_jump: queries 10000 and batch 0 must be above 0, starts 20 at least 0; correct them"),
        ({"starts": -1}, "hop_skip_jump: queries 10000 and batch 100 must be above 0, starts -1 at least 0; correct"),
    ],
)
def test_an_impossible_option_is_refused(options, message):
    images, labels = cases()
    with pytest.raises(ReproofError, match=f"^{message}"):
        hop_skip_jump(classes_alone(), images, Aim(labels), generator=chance(), **options)
