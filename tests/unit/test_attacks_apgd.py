"""APGD and the DLR losses: worked by hand, against the closed form of linear victims, bounds, stops and mistakes."""

import pytest
import torch
from linear_victims import cases, chance, linear, pictures, reachable

from reproof.attacks import checks
from reproof.attacks.apgd import apgd
from reproof.attacks.apgd_steps import Ascent, list_checkpoints
from reproof.attacks.attack import Aim
from reproof.attacks.dlr import compute_difference, compute_dlr, compute_targeted_dlr, rank_targets
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

LOSSES = ["cross_entropy", "dlr", "targeted_dlr"]
LOGITS = torch.tensor([[4.0, 1.0, 3.0, -2.0, 0.0]])


def test_dlr_is_worked_by_hand():
    assert compute_dlr(LOGITS, torch.tensor([0])).tolist() == pytest.approx([-(4 - 3) / (4 - 1)])
    assert compute_dlr(LOGITS, torch.tensor([2])).tolist() == pytest.approx([(4 - 3) / (4 - 1)])
    assert compute_dlr(LOGITS, torch.tensor([3])).tolist() == pytest.approx([(4 + 2) / (4 - 1)])


def test_targeted_dlr_is_worked_by_hand():
    found = [compute_targeted_dlr(LOGITS, torch.tensor([[0, other]])).item() for other in (1, 2, 3)]
    assert found == pytest.approx([-(4 - one) / (4 - (1 + 0) / 2) for one in (1, 3, -2)])
    assert compute_difference(LOGITS, torch.tensor([[0, 2]])).tolist() == [-1.0]


@pytest.mark.parametrize("scale", [0.5, 3.0, 100.0])
def test_dlr_ignores_shift_and_scale(scale):
    logits, labels = torch.randn(20, 6, generator=chance(), dtype=torch.float64), torch.arange(20) % 6
    pairs = torch.stack([labels, (labels + 2) % 6], dim=1)
    assert torch.allclose(compute_dlr(scale * logits + 7, labels), compute_dlr(logits, labels))
    assert torch.allclose(compute_targeted_dlr(scale * logits + 7, pairs), compute_targeted_dlr(logits, pairs))


def test_equal_logits_give_a_finite_dlr():
    same = torch.zeros(1, 5)
    assert compute_dlr(same, torch.tensor([0])).tolist() == [0.0]
    assert compute_targeted_dlr(same, torch.tensor([[0, 1]])).tolist() == [0.0]


def test_targets_are_the_most_probable_wrong_classes_first():
    assert rank_targets(LOGITS, torch.tensor([0]), 2).tolist() == [[2, 1]]
    assert rank_targets(LOGITS, torch.tensor([2]), 9).tolist() == [[0, 1, 4, 3]]


def test_checkpoints_are_those_of_the_paper():
    assert list_checkpoints(100) == {22: 22, 41: 19, 57: 16, 70: 13, 80: 10, 87: 7, 93: 6, 99: 6}
    assert list(list_checkpoints(20)) == [5, 9, 12, 14, 16, 18, 19, 20]
    assert list(list_checkpoints(1)) == [1]
    assert all(sum(list_checkpoints(steps).values()) == max(list_checkpoints(steps)) for steps in range(1, 300))


def climbed(losses, *, sizes=1.0):
    """Return the state after queries with these losses, one list of losses an image; its points count the queries."""
    ascent = Ascent.of(pictures(*([0.0] for _ in losses)), size=sizes)
    for step, now in enumerate(zip(*losses, strict=True)):
        points = torch.full_like(ascent.points, float(step))
        ascent = Ascent(**vars(ascent) | {"points": points})
        ascent = ascent.arrive(points + 0.5, torch.tensor(now, dtype=torch.float64))
    return ascent


def test_a_step_size_halves_where_too_few_steps_rise_and_the_image_returns_to_its_best_point():
    """Of four steps, three rises are rho of them and enough; two are too few."""
    after = climbed([[0, 1, 2, 3, 2.5], [0, 1, 3, 2, 1], [0, 1, 2, 1, 1.5]]).check(4)
    assert after.sizes.tolist() == [1.0, 0.5, 1.0]
    assert after.points.flatten().tolist() == [4.0, 2.0, 4.0]
    assert after.slopes.flatten().tolist() == [4.5, 2.5, 4.5]
    assert after.losses.tolist() == [2.5, 3.0, 1.5] and after.rises.tolist() == [0, 0, 0]


def test_a_step_size_halves_where_neither_it_nor_the_highest_loss_have_changed():
    """The second image halved at the last checkpoint, so its size has changed."""
    first = climbed([[0, 1, 5, 3, 4], [0, -1, -2, -3, -4]]).check(4)
    assert first.sizes.tolist() == [1.0, 0.5]
    ascent = first
    for now in ([1.0, -9.0], [2.0, -8.0], [3.0, -7.0], [4.0, -6.0]):
        ascent = ascent.arrive(ascent.slopes, torch.tensor(now, dtype=torch.float64))
    after = ascent.check(4)
    assert after.rises.tolist() == [0, 0] and after.highest.tolist() == [5, 0]
    assert after.sizes.tolist() == [0.5, 0.5], "every step but the first rises; the second image keeps its half"


def test_the_first_move_is_a_projected_step_and_later_ones_keep_a_quarter_of_the_last():
    class Free:
        def project(self, images):
            return images.clamp(max=10.0)

        def compute_steps(self, gradients):
            return gradients.sign()

    start = Ascent.of(pictures([1.0]), size=2.0).arrive(pictures([3.0]), torch.zeros(1, dtype=torch.float64))
    first = start.move(Free(), first=True).arrive(pictures([3.0]), torch.ones(1, dtype=torch.float64))
    assert first.points.item() == 3.0
    second = first.arrive(pictures([-1.0]), torch.ones(1, dtype=torch.float64)).move(Free(), first=False)
    assert second.points.item() == pytest.approx(3 + 0.75 * -2 + 0.25 * (3 - 1))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_apgd_ends_at_the_optimum_of_a_linear_victim(norm, loss):
    """No image of the ball fools it, so the end of highest loss counts: along the sign, or along the slope."""
    slope = torch.randn(12, generator=chance(4))
    weights = torch.zeros(12, 4)
    weights[:, 1] = slope
    victim = linear(weights, torch.tensor([9.0, 0.0, -5.0, -5.5]))
    start, aim = torch.full((3, 1, 3, 4), 0.5), Aim(torch.zeros(3, dtype=torch.int64))
    made = apgd(victim, start, aim, generator=chance(), epsilon=0.1, norm=norm, loss=loss, targets=1).images
    best = 0.1 * (slope.sign() if norm == "linf" else slope / slope.norm())
    assert torch.allclose(made - start, best.view(1, 3, 4).expand(3, -1, -1, -1), atol=2e-3)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("linf", 0.06), ("l2", 0.1), ("l2", 0.3)])
def test_on_a_linear_victim_apgd_fools_only_what_can_be_fooled_and_apgd_t_all_of_it(norm, epsilon, loss):
    victim, (images, labels) = linear(), cases()
    made = apgd(victim, images, Aim(labels), generator=chance(), epsilon=epsilon, norm=norm, loss=loss, steps=50)
    checks.check_inside(made.images, images, epsilon=epsilon, norm=norm)
    fooled, possible = victim.predict(made.images).ne(labels), reachable(norm, epsilon)
    assert 5 < possible.sum() < 35
    assert not (fooled & ~possible).any()
    if loss == "targeted_dlr":
        assert torch.equal(fooled, possible)


def test_an_image_stops_at_its_first_success_and_queries_are_counted():
    asked = []
    inner = linear()
    victim = Victim(lambda batch: asked.append(len(batch)) or inner.logits(batch))
    images, labels = cases()
    labels[:5] = (labels[:5] + 1) % 5
    made = apgd(victim, images, Aim(labels), generator=chance(), epsilon=0.1, steps=20, restarts=2, loss="dlr")
    assert sum(asked) == made.queries.sum()
    fooled = inner.predict(made.images).ne(labels)
    assert (made.queries[:5] == 1).all() and torch.equal(made.images[:5], images[:5])
    assert (made.queries[~fooled] == 1 + 2 * 21).all() and (made.queries[fooled] < 43).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("count", [1, 6])
def test_it_ends_where_no_image_is_left(count, norm, loss):
    """Images that are adversarial already cost one query; later restarts and targets meet none of the fooled ones."""
    victim, (images, labels) = linear(), (part[:count] for part in cases())
    how = {"norm": norm, "loss": loss, "steps": 10, "restarts": 3, "epsilon": {"linf": 0.9, "l2": 4.0}[norm]}
    made = apgd(victim, images, Aim((labels + 1) % 5), generator=chance(), **how)
    assert torch.equal(made.images, images) and made.queries.tolist() == [1] * count
    made = apgd(victim, images, Aim(labels), generator=chance(), **how)
    assert victim.predict(made.images).ne(labels).all() and made.queries.max() < 14


def test_a_target_is_reached_by_the_cross_entropy():
    victim, (images, labels) = linear(), cases()
    targets = (labels + 1) % 5
    made = apgd(victim, images, Aim(targets, targeted=True), generator=chance(), epsilon=0.4)
    assert victim.predict(made.images).eq(targets).float().mean() > 0.8


def test_chance_is_the_generators():
    victim, (images, labels) = linear(), cases()
    aim = Aim(labels)
    one, same, other = (
        apgd(victim, images, aim, generator=chance(seed), epsilon=0.01, steps=3).images for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "margin"}, "apgd: loss 'margin' is unknown; choose one of cross_entropy, dlr, targeted_dlr"),
        ({"steps": 0}, "apgd: steps 0, restarts 1, targets 9: each must be above 0; correct them"),
        ({"restarts": 0}, "apgd: steps 100, restarts 0, targets 9: each must be above 0; correct them"),
        ({"targets": 0}, "apgd: steps 100, restarts 1, targets 0: each must be above 0; correct them"),
        ({"epsilon": 0}, "attack: epsilon 0 is outside the data's range; it must be above 0, at most 1"),
        ({"norm": "l1"}, "attack: norm 'l1' is unknown; choose one of linf, l2"),
    ],
)
def test_an_impossible_option_is_refused(options, message):
    images = pictures([0.5] * 20)
    with pytest.raises(ReproofError, match=f"^{message}$"):
        apgd(linear(), images, Aim(torch.zeros(1).long()), generator=chance(), **({"epsilon": 0.1} | options))


@pytest.mark.parametrize("loss", ["dlr", "targeted_dlr"])
def test_dlr_reaches_no_given_class(loss):
    aim = Aim(torch.zeros(1).long(), targeted=True)
    with pytest.raises(ReproofError, match=f"^apgd: loss {loss} leaves a class and reaches no given one; use loss"):
        apgd(linear(), pictures([0.5] * 20), aim, generator=chance(), epsilon=0.1, loss=loss)


@pytest.mark.parametrize(("loss", "classes", "least"), [("dlr", 2, 3), ("targeted_dlr", 3, 4)])
def test_dlr_needs_classes(loss, classes, least):
    victim = linear(torch.ones(20, classes), torch.arange(classes).float())
    message = f"^attack: loss {loss} compares {least} logits, and this network has {classes}; use apgd with its loss"
    with pytest.raises(ReproofError, match=message):
        apgd(victim, pictures([0.5] * 20), Aim(torch.tensor([1])), generator=chance(), epsilon=0.1, loss=loss)
