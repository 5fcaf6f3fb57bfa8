"""Balls, FGSM, PGD and Carlini & Wagner: linear victims whose best attack is known in closed form."""

import math
from dataclasses import replace

import pytest
import torch

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.balls import L2, LInf, find_farthest, make_balls
from reproof.attacks.carlini_wagner import _Constants, carlini_wagner
from reproof.attacks.fgsm import fgsm
from reproof.attacks.losses import make_clipped_margin, make_signed_cross_entropy
from reproof.attacks.pgd import pgd
from reproof.attacks.tanh_descent import Descent, _step_adam
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

NAMED = [
    ("linf", 0.1),
    ("linf", 8 / 255),
    ("linf", 1e-3),
    ("linf", 1.0),
    ("l2", 0.5),
    ("l2", 3.0),
    ("l2", 0.01),
    ("l2", 1e-6),
]


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(*rows):
    """Return images with as many pixels as a row has numbers: [N, 1, 1, pixels]."""
    return torch.tensor(rows).view(len(rows), 1, 1, -1)


def linear(*weights, bias=0.0):
    """Return a victim of two classes: the logit of class 0 is 0, that of class 1 weights . x + bias."""
    slopes = torch.tensor(weights)
    return Victim(lambda x: torch.stack([torch.zeros(len(x)), x.flatten(1) @ slopes + bias], dim=1))


def counting(victim):
    """Return the same victim, and a list of the number of images in each query."""
    asked = []
    return replace(victim, logits=lambda x: asked.append(len(x)) or victim.logits(x)), asked


def aim(*labels, targeted=False):
    return Aim(torch.tensor(labels), targeted)


# Of class 0 at (0.3, 0.2): the other logit is 3 * 0.3 + 4 * 0.2 - 2.5 = -0.8. The weights' L1 norm is 7, the L2 norm 5,
# so the boundary is 0.8 / 7 away in L-infinity, and in L2 0.8 / 5 = 0.16, towards (0.6, 0.8): at (0.396, 0.328).
ZERO = pictures([0.3, 0.2])
SLOPE = linear(3.0, 4.0, bias=-2.5)


def offsets(images, originals=ZERO):
    return (images.double() - originals.double()).flatten(1)


def noise(count=40, pixels=784):
    """Return images with black, white and grey pixels, some of them bytes over 255, others not."""
    drawn = torch.rand(count, 1, 1, pixels, generator=chance())
    bytes_ = drawn.mul(255).round().div(255)
    return torch.where(drawn < 0.3, 0.0, torch.where(drawn > 0.8, 1.0, torch.where(drawn < 0.6, bytes_, drawn)))


@pytest.mark.parametrize(("norm", "epsilon"), NAMED)
@pytest.mark.parametrize("length", [1e-3, 0.3, 30.0])
def test_projections_and_starts_are_inside_to_the_last_bit(norm, epsilon, length):
    originals = noise()
    balls = make_balls(norm, originals, epsilon)
    far = originals + length * torch.randn(originals.shape, generator=chance(1))
    for images in (balls.project(far), balls.draw_start(generator=chance(2))):
        checks.check_inside(images, originals, epsilon=epsilon, norm=norm)
        assert images.dtype == torch.float32
    again = balls.project(balls.project(far))
    assert torch.allclose(again, balls.project(far), atol=2e-6)


@pytest.mark.parametrize(("norm", "epsilon"), NAMED)
def test_a_ball_reaches_as_far_as_epsilon(norm, epsilon):
    originals = noise().mul(0.2).add(0.4)
    epsilon = min(epsilon, 0.3)
    balls = make_balls(norm, originals, epsilon)
    found = offsets(balls.project(originals + torch.randn(originals.shape, generator=chance()) * 10), originals)
    sizes = found.abs().amax(1) if norm == "linf" else found.norm(dim=1)
    assert sizes.min() > epsilon * (1 - 1e-6) - 2e-6


@pytest.mark.parametrize("epsilon", [0.1, 0.7])  # as float32 the first is greater, the second less
def test_the_farthest_of_the_maximum_norm_are_the_last_float32_inside_on_each_pixels_side(epsilon):
    originals = noise()
    ends = {side: find_farthest(originals, epsilon, side, box=False) for side in (-1, 0, 1)}
    for side in (-1, 1):
        assert offsets(ends[side], originals).abs().max() <= epsilon
        beyond = torch.nextafter(ends[side], torch.full_like(originals, side * torch.inf))
        assert offsets(beyond, originals).abs().min() > epsilon
    sides = torch.randint(-1, 2, originals.shape, generator=chance(1)).float()
    mixed = torch.where(sides < 0, ends[-1], torch.where(sides > 0, ends[1], originals))
    assert torch.equal(ends[0], originals) and torch.equal(find_farthest(originals, epsilon, sides, box=False), mixed)
    assert torch.equal(find_farthest(originals, epsilon, sides), mixed.clamp(0, 1))


def test_the_l2_projection_is_the_nearest_image_of_ball_and_box():
    originals, pixels = noise(count=6, pixels=30), 30
    balls = L2.around(originals, 0.8)
    far = originals + 0.5 * torch.randn(originals.shape, generator=chance(1))
    nearest = balls.project(far)
    others = L2.around(originals.repeat_interleave(500, 0), 0.8).draw_start(generator=chance(2))
    away, along = offsets(far, nearest), offsets(others, nearest.repeat_interleave(500, 0))
    turns = (away[:, None] * along.view(6, 500, pixels)).sum(-1)  # nearest, so no allowed one lies ahead of it
    assert turns.max() < 1e-4
    # From (0.9, 0.5) towards (1.9, 1.5) the first pixel is cut at 1; that leaves the second sqrt(0.25 - 0.01).
    by_hand = L2.around(pictures([0.9, 0.5]), 0.5).project(pictures([1.9, 1.5]))
    assert by_hand.flatten().tolist() == pytest.approx([1.0, 0.5 + math.sqrt(0.24)], abs=1e-4)


def test_starts_are_uniform_in_the_ball():
    originals = torch.full((20_000, 1, 2, 2), 0.5)
    flat = offsets(LInf.around(originals, 0.2).draw_start(generator=chance()), originals) / 0.2
    assert flat.mean(0).abs().max() < 0.02
    assert flat.square().mean(0).tolist() == pytest.approx([1 / 3] * 4, abs=0.01)
    round_ = offsets(L2.around(originals, 0.3).draw_start(generator=chance()), originals) / 0.3
    assert round_.mean(0).abs().max() < 0.02
    within = round_.norm(dim=1).pow(4)  # the share of the ball's volume that lies further in
    assert [within.mean(), within.square().mean()] == pytest.approx([1 / 2, 1 / 3], abs=0.01)


def test_steps_have_length_one_and_none_where_nothing_rises():
    gradients = pictures([3.0, -4.0], [0.0, 0.0], [3e-30, 4e-30])
    assert make_balls("linf", gradients, 0.5).compute_steps(gradients).view(3, 2).tolist() == [[1, -1], [0, 0], [1, 1]]
    found = make_balls("l2", gradients, 0.5).compute_steps(gradients).flatten()
    assert found.tolist() == pytest.approx([0.6, -0.8, 0, 0, 0.6, 0.8], abs=1e-6)


def test_fgsm_moves_every_pixel_by_epsilon_against_the_true_class_or_towards_the_target():
    for goal, direction in ((aim(0), 1), (aim(1), -1), (aim(1, targeted=True), 1), (aim(0, targeted=True), -1)):
        made = fgsm(SLOPE, ZERO, goal, generator=chance(), epsilon=0.1)
        assert offsets(made.images).tolist()[0] == pytest.approx([0.1 * direction] * 2, abs=1e-7)
        assert made.queries.tolist() == [1]
    assert SLOPE.predict(fgsm(SLOPE, ZERO, aim(0), generator=chance(), epsilon=0.1142).images) == 0
    assert SLOPE.predict(fgsm(SLOPE, ZERO, aim(0), generator=chance(), epsilon=0.1144).images) == 1


def test_fgsm_clips_unless_told_not_to():
    edge = pictures([0.95, 0.2])
    clipped, whole = (fgsm(SLOPE, edge, aim(0), generator=chance(), epsilon=0.1, clip=c).images for c in (True, False))
    assert clipped.flatten().tolist() == pytest.approx([1.0, 0.3])
    assert whole.flatten().tolist() == pytest.approx([1.05, 0.3])


def test_a_confident_victim_hides_no_gradient():
    sure = Victim(lambda x: torch.stack([40 - x[:, 0, 0, 0], x[:, 0, 0, 1]], dim=1))  # 1 - p is 4e-18: 0 in float32
    made = fgsm(sure, ZERO, aim(0), generator=chance(), epsilon=0.1)
    assert offsets(made.images)[0].tolist() == pytest.approx([0.1, 0.1], abs=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("random_start", [True, False])
def test_pgd_finds_the_best_of_a_linear_victim(loss, random_start):
    options = {"loss": loss, "random_start": random_start, "steps": 60, "step_size": 0.02}
    square = pgd(SLOPE, ZERO, aim(0), generator=chance(), epsilon=0.12, **options)
    assert offsets(square.images)[0].tolist() == pytest.approx([0.12, 0.12], abs=1e-6)
    sphere = pgd(SLOPE, ZERO, aim(0), generator=chance(), norm="l2", epsilon=0.17, **options)
    assert offsets(sphere.images)[0].tolist() == pytest.approx([0.17 * 0.6, 0.17 * 0.8], abs=3e-4)
    target = pgd(SLOPE, ZERO, aim(0, targeted=True), generator=chance(), epsilon=0.12, **options)
    assert offsets(target.images)[0].tolist() == pytest.approx([-0.12, -0.12], abs=1e-6)


def test_pgd_takes_all_steps_or_stops_where_the_aim_is_reached():
    both = torch.cat([ZERO, pictures([0.3, 0.3])])  # logits -0.8 and -0.4; a step of 0.05 adds 0.35
    options = {"epsilon": 0.5, "steps": 10, "step_size": 0.05, "random_start": False, "generator": chance()}
    victim, asked = counting(SLOPE)
    whole = pgd(victim, both, aim(0, 0), **options)
    assert offsets(whole.images, both).flatten().tolist() == pytest.approx([0.5] * 4, abs=1e-6)
    assert whole.queries.tolist() == [10, 10] and asked == [2] * 10
    asked.clear()
    early = pgd(victim, both, aim(0, 0), stop_early=True, **options)
    assert offsets(early.images, both).flatten().tolist() == pytest.approx([0.15, 0.15, 0.1, 0.1], abs=1e-6)
    assert early.queries.tolist() == [4, 3] and asked == [2, 2, 2, 1]


def lottery(threshold):
    """Return a victim without gradient: class 1 has the logit x rounded to twentieths, class 0 the threshold."""
    return Victim(lambda x: torch.stack([torch.full((len(x),), threshold), (x.flatten(1) * 20).round()[:, 0] / 20], 1))


def test_restarts_take_up_what_is_not_reached():
    victim, asked = counting(lottery(0.7))
    images, labels = torch.full((40, 1, 1, 1), 0.5), torch.zeros(40, dtype=torch.int64)
    options = {"generator": chance(), "epsilon": 0.4, "steps": 2, "restarts": 30}
    made = pgd(victim, images, Aim(labels), **options)
    assert victim.predict(made.images).all(), "of a start a quarter reaches it"
    assert set(made.queries.tolist()) > {3, 6}
    assert int(made.queries.sum()) == sum(asked[:-1]) < 30 * 3 * 40


def test_what_no_restart_reaches_is_the_end_of_the_highest_loss():
    images, labels = torch.full((8, 1, 1, 1), 0.5), torch.zeros(8, dtype=torch.int64)
    generator = chance()
    options = {"epsilon": 0.4, "steps": 1}
    climbs = [pgd(lottery(2.0), images, Aim(labels), generator=generator, **options) for _ in range(5)]
    ends = torch.stack([climb.images for climb in climbs])
    made = pgd(lottery(2.0), images, Aim(labels), generator=chance(), restarts=5, **options)
    heights = (ends * 20).round()
    assert ((made.images * 20).round() == heights.amax(0)).all()
    assert (made.images == ends.gather(0, heights.argmax(0)[None])[0]).all(), "the first of equals"
    assert made.queries.tolist() == [10] * 8


def test_losses_by_hand():
    logits, labels = torch.tensor([[1.0, 3.0, 0.0], [60.0, 1.0, 0.0]]), torch.tensor([0, 1])
    assert make_clipped_margin(aim(0, 1))(logits, labels).tolist() == [-48, 0]
    assert make_clipped_margin(aim(0, 1, targeted=True))(logits, labels).tolist() == [-52, -109]
    nats = -math.log(math.e / (math.e + math.e**3 + 1))
    assert make_signed_cross_entropy(aim(0, 1))(logits, labels)[0].item() == pytest.approx(nats)
    assert make_signed_cross_entropy(aim(0, 1, targeted=True))(logits, labels)[0].item() == pytest.approx(-nats)


def test_carlini_wagner_finds_the_distance_to_the_boundary_for_each_image_its_own():
    # (0, 0.5) has the logit -0.5; its first pixel, whose weight is negative, cannot fall: 0.5 / 4 away. That of
    # (0.5, 0.7) is -1.2, and the weights' norm 5.
    signed = linear(-3.0, 4.0, bias=-2.5)
    images = pictures([0.0, 0.5], [0.5, 0.7], [0.1, 0.95])
    made = carlini_wagner(signed, images, aim(0, 0, 0), generator=chance(), steps=150, rate=0.02)
    assert signed.predict(made.images).tolist() == [1, 1, 1]
    assert offsets(made.images, images).norm(dim=1).tolist() == pytest.approx([0.5 / 4, 1.2 / 5, 0], rel=0.01)
    assert made.queries[2] == 1, "of class 1 from the first"


def test_carlini_wagner_is_the_same_for_an_image_alone_and_counts_its_questions():
    images = torch.cat([ZERO, pictures([0.1, 0.1])])
    victim, asked = counting(SLOPE)
    options = {"generator": chance(), "steps": 50, "searches": 4, "rate": 0.05}
    both = carlini_wagner(victim, images, aim(0, 0), **options)
    assert int(both.queries.sum()) == sum(asked)
    for place in range(2):
        alone = carlini_wagner(SLOPE, images[place : place + 1], aim(0), **options)
        assert torch.allclose(alone.images[0], both.images[place], atol=1e-6)
        assert alone.queries[0] == both.queries[place]
    assert both.queries.max() < 200, "a stalled image costs no further queries"


def test_carlini_wagner_passes_the_boundary_by_kappa_and_gives_up_beyond_the_box():
    made = carlini_wagner(SLOPE, ZERO, aim(1, targeted=True), generator=chance(), kappa=0.5, steps=80, rate=0.03)
    assert SLOPE.logits(made.images)[0, 1].item() == pytest.approx(0.5, abs=0.02)
    assert SLOPE.logits(made.images)[0, 1] > 0.5
    white = carlini_wagner(SLOPE, ZERO, aim(0), generator=chance(), kappa=5.0, steps=50)  # at (1, 1) the logit is 4.5
    assert (white.images == ZERO).all()


def test_constants_rise_tenfold_until_a_success_then_halve_the_interval():
    c, tried = _Constants.of(torch.zeros(2, 1), 1e-3), []
    for found in ([False, True], [False, False], [True, True], [False, False]):
        tried.append(c.tried.tolist())
        c = c.update(torch.tensor(found))
    assert [one for one, _ in tried] == pytest.approx([1e-3, 1e-2, 0.1, 0.055])
    assert [other for _, other in tried] == pytest.approx([1e-3, 0.5e-3, 0.75e-3, 0.625e-3])
    assert c.tried.tolist() == pytest.approx([0.0775, 0.6875e-3])


def test_the_steps_are_adams_by_hand():
    now = Descent.of(torch.full((1, 1, 1, 2), 0.5), torch.zeros(1), c=torch.ones(1), places=torch.arange(1))
    assert now.points.abs().max() == 0
    _step_adam(now, pictures([1.0, 3.0]), step=1, rate=0.05)
    assert now.points.flatten().tolist() == pytest.approx([-0.05, -0.05]), "the first step has the length of the rate"
    _step_adam(now, pictures([-2.0, 3.0]), step=2, rate=0.05)
    mean, square = (0.9 * 0.1 - 0.1 * 2) / (1 - 0.9**2), (0.999 * 0.001 + 0.001 * 4) / (1 - 0.999**2)
    assert now.points.flatten().tolist() == pytest.approx([-0.05 - 0.05 * mean / math.sqrt(square), -0.1], rel=1e-5)


@pytest.mark.parametrize(
    ("attack", "options", "message"),
    [
        (fgsm, {"epsilon": 0.0}, "attack: epsilon 0 is outside the data's range; it must be above 0, at most 1"),
        (pgd, {"epsilon": 8.0}, "attack: epsilon 8 is outside the data's range; it must be above 0, at most 1"),
        (
            pgd,
            {"epsilon": 1.5, "norm": "l2"},
            "attack: epsilon 1.5 is outside the data's range; it must be above 0, at most 1.41421",
        ),
        (pgd, {"epsilon": 0.1, "norm": "l1"}, "attack: norm 'l1' is unknown; choose one of linf, l2"),
        (pgd, {"epsilon": 0.1, "loss": "dlr"}, "pgd: loss 'dlr' is unknown; choose one of cross_entropy, margin"),
        (
            pgd,
            {"epsilon": 0.1, "steps": 0},
            "pgd: steps 0, step_size 0.01, restarts 1: each must be above 0; correct them",
        ),
        (
            pgd,
            {"epsilon": 0.1, "restarts": 3, "random_start": False},
            "pgd: 3 restarts from the same point have the same end; set random_start to true or restarts to 1",
        ),
        (
            carlini_wagner,
            {"kappa": -1.0},
            "carlini_wagner: searches 9, steps 10000, rate 0.01, first_c 0.001 must be above 0, kappa -1 at least 0;"
            " correct them",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(attack, options, message):
    with pytest.raises(ReproofError) as error:
        attack(SLOPE, ZERO, aim(0), generator=chance(), **options)
    assert str(error.value) == message


@pytest.mark.parametrize("attack", [fgsm, pgd, carlini_wagner])
def test_a_victim_without_gradients_is_refused(attack):
    options = {} if attack is carlini_wagner else {"epsilon": 0.1}
    with pytest.raises(ReproofError) as error:
        attack(replace(SLOPE, gradients=False), ZERO, aim(0), generator=chance(), **options)
    assert str(error.value) == "attack: this network gives no gradients; choose one that asks for outputs alone"
