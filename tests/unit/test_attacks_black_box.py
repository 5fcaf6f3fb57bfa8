"""NES, SPSA, Square and the substitute: estimates and steps worked by hand, the linear optimum, budgets and bounds."""

from functools import partial
from itertools import pairwise, product

import pytest
import torch

from reproof.attacks import queries
from reproof.attacks.attack import Aim
from reproof.attacks.balls import LInf
from reproof.attacks.estimates import compute_antithetic_gradient, draw_normal, draw_rademacher, estimate_gradient
from reproof.attacks.fgsm import fgsm
from reproof.attacks.nes import compute_signed_step, nes
from reproof.attacks.spsa import compute_adam_step, spsa
from reproof.attacks.square import compute_share, compute_side, draw_stripes, repaint_squares, square
from reproof.attacks.substitute import Fitting, augment, compute_step, fit, train_substitute
from reproof.attacks.victim import Victim
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError
from reproof.training.optimisers import Descent

SHAPE = (2, 5, 6)
SPSA = partial(spsa, pairs=16, rate=0.02)
BUDGETS = {nes: 2_041, SPSA: 1_981, square: 800}
ATTACKS = [pytest.param(one, id=name) for one, name in zip(BUDGETS, ("nes", "spsa", "square"), strict=True)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def slope(seed=1):
    """Return the gradient of class 0's logit: from -1.5 to 1.5, no entry near 0, so every pixel has its best end."""
    return (torch.rand(SHAPE, generator=seeded(seed)) + 0.5) * draw_rademacher(
        torch.Size(SHAPE), generator=seeded(seed)
    )


def images(count=4, seed=2):
    drawn = torch.rand(count, *SHAPE, generator=seeded(seed))
    drawn[:, :, 0, :3], drawn[:, :, 1, :3] = 0, 1
    return drawn


def linear(bias=0.0, asked=None):
    """Return a victim of logits (w x + bias, 0, 0.1) without gradients; `asked` counts its queries."""

    def logits(batch):
        if asked is not None:
            asked.append(len(batch))
        first = (batch * slope()).flatten(1).sum(1) + bias
        return torch.stack([first, torch.zeros_like(first), torch.full_like(first, 0.1)], dim=1)

    return Victim(logits, gradients=False)


def best(originals, epsilon, sign=-1):
    """Return the image in the ball and the box where w x is least, or, by sign 1, greatest."""
    return (originals + sign * epsilon * slope().sign()).clamp(0, 1)


def out_of_reach(targeted):
    """Return a linear victim that no image of the box fools: class 0 by far, or class 1 or 2."""
    return linear(-25.0 if targeted else 25.0), Aim(torch.zeros(4, dtype=torch.int64), targeted)


def test_an_antithetic_estimate_is_worked_by_hand():
    directions = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).view(2, 1, 1, 2)
    above, below = torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 2.0]])
    found = compute_antithetic_gradient(above, below, directions, step=0.5)
    assert found.tolist() == [[[[0.5, -1.5]]]], "(2 (1, -1) - 1 (1, 1)) / (2 * 0.5 * 2)"


def test_of_a_linear_loss_an_estimate_is_the_mean_of_u_times_its_slope_along_u():
    directions, point = draw_normal(torch.Size((7, *SHAPE)), generator=seeded()), images(3)
    found, mean = estimate_gradient(
        linear(), point, torch.zeros(3, dtype=torch.int64), own, directions=directions, step=0.01
    )
    along = (directions * slope()).flatten(1).sum(1)
    wanted = (along.view(-1, 1, 1, 1) * directions).mean(0)
    assert torch.allclose(found, wanted.expand_as(found), rtol=1e-3, atol=1e-3)
    assert torch.allclose(mean, own(linear().logits(point), None), rtol=1e-6)


def own(logits, labels):
    return logits.double()[:, 0]


def test_over_all_signs_the_estimate_is_the_gradient_itself():
    gradient = torch.tensor([0.5, -2.0, 3.0, 1.0]).view(1, 2, 2)
    signs = torch.tensor(list(product([-1.0, 1.0], repeat=4))).view(16, 1, 2, 2)
    along = (signs * gradient).flatten(1).sum(1)[None]
    assert torch.equal(compute_antithetic_gradient(0.25 * along, -0.25 * along, signs, step=0.25)[0], gradient)


@pytest.mark.parametrize("draw", [draw_normal, draw_rademacher])
def test_an_estimates_expectation_is_the_gradient(draw):
    gradient = torch.tensor([0.5, -2.0, 3.0, 1.0]).view(1, 2, 2)
    directions = draw(torch.Size((100_000, 1, 2, 2)), generator=seeded())
    along = (directions * gradient).flatten(1).sum(1)[None]
    assert torch.allclose(compute_antithetic_gradient(along, -along, directions, step=1.0)[0], gradient, atol=0.08)
    assert torch.allclose(directions.flatten(1).T.cov(), torch.eye(4), atol=0.02)


def test_a_batch_is_cut_at_its_pixels_and_the_answers_stay_in_order(monkeypatch):
    sizes, point, directions = [], images(5), draw_normal(torch.Size((3, *SHAPE)), generator=seeded())
    ask = partial(
        estimate_gradient, images=point, labels=torch.zeros(5, dtype=torch.int64), directions=directions, step=0.01
    )
    whole = ask(linear(), loss=own)
    monkeypatch.setattr(queries, "PIXELS", 4 * point[0].numel() + 1)
    parts = ask(linear(asked=sizes), loss=own)
    assert sizes == [4] * 7 + [2]
    assert torch.allclose(whole[0], parts[0], rtol=1e-3, atol=1e-3) and torch.allclose(whole[1], parts[1])


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_nears_the_linear_optimum_and_ends_with_its_budget(attack, targeted):
    (victim, aim), start = out_of_reach(targeted), images()
    made = attack(victim, start, aim, generator=seeded(), epsilon=0.1, queries=BUDGETS[attack])
    weighed = [
        (slope() * one).flatten(1).sum(1) for one in (made.images - start, best(start, 0.1, aim.sign * -1) - start)
    ]
    assert (weighed[0] / weighed[1] > 0.95).all()
    assert made.queries.tolist() == [BUDGETS[attack]] * 4, "each budget is a whole number of steps and the first look"


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_stops_where_it_is_reached_and_counts_what_was_asked(attack, targeted):
    start, asked = images(8), []
    scores = (slope() * start).flatten(1).sum(1)
    victim, aim = linear(-float(scores.median()), asked), Aim(torch.zeros(8, dtype=torch.int64), targeted)
    already = aim.is_reached(victim.predict(start))
    asked.clear()
    made = attack(victim, start, aim, generator=seeded(), epsilon=0.25, queries=BUDGETS[attack])
    assert sum(asked) == made.queries.sum()
    assert already.any() and not already.all()
    assert made.queries[already].eq(1).all() and torch.equal(made.images[already], start[already])
    assert aim.is_reached(victim.predict(made.images)).all()
    assert (made.queries[~already] > 1).all() and (made.queries < BUDGETS[attack]).all()


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 8 / 255])
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_comes_back_is_in_the_ball_and_the_box_to_the_last_bit(attack, epsilon):
    (victim, aim), start = out_of_reach(False), images()
    made = attack(victim, start, aim, generator=seeded(), epsilon=epsilon, queries=300).images
    assert made.dtype == torch.float32
    assert (made.double() - start.double()).abs().max() <= epsilon
    assert made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_chance_is_the_generators(attack):
    victim, aim = out_of_reach(False)
    queries = BUDGETS[attack] // 20  # before all have reached the same optimum
    one, same, other = (
        attack(victim, images(), aim, generator=seeded(seed), epsilon=0.1, queries=queries).images for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("attack", ATTACKS[:2])
def test_an_image_does_not_depend_on_what_is_attacked_beside_it(attack):
    victim, aim = out_of_reach(False)
    go = partial(attack, victim, epsilon=0.1, queries=600)
    together = go(images(), aim, generator=seeded()).images
    alone = go(images()[2:3], aim.select(torch.tensor([2])), generator=seeded()).images
    assert torch.allclose(together[2:3], alone, atol=1e-3)


def test_a_nes_step_follows_the_sign_of_the_average_at_a_rate_halved_on_a_plateau():
    state = torch.zeros(2, 1, 1, 2), torch.tensor([0.01, 8e-5]), torch.full((2, 3), -torch.inf).double()
    seen, rates = [], []
    for gradient, losses in zip([[1.0, -2.0], [-8.0, 1.0], [-1.0, 0.0], [0.0, 0.0]], [1.0, 0.5, 1.0, 9.0], strict=True):
        gradient = torch.tensor(gradient).expand(2, 1, 1, 2)
        move, state = compute_signed_step(gradient, torch.full((2,), losses).double(), state, momentum=0.9)
        seen.append(state[0][0].flatten().tolist())
        rates.append(state[1].tolist())
        assert torch.equal(move, state[1].view(2, 1, 1, 1) * state[0].sign())
    assert seen[0] == pytest.approx([0.1, -0.2]) and seen[1] == pytest.approx([-0.71, -0.08])
    assert rates[1] == pytest.approx([0.01, 8e-5]), "two losses are no plateau of three"
    assert rates[2] == pytest.approx([0.005, 5e-5]), "the third is no better than the first; the least rate is 5e-5"
    assert rates[3] == rates[2], "the count of a plateau begins again"


def test_an_spsa_step_is_adams():
    weights = torch.zeros(3, 1, 2, 2)
    adam = Descent([weights], [None], TrainingSettings(optimizer="adam", lr=0.02, batch=1, steps=5))
    state = torch.zeros(3, 1, 2, 2), torch.zeros(3, 1, 2, 2), torch.zeros(3)
    moved = torch.zeros(3, 1, 2, 2)
    for seed in range(5):
        gradient = torch.randn(3, 1, 2, 2, generator=seeded(seed))
        adam.apply([-gradient], 0.02)
        move, state = compute_adam_step(gradient, torch.zeros(3), state, rate=0.02)
        moved += move
    assert torch.allclose(moved, weights, atol=1e-6)


def test_squares_shrink_as_the_budget_is_spent():
    ends = [0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6000, 6001, 8000, 8001, 9999]
    halvings = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert [compute_share(0.8, step, 10_000) for step in ends] == [0.8 / 2**one for one in halvings]
    assert [compute_share(0.8, step, 1_000) for step in (1, 2, 5, 6)] == [0.8, 0.4, 0.4, 0.2]
    assert [compute_side(0.8 / 2**one, 28, 28) for one in (0, 1, 2, 9)] == [25, 18, 13, 1]
    assert [compute_side(share, 4, 9) for share in (1.0, 0.25, 0.001)] == [4, 3, 1]


def test_stripes_are_vertical_and_end_at_the_balls_ends():
    ball = LInf.around(images(), 0.1)
    made = draw_stripes(ball, seeded())
    up = made == ball.upper
    assert (up | (made == ball.lower)).all()
    assert (up == up[:, :, :1]).all(), "one sign a column"
    assert up[:, 0].ne(up[:, 1]).any() and 0.3 < up.float().mean() < 0.7


def test_a_repainted_square_is_uniform_in_place_and_of_one_end_a_channel():
    many = torch.rand(1, *SHAPE, generator=seeded()).expand(3_000, -1, -1, -1) * 0.5 + 0.25
    ball = LInf.around(many, 0.1)
    made = repaint_squares(many, ball, 3, seeded())
    changed = made.ne(many)
    assert (changed.sum((2, 3)) == 9).all() and torch.equal(changed[:, 0], changed[:, 1])
    first = changed[:, 0].flatten(1).int().argmax(1)
    places, counts = first.unique(return_counts=True)
    assert places.tolist() == [6 * row + column for row in range(3) for column in range(4)], "the last ones as well"
    assert counts.min() > 180 and counts.max() < 330, "250 each, give or take 5 deviations"
    corner = changed & (torch.arange(30).view(5, 6) == first.view(-1, 1, 1, 1))
    up = (made == ball.upper)[corner].view(-1, 2)
    assert ((made == ball.upper) | (made == ball.lower))[changed].all()
    assert torch.equal(((made == ball.upper) & changed).sum((2, 3)), 9 * up.int())
    assert sorted((2 * up[:, 0] + up[:, 1]).unique().tolist()) == [0, 1, 2, 3]


def test_a_square_always_changes_something():
    start = images(500)
    ball = LInf.around(start, 0.1)
    made = repaint_squares(ball.lower, ball, 1, seeded())
    assert made.ne(ball.lower).flatten(1).any(1).all()
    assert (made.ne(ball.lower).flatten(2).any(2).sum(1) == 1).any(), "not by turning all of them over"


def test_square_never_gives_up_what_it_has_won():
    (victim, aim), start = out_of_reach(False), images()
    scores = [
        own(victim.logits(square(victim, start, aim, generator=seeded(), epsilon=0.1, queries=queries).images), None)
        for queries in (2, 10, 60, 300)
    ]
    assert all((after <= before).all() for before, after in pairwise(scores))
    assert (scores[-1] < scores[0]).all()


def test_the_sign_of_lambda_turns_every_few_rounds():
    assert [compute_step(0.1, number, 3) for number in range(7)] == [0.1, 0.1, 0.1, -0.1, -0.1, -0.1, 0.1]
    assert [compute_step(0.1, number, 0) for number in range(4)] == [0.1] * 4


def test_augmentation_steps_along_the_sign_of_the_labels_logit():
    weights = torch.tensor([[1.0, -2.0, 0.0], [-1.0, 3.0, 0.5]])
    victim = Victim(lambda batch: batch.flatten(1) @ weights.T)
    start = torch.tensor([[0.5, 0.5, 0.95], [0.5, 0.5, 0.95]]).view(2, 1, 1, 3)
    made = augment(victim, start, torch.tensor([0, 1]), step=0.125).flatten(1)
    assert torch.allclose(made, torch.tensor([[0.625, 0.375, 0.95], [0.375, 0.625, 1.0]]))


SMALL = (1, 3, 4)


def pixels_of(count, seed):
    return torch.rand(count, *SMALL, generator=seeded(seed))


def flat_network(generator):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    torch.nn.init.normal_(module[1].weight, std=0.1, generator=generator)
    torch.nn.init.zeros_(module[1].bias)
    return module


def oracle(asked=None):
    """Return a victim of three classes by a linear rule about the middle of the box, without gradients."""
    weights = torch.randn(12, 3, generator=seeded(5))

    def logits(batch):
        if asked is not None:
            asked.append(len(batch))
        return (batch.flatten(1) - 0.5) @ weights

    return Victim(logits, gradients=False)


def substitute(seeds=40, chance=0, ask=None, **options):
    options = {"fitting": Fitting(epochs=5, batch=16, rate=0.02)} | options
    return train_substitute(
        ask or oracle(), pixels_of(seeds, 6), network=flat_network, generator=seeded(chance), **options
    )


def agreement(victim):
    start = pixels_of(1_000, 7)
    return victim.predict(start).eq(oracle().predict(start)).float().mean()


def test_a_substitute_asks_the_oracle_once_about_each_image():
    asked = []
    made = substitute(5, ask=oracle(asked))
    assert asked == [5, 5, 10, 20, 40, 80] and made.queries == 5 * 2**5


def test_a_substitutes_examples_fool_the_oracle():
    stand_in, start = substitute(), pixels_of(300, 7)
    aim = Aim(oracle().predict(start))
    assert agreement(stand_in.victim) > 0.85, "chance is a third"
    moved = fgsm(stand_in.victim, start, aim, generator=seeded(), epsilon=0.3).images
    assert aim.is_reached(oracle().predict(moved)).float().mean() > 0.85
    noise = (start + 0.3 * draw_rademacher(start.shape, generator=seeded(8))).clamp(0, 1)
    assert aim.is_reached(oracle().predict(noise)).float().mean() < 0.4


def test_each_round_steps_from_every_image_of_the_last_for_the_oracles_label_by_the_signed_lambda():
    asked = []
    answers = oracle()
    watched = Victim(lambda batch: (asked.append(batch.clone()), answers.logits(batch))[1], gradients=False)
    substitute(6, ask=watched, rounds=3, step=0.25, flip_every=1, fitting=Fitting(epochs=1, batch=16, rate=1e-12))
    weights = flat_network(seeded())[1].weight.detach()  # at that rate the substitute stays as it began
    first = (asked[0] + 0.25 * weights[answers.predict(asked[0])].sign().view(-1, *SMALL)).clamp(0, 1)
    both = torch.cat([asked[0], first])
    second = (both - 0.25 * weights[answers.predict(both)].sign().view(-1, *SMALL)).clamp(0, 1)
    assert torch.equal(asked[1], first) and torch.equal(asked[2], second)
    assert asked[2].eq(0).sum() > 0 and asked[2].eq(1).sum() > 0, "cut at both ends"


def test_augmentation_makes_a_better_substitute_than_its_seeds_alone():
    alone = substitute(15, rounds=1, fitting=Fitting(epochs=150, batch=16, rate=0.02))
    assert agreement(substitute(15).victim) > agreement(alone.victim) + 0.03


def test_a_substitute_is_its_generators_and_its_weights_are_frozen():
    probe = pixels_of(9, 3)
    one, same, other = (substitute(rounds=2, chance=chance).victim.logits(probe) for chance in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert not one.requires_grad


def test_fitting_takes_every_image_once_an_epoch():
    seen = []
    module = flat_network(seeded())
    module.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][:, 0, 0, 0].clone()))
    batch = torch.arange(10.0).view(10, 1, 1, 1).expand(-1, *SMALL)
    fit(module, batch, torch.zeros(10, dtype=torch.int64), fitting=Fitting(epochs=2, batch=4), generator=seeded())
    assert [len(one) for one in seen] == [4, 4, 2] * 2
    epochs = [torch.cat(seen[:3]).tolist(), torch.cat(seen[3:]).tolist()]
    assert all(sorted(one) == list(range(10)) for one in epochs) and epochs[0] != epochs[1]


ERRORS = [
    (nes, {"epsilon": 0}, r"epsilon 0 is outside the data's range; it must be above 0, at most 1"),
    (spsa, {"epsilon": 1.5}, r"epsilon 1.5 is outside the data's range; it must be above 0, at most 1"),
    (square, {"epsilon": -1}, r"epsilon -1 is outside the data's range; it must be above 0, at most 1"),
    (nes, {"queries": 51}, "51 queries do not pay for one step; give at least 52"),
    (spsa, {"queries": 257}, "257 queries do not pay for one step; give at least 258"),
    (square, {"queries": 1}, "1 queries leave none for square after the first look; give at least 2"),
    (square, {"p": 1.5}, r"p 1.5 is no share of an image; it must be above 0, at most 1"),
    (nes, {"plateau": 1}, "a plateau of 1 steps compares nothing; give at least 2"),
    (
        nes,
        {"pairs": 0},
        "0 pairs of questions 0.001 to each side estimate no gradient; give at least 1 pair and a distance above 0",
    ),
    (
        spsa,
        {"delta": 0.0},
        "128 pairs of questions 0 to each side estimate no gradient; give at least 1 pair and a distance above 0",
    ),
]


@pytest.mark.parametrize(("attack", "options", "message"), ERRORS)
def test_an_impossible_option_is_refused(attack, options, message):
    victim, aim = out_of_reach(False)
    with pytest.raises(ReproofError, match=f"^attack: {message}$"):
        attack(victim, images(), aim, generator=seeded(), **({"epsilon": 0.1} | options))


@pytest.mark.parametrize(("count", "rounds"), [(0, 6), (5, 0)])
def test_no_seeds_train_nothing(count, rounds):
    message = f"^attack: {count} seeds in {rounds} rounds train no substitute; give at least 1 of each$"
    with pytest.raises(ReproofError, match=message):
        substitute(count, rounds=rounds)
