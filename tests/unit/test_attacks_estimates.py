"""Gradient estimates of NES and SPSA against the exact gradients, and their success against PGD's."""

from math import sqrt

import pytest
import torch
from attack_kit import fooled, seeded, toy

from reproof.attacks.attack import Aim
from reproof.attacks.estimates import draw_normal, draw_rademacher, estimate_gradient
from reproof.attacks.losses import make_shortfall, make_signed_cross_entropy
from reproof.attacks.nes import nes
from reproof.attacks.pgd import pgd
from reproof.attacks.spsa import spsa
from reproof.attacks.victim import Victim

DRAWS, PIXELS = 300, 64


def linear():
    """Return a victim of three classes, logits of random weights."""
    weights = torch.randn(PIXELS, 3, generator=seeded())
    return Victim(lambda images: images.flatten(1) @ weights)


@pytest.mark.parametrize("pairs", [16, 256])
@pytest.mark.parametrize(
    ("draw", "loss", "step"),
    [(draw_normal, make_signed_cross_entropy, 1e-3), (draw_rademacher, lambda aim: make_shortfall(aim, kappa=0), 0.01)],
    ids=["nes", "spsa"],
)
def test_an_estimate_is_the_gradient_as_far_as_so_many_directions_tell(draw, loss, step, pairs):
    """Of P normal directions in d pixels, e.g / |g|^2 is chi^2_P / P, and cos^2(e, g) Beta(P / 2, (d - 1) / 2).

    Signs have the same means, but for terms of 1 / d, and less spread. Means over the draws may be 4 deviations off.
    """
    victim, image, aim = linear(), torch.full((1, 1, 8, 8), 0.5), Aim(torch.tensor([0]))
    gradient = victim.compute_gradient(image, aim.labels, loss(aim)).flatten().double()
    chance, along, squares = seeded(1), [], []
    for _ in range(DRAWS):
        directions = draw(torch.Size((pairs, 1, 8, 8)), generator=chance)
        found, _ = estimate_gradient(victim, image, aim.labels, loss(aim), directions=directions, step=step)
        found = found.flatten().double()
        along.append(found @ gradient / gradient.square().sum())
        squares.append(along[-1].square() * gradient.square().sum() / found.square().sum())
    assert torch.stack(along).mean().item() == pytest.approx(1, abs=4 * sqrt(2 / pairs / DRAWS))
    both = pairs + PIXELS - 1
    deviation = sqrt(2 * pairs * (PIXELS - 1) / (both**2 * (both + 2)) / DRAWS)
    assert torch.stack(squares).mean().item() == pytest.approx(pairs / both, abs=4 * deviation)


@pytest.mark.parametrize(("attack", "loss"), [(nes, "cross_entropy"), (spsa, "margin")], ids=["nes", "spsa"])
def test_with_many_queries_accuracy_is_that_under_pgd_on_the_same_loss(attack, loss):
    """At most 2 of 72 images fewer are fooled, and at most one more: PGD's signed steps are not the best there is."""
    victim, images, labels = toy()
    shared = {"generator": seeded(), "epsilon": 0.06}
    exact = pgd(victim, images, Aim(labels), steps=100, step_size=0.005, loss=loss, **shared)
    made = attack(victim, images, Aim(labels), pairs=50, queries=4_001, **shared)
    counts = [int(fooled(victim, one.images, labels).sum()) for one in (made, exact)]
    assert 20 < counts[1] < len(labels) - 10 and counts[1] - 2 <= counts[0] <= counts[1] + 1
