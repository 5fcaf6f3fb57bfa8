"""One pixel: painting and breeding worked by hand, the best pixel of a linear victim, the stops, the random control."""

from itertools import permutations

import pytest
import torch

from reproof.attacks import queries
from reproof.attacks.attack import Aim
from reproof.attacks.one_pixel import breed, one_pixel, paint, random_pixel
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

SHAPE = (3, 5, 4)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=4, seed=1):
    return torch.rand(count, *SHAPE, generator=seeded(seed))


def slope():
    return torch.randn(SHAPE, generator=seeded(2))


def score(batch):
    return (batch * slope()).flatten(1).sum(1)


def linear(margin, asked=None):
    """Return a victim of logits (w x + margin, 0) without gradients; `asked` counts its queries."""

    def logits(batch):
        if asked is not None:
            asked.append(len(batch))
        first = score(batch) + margin
        return torch.stack([first, torch.zeros_like(first)], dim=1)

    return Victim(logits, gradients=False)


def around(original, margin):
    """Return a victim of logits (3 (w x - w x0 + margin), 0) about one image x0."""
    return Victim(lambda batch: 3 * linear(margin - score(original)).logits(batch), gradients=False)


def gains(originals):
    """Return how far one pixel, its channels each at 0 or 1, lowers w x: [N, places]."""
    least = torch.minimum(slope() * (0 - originals), slope() * (1 - originals))
    return -least.sum(1).flatten(1)


def changed(made, originals):
    return made.ne(originals).any(1).flatten(1).sum(1)


def zeros(count=4, **how):
    return Aim(torch.zeros(count, dtype=torch.int64), **how)


def test_painting_takes_the_whole_part_and_the_later_pixel():
    batch = torch.zeros(2, 1, 3, 4)
    first = [[0.9, 1.2, 0.5], [2.0, 3.0, 0.25]]
    second = [[1.0, 1.0, 0.5], [1.999, 1.0, 0.75]]
    made = paint(batch, torch.tensor([first, second]))
    assert made[0, 0].tolist() == [[0, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0.25]]
    assert made[1, 0].tolist() == [[0, 0, 0, 0], [0, 0.75, 0, 0], [0, 0, 0, 0]]


def test_painting_at_the_far_border_stays_inside():
    made = paint(torch.zeros(1, 2, 3, 4), torch.tensor([[[3.0, 4.0, 0.5, 0.25]]]))
    assert made[0, :, 2, 3].tolist() == [0.5, 0.25] and made.count_nonzero() == 2


def test_a_child_is_one_parent_plus_half_the_difference_of_two_others_evenly_drawn():
    parents = torch.tensor([3.0, 4.0, 8.0]).view(1, 3, 1, 1).expand(20_000, 3, 1, 3)
    children = breed(parents, size=(10, 10), weight=0.5, generator=seeded())
    assert children.shape == parents.shape and torch.equal(children[..., 0], children[..., 1])
    found, counts = children[..., 0].unique(return_counts=True)
    ways = sorted(a + 0.5 * (b - c) for a, b, c in permutations([3.0, 4.0, 8.0]))
    assert found.tolist() == ways
    assert counts.min() > 9_500 and counts.max() < 10_500, "10,000 each"


def test_a_child_is_cut_at_the_images_border_and_at_colours():
    parents = torch.tensor([[0.0, 0.0, 0.0], [4.0, 6.0, 1.0], [5.0, 7.0, 1.0], [5.0, 7.0, 0.0]]).view(1, 4, 1, 3)
    children = breed(parents.expand(500, -1, -1, -1), size=(5, 7), weight=2.0, generator=seeded()).flatten(0, 2)
    assert children.amin(0).tolist() == [0, 0, 0] and children.amax(0).tolist() == [5, 7, 1]


@pytest.mark.parametrize("pixels", [1, 3])
def test_evolution_finds_the_best_pixels_of_a_linear_victim(pixels):
    start = images(2)
    made = one_pixel(linear(15), start, zeros(2), generator=seeded(), pixels=pixels, population=100, generations=60)
    best = gains(start).topk(pixels).values.sum(1)
    gained = score(start) - score(made.images)
    assert (changed(made.images, start) <= pixels).all()
    assert (gained > (0.999 if pixels == 1 else 0.85) * best).all() and (gained <= best + 1e-5).all()


def test_a_target_is_sought_as_well():
    start = images(2)
    made = one_pixel(linear(-15), start, zeros(2, targeted=True), generator=seeded(), population=100, generations=60)
    least = torch.maximum(slope() * (0 - start), slope() * (1 - start)).sum(1).flatten(1).amax(1)
    assert torch.allclose(score(made.images) - score(start), least, atol=1e-3)


@pytest.mark.parametrize("attack", [one_pixel, random_pixel])
@pytest.mark.parametrize("pixels", [1, 5])
def test_no_more_pixels_change_the_others_keep_their_bits_and_colours_are_in_the_box(attack, pixels):
    start = images(6)
    made = attack(linear(20), start, zeros(6), generator=seeded(), pixels=pixels, population=10, generations=3).images
    assert (changed(made, start) <= pixels).all() and (changed(made, start) >= 1).all()
    assert made.dtype == torch.float32 and made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize("targeted", [False, True])
def test_an_image_stops_at_the_papers_probabilities_or_at_once(targeted):
    start, sign = images(1), -1 if targeted else 1
    room = float(
        (gains(start) if not targeted else torch.maximum(-slope() * start, slope() * (1 - start)).sum(1)).max()
    )
    victim, aim = around(start, 0.5 * sign * room), zeros(1, targeted=targeted)
    quick, paper = (
        one_pixel(victim, start, aim, generator=seeded(), population=60, at_once=at_once) for at_once in (True, False)
    )
    chances = [float(victim.logits(one.images).softmax(1)[0, 0]) for one in (quick, paper)]
    assert chances[1] > 0.9 if targeted else chances[1] < 0.05
    assert 0.5 < chances[0] < 0.9 if targeted else 0.05 < chances[0] < 0.5
    assert int(quick.queries) < int(paper.queries) < 1 + 60 * 101
    assert (paper.queries - 1) % 60 == 0


def test_what_is_reached_already_comes_back_after_one_query_and_every_question_is_counted():
    start, asked = images(6), []
    victim = linear(-float(score(start).median()), asked=asked)
    already = victim.predict(start).ne(0)
    asked.clear()
    made = one_pixel(victim, start, zeros(6), generator=seeded(), population=10, generations=3)
    assert already.any() and not already.all()
    assert made.queries[already].eq(1).all() and torch.equal(made.images[already], start[already])
    assert (made.queries[~already] >= 11).all() and (made.queries <= 1 + 10 * 4).all()
    assert sum(asked) == made.queries.sum()


def test_a_batch_is_cut_at_its_pixels(monkeypatch):
    whole, asked = one_pixel(linear(15), images(), zeros(), generator=seeded(), population=10, generations=3), []
    monkeypatch.setattr(queries, "PIXELS", 7 * images()[0].numel() + 1)
    parts = one_pixel(linear(15, asked=asked), images(), zeros(), generator=seeded(), population=10, generations=3)
    assert asked == [4] + ([7] * 5 + [5]) * 4
    assert torch.equal(whole.images, parts.images)


def test_first_candidates_are_uniform_in_place_and_normal_in_colour():
    seen = []
    victim = Victim(lambda batch: (seen.append(batch), torch.tensor([[1.0, 0.0]]).expand(len(batch), 2))[1])
    nowhere = torch.full((1, 1, 5, 4), torch.nan)
    random_pixel(victim, nowhere, zeros(1), generator=seeded(), population=20_000, generations=0)
    painted = seen[1].flatten(1).isfinite()
    assert (painted.sum(1) == 1).all()
    assert (painted.sum(0) / 20_000).tolist() == pytest.approx([1 / 20] * 20, abs=0.006)
    colours = seen[1].flatten(1)[painted]
    assert [float((colours == end).float().mean()) for end in (0, 1)] == pytest.approx([0.1568, 0.1587], abs=0.01)
    inside = colours[(colours > 0) & (colours < 1)]
    assert float(inside.median()) == pytest.approx(0.501, abs=0.01)


def test_evolution_beats_as_many_random_candidates():
    start = images(8)
    made = {
        attack: attack(linear(20), start, zeros(8), generator=seeded(), pixels=3, population=40, generations=30)
        for attack in (one_pixel, random_pixel)
    }
    assert all((one.queries == 1 + 40 * 31).all() for one in made.values())
    assert (score(made[one_pixel].images) < score(made[random_pixel].images)).all()


def test_the_best_of_random_candidates_comes_back():
    seen = []
    victim = linear(15)
    watched = Victim(lambda batch: (seen.append(batch.clone()), victim.logits(batch))[1])
    start = images(1)
    made = random_pixel(watched, start, zeros(1), generator=seeded(), population=20, generations=4)
    assert score(made.images).item() == min(score(one).min().item() for one in seen)


def test_a_certain_victim_still_ranks_candidates():
    start = images(2)
    assert (linear(25).logits(start).softmax(1)[:, 0] == 1).all(), "1 - p is nothing in float32"
    made = one_pixel(linear(25), start, zeros(2), generator=seeded(), population=100, generations=60)
    assert torch.allclose(score(start) - score(made.images), gains(start).amax(1), atol=1e-3)


@pytest.mark.parametrize("attack", [one_pixel, random_pixel])
def test_chance_is_the_generators(attack):
    one, same, other = (
        attack(linear(15), images(), zeros(), generator=seeded(seed), population=5, generations=2).images
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("attack", "options", "message"),
    [
        (one_pixel, {"pixels": 0}, "0 pixels cannot be changed in images of 5 x 4; give 1 to 20"),
        (random_pixel, {"pixels": 21}, "21 pixels cannot be changed in images of 5 x 4; give 1 to 20"),
        (one_pixel, {"population": 2}, "a population of 2 is too small; give at least 3"),
        (random_pixel, {"population": 0}, "a population of 0 is too small; give at least 1"),
    ],
)
def test_an_impossible_option_is_refused(attack, options, message):
    with pytest.raises(ReproofError, match=f"^attack: {message}$"):
        attack(linear(1), images(), zeros(), generator=seeded(), **options)
