"""Square, one pixel and NES against the Adversarial Robustness Toolbox: success at equal budgets, gradients.

It has neither SPSA nor the augmentation of substitutes.
"""

import numpy as np
import pytest
import torch
from attack_kit import fooled, in_art, known, mnist, mnist_network, seeded, toolbox
from torch import nn
from torch.nn.functional import one_hot

from reproof.attacks.attack import Aim
from reproof.attacks.estimates import estimate_gradient
from reproof.attacks.losses import make_signed_cross_entropy
from reproof.attacks.one_pixel import one_pixel
from reproof.attacks.square import square
from reproof.attacks.victim import compute_margin

evasion, classification = toolbox("attacks.evasion"), toolbox("estimators.classification")


@pytest.fixture(scope="module")
def classifier():
    return in_art(mnist_network())


def attacked(victim, count, *, closest=False):
    """Return the first correctly classified images after the training ones, or those `closest` to an error."""
    images, labels = known(victim, *(part[2_000:] for part in mnist()))
    chosen = compute_margin(victim.logits(images), labels).argsort()[:count] if closest else slice(count)
    return images[chosen], labels[chosen]


def test_square_succeeds_as_often_in_the_same_budget(victim, classifier):
    images, labels = attacked(victim, 100)
    shares, steps, epsilon = {"theirs": [], "ours": []}, 60, 0.12
    attack = evasion.SquareAttack(classifier, eps=epsilon, max_iter=steps, p_init=0.8, verbose=False)
    for seed in range(3):
        np.random.seed(seed)
        theirs = attack.generate(images.numpy(), labels.numpy())
        ours = square(victim, images, Aim(labels), generator=seeded(seed), epsilon=epsilon, queries=steps + 2)
        assert (ours.images.double() - images.double()).abs().max() <= epsilon
        assert ours.images.min() >= 0 and ours.images.max() <= 1
        shares["theirs"].append(float(fooled(victim, theirs, labels).float().mean()))
        shares["ours"].append(float(fooled(victim, ours.images, labels).float().mean()))
    theirs, ours = (sum(one) / 3 for one in shares.values())
    assert 0.2 < theirs < 0.9 and ours >= theirs - 0.02


@pytest.mark.parametrize("pixels", [1, 3])
def test_one_pixel_succeeds_as_often_in_the_same_budget(victim, classifier, pixels):
    images, labels = attacked(victim, 8, closest=True)
    np.random.seed(0)
    attack = evasion.PixelAttack(classifier, th=pixels, es=1, max_iter=1, verbose=False)
    theirs = attack.generate(images.numpy(), labels.numpy())
    ours = one_pixel(victim, images, Aim(labels), generator=seeded(), pixels=pixels, generations=1, at_once=True)
    assert ours.images.ne(images).flatten(1).sum(1).max() <= pixels
    counts = [int(fooled(victim, one, labels).sum()) for one in (theirs, ours.images)]
    assert counts[1] >= counts[0] - 1 and counts[1] > 0


class Probabilities(nn.Module):
    """Return the network in the form of their NES, in float64: the differences are small relative to the losses."""

    def forward(self, images):
        return mnist_network()(images.float()).double().softmax(dim=1)


def test_nes_estimates_the_same_gradient_along_the_same_directions(victim):
    """Theirs is 2 sigma times ours. It gets no box: it would clip its queries to one, unlike the paper."""
    images, labels = attacked(victim, 6)
    sigma, pairs, boxless = 0.05, 25, in_art(Probabilities(), clip_values=None)
    theirs = classification.QueryEfficientGradientEstimationClassifier(boxless, num_basis=pairs, sigma=sigma)
    np.random.seed(0)
    directions = torch.from_numpy(np.random.normal(size=(pairs, 1, 28, 28))).float()
    np.random.seed(0)  # theirs draws the same directions
    expected = torch.from_numpy(theirs.loss_gradient(images.numpy(), one_hot(labels, 10).numpy())).float()
    found, _ = estimate_gradient(
        victim, images, labels, make_signed_cross_entropy(Aim(labels)), directions=directions, step=sigma
    )
    assert torch.allclose(2 * sigma * found, expected, rtol=1e-3, atol=1e-5 * expected.abs().max())
