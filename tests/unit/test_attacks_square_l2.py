"""Square in L2: bumps and windows worked by hand, mass that stays, bounds, the optimum of a linear victim."""

import pytest
import torch
from linear_victims import chance
from torch.linalg import vector_norm

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.balls import L2
from reproof.attacks.square import square
from reproof.attacks.square_l2 import compute_window_side, draw_bumps, make_bump, move_mass
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


def grey(count=4, shape=(2, 10, 12)):
    return torch.full((count, *shape), 0.5)


def length(images, originals):
    return vector_norm((images.double() - originals.double()).flatten(1), dim=1)


def test_a_bump_is_worked_by_hand():
    """Side 5: peaks of 2 x 5 and 3 x 5 about row 1 and row 1 below; sums of 1, 1/4, 1/9 from the distance outwards."""
    ring = [1 + 1 / 4 + 1 / 9, 1 / 4 + 1 / 9, 1 / 9]
    upper = torch.tensor([[ring[max(abs(r - 1), abs(c - 2))] for c in range(5)] for r in range(2)])
    lower = torch.tensor([[ring[max(abs(r - 1), abs(c - 2))] for c in range(5)] for r in range(3)])
    wanted = torch.cat([upper / upper.norm(), -lower / lower.norm()]) / 2**0.5
    assert torch.allclose(make_bump(5), wanted)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 25])
def test_a_bump_has_length_one(side):
    assert make_bump(side).shape == (side, side) and make_bump(side).norm().item() == pytest.approx(1)


def test_window_sides_are_odd_fit_and_are_at_least_3():
    found = [compute_window_side(share, 28, 28) for share in (0.8, 0.4, 0.2, 0.1, 0.05, 0.0001)]
    assert found == [25, 19, 13, 9, 7, 3]
    assert [compute_window_side(1.0, *size) for size in ((6, 9), (7, 9), (2, 9), (1, 1))] == [5, 7, 1, 1]


def test_the_first_images_are_a_grid_of_bumps_on_the_border_of_the_ball():
    start = grey()
    ball = L2.around(start, 0.3)
    made = draw_bumps(ball, chance())
    assert torch.allclose(length(made, start), torch.tensor(0.3).double(), atol=1e-5)
    tiles = (made - start).unfold(2, 2, 2).unfold(3, 2, 2)
    assert tiles.shape[2:4] == (5, 6)
    assert torch.allclose(tiles.square().sum((4, 5)), torch.tensor(0.3**2 / 60), rtol=1e-3), "each tile has its share"
    assert not torch.equal(made[0], made[1]), "signs differ between images"


def test_a_move_empties_one_window_fills_another_and_keeps_the_length():
    start = grey(200)
    ball = L2.around(start, 0.3)
    first = draw_bumps(ball, chance())
    made = move_mass(first, ball, 3, chance(1))
    assert torch.allclose(length(made, start), torch.tensor(0.3).double(), atol=1e-5)
    moved = made.sub(first).abs().gt(1e-6).any(1).flatten(1).sum(1)
    assert moved.max() <= 18 and moved.float().mean() > 10, "two windows of nine pixels, no more"
    emptied = made.eq(start).all(1).flatten(1).sum(1)
    assert emptied.float().mean() > 4
    unit = vector_norm((first - start).flatten(2), dim=2)
    assert torch.allclose(vector_norm((made - start).flatten(2), dim=2), unit, atol=0.02), "each channel keeps its mass"


def test_what_the_box_has_cut_off_is_spent_again():
    start = torch.full((50, 1, 12, 12), 1.0)
    ball = L2.around(start, 1.0)
    best = draw_bumps(ball, chance())
    assert length(best, start).max() < 0.8, "white pixels take no positive change"
    after = torch.stack([length(move_mass(best, ball, 3, chance(seed)), start) for seed in range(20)])
    assert (after.amax(dim=0) > length(best, start)).all()
    assert after.max() <= 1.0


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
def test_what_comes_back_is_in_the_ball_and_the_box_to_the_last_bit(epsilon):
    start = torch.rand(6, 3, 9, 11, generator=chance())
    start[:, :, :3] = start[:, :, :3].round()
    victim = Victim(lambda batch: torch.stack([torch.full((len(batch),), 1000.0), batch.flatten(1).sum(1)], dim=1))
    made = square(victim, start, Aim(torch.zeros(6).long()), generator=chance(), epsilon=epsilon, norm="l2", queries=80)
    assert made.queries.tolist() == [80] * 6
    checks.check_inside(made.images, start, epsilon=epsilon, norm="l2")


def test_it_nears_the_optimum_of_a_linear_victim():
    """A victim that weighs smooth patterns: the best change of length epsilon is along the slope."""
    slope = torch.sin(torch.arange(12.0) / 3)[:, None] * torch.cos(torch.arange(12.0) / 4)[None]
    victim = Victim(lambda batch: torch.stack([9 - (batch[:, 0] * slope).sum((1, 2)), torch.zeros(len(batch))], dim=1))
    start = torch.full((4, 1, 12, 12), 0.5)
    gains = []
    for queries in (2, 100, 2000):
        made = square(
            victim, start, Aim(torch.zeros(4).long()), generator=chance(), epsilon=0.5, norm="l2", queries=queries
        )
        gains.append(((made.images - start)[:, 0] * slope).sum((1, 2)) / (0.5 * slope.norm()))
    assert (gains[0] < 0.5).all() and (gains[1] > gains[0]).all() and (gains[2] > 0.7).all()


def test_squares_shrink_over_the_schedule_and_not_the_budget():
    """After 28 squares a schedule of 10,000 has halved once, to a side of 18, and one of 30 nine times, to 1."""
    start = torch.full((1, 1, 28, 28), 0.5)
    seen = []

    def logits(batch):
        seen.append(batch.clone())
        return torch.stack([torch.ones(len(batch)), torch.zeros(len(batch))], dim=1)

    for schedule, tallest in ((10_000, 18), (0, 1)):
        seen.clear()
        square(
            Victim(logits), start, Aim(torch.zeros(1).long()), generator=chance(), epsilon=0.1, queries=30,
            schedule=schedule,
        )  # fmt: skip
        assert seen[-1].ne(seen[1]).any(3).sum() == tallest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l1"}, "norm 'l1' is unknown; choose one of linf, l2"),
        (
            {"norm": "l2", "epsilon": 40.0},
            r"epsilon 40 is outside the data's range; it must be above 0, at most 10.95.*",
        ),
        ({"norm": "linf", "epsilon": 4.0}, "epsilon 4 is outside the data's range; it must be above 0, at most 1"),
    ],
)
def test_an_impossible_option_is_refused(options, message):
    victim = Victim(lambda batch: batch.flatten(1)[:, :2])
    with pytest.raises(ReproofError, match=f"^attack: {message}$"):
        square(
            victim, grey(1, (1, 10, 12)), Aim(torch.zeros(1).long()), generator=chance(), **{"epsilon": 0.1} | options
        )
