"""The gradient attacks against the Adversarial Robustness Toolbox: one network, the same images, the same budget.

Needs `adversarial-robustness-toolbox`; without it these tests are skipped.
"""

import numpy as np
import pytest
import torch
from attack_kit import fooled, in_art, known, mnist, mnist_network, seeded, toolbox
from torch.nn.functional import cross_entropy

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.carlini_wagner import carlini_wagner
from reproof.attacks.fgsm import fgsm
from reproof.attacks.pgd import pgd

evasion = toolbox("attacks.evasion")

COUNT = 60  # images under attack


@pytest.fixture(scope="module")
def theirs():
    return in_art(mnist_network())


@pytest.fixture(scope="module")
def attacked(victim):
    """Return images that the network classifies correctly, and their labels."""
    images, labels = known(victim, *(part[2000:2200] for part in mnist()))
    assert len(labels) > 0.85 * 200
    return images[:COUNT], labels[:COUNT]


def generate(name, theirs, attacked, **options):
    made = getattr(evasion, name)(theirs, batch_size=COUNT, **options).generate(
        x=attacked[0].numpy(), y=attacked[1].numpy()
    )
    return torch.from_numpy(made)


def success(victim, attacked, images):
    return fooled(victim, images, attacked[1]).float().mean().item()


def surprise(victim, attacked, images):
    return cross_entropy(victim.logits(images), attacked[1])


def lengths(attacked, images):
    return (images - attacked[0]).flatten(1).norm(dim=1)


def test_fgsm_makes_the_same_images(victim, theirs, attacked):
    ours = fgsm(victim, attacked[0], Aim(attacked[1]), generator=seeded(), epsilon=0.1).images
    checks.check_inside(ours, attacked[0], epsilon=0.1, norm="linf")
    other = generate("FastGradientMethod", theirs, attacked, eps=0.1)
    assert (ours - other).abs().gt(1e-6).float().mean() < 1e-3, "signs differ where a slope rounds to 0"
    assert success(victim, attacked, ours) == success(victim, attacked, other) > 0.3


@pytest.mark.parametrize(("norm", "order", "epsilon"), [("linf", np.inf, 0.05), ("l2", 2, 0.8)])
def test_pgd_from_the_originals_ends_where_theirs_does(victim, theirs, attacked, norm, order, epsilon):
    """Success is the same to one image, distances and losses to 1 %: their L2 projection cuts first, then shortens."""
    options = {"epsilon": epsilon, "norm": norm, "steps": 20, "step_size": epsilon / 8, "random_start": False}
    ours = pgd(victim, attacked[0], Aim(attacked[1]), generator=seeded(), **options).images
    checks.check_inside(ours, attacked[0], epsilon=epsilon, norm=norm)
    other = generate(
        "ProjectedGradientDescent", theirs, attacked, norm=order, eps=epsilon, eps_step=epsilon / 8, max_iter=20,
        num_random_init=0, verbose=False,
    )  # fmt: skip
    rates = [success(victim, attacked, images) for images in (ours, other)]
    assert 0.1 < rates[0] < 0.9
    assert rates[0] == pytest.approx(rates[1], abs=1.01 / COUNT)
    for mean in (lambda images: lengths(attacked, images).mean(), lambda images: surprise(victim, attacked, images)):
        assert mean(ours).item() == pytest.approx(mean(other).item(), rel=0.01)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # theirs, at restarts
def test_pgd_from_random_starts_succeeds_as_often(victim, theirs, attacked):
    options = {"epsilon": 0.05, "steps": 20, "step_size": 0.005, "restarts": 3}
    ours = pgd(victim, attacked[0], Aim(attacked[1]), generator=seeded(), **options).images
    np.random.seed(0)  # their chance is global
    other = generate(
        "ProjectedGradientDescent", theirs, attacked, norm=np.inf, eps=0.05, eps_step=0.005, max_iter=20,
        num_random_init=3, verbose=False,
    )  # fmt: skip
    rates = [success(victim, attacked, images) for images in (ours, other)]
    assert rates[0] == pytest.approx(rates[1], abs=1.01 / COUNT)


@pytest.fixture(scope="module")
def few(attacked):
    return tuple(part[:20] for part in attacked)


@pytest.fixture(scope="module")
def nearest(victim, few):
    """Return the distances at which our attack ends."""
    torch.set_num_threads(1)
    made = carlini_wagner(victim, few[0], Aim(few[1]), generator=seeded(), steps=300, rate=0.03)
    assert success(victim, few, made.images) == 1.0 and made.queries.max() <= 9 * 300 + 1
    return lengths(few, made.images)


def test_carlini_wagner_ends_as_near_as_their_proximal_descent_of_the_same_objective(victim, theirs, few, nearest):
    """Their EAD without its L1 term: accelerated descent that clips where C&W has tanh, 7 searches of 40 steps.

    Few steps leave either off its minimum, by up to 1.4 % for an image and 0.3 % in the mean when this was written.
    """
    other = generate(
        "ElasticNet", theirs, few, beta=0.0, decision_rule="L2", binary_search_steps=7, max_iter=40,
        initial_const=0.1, verbose=False,
    )  # fmt: skip
    assert success(victim, few, other) == 1.0
    assert nearest.mean().item() == pytest.approx(lengths(few, other).mean().item(), rel=0.01)
    assert nearest.tolist() == pytest.approx(lengths(few, other).tolist(), rel=0.03)


def test_carlini_wagner_ends_at_half_the_distance_of_their_line_search(victim, theirs, few, nearest):
    """Steepest descent that must fall in each step ends at the kink where f is 0; Adam continues along it.

    More steps do not mend theirs: 60 in place of these 10 bring its mean from 1.87 to 1.65, where ours is 0.98.
    """
    other = generate(
        "CarliniL2Method", theirs, few, binary_search_steps=9, max_iter=10, initial_const=0.1, learning_rate=0.1,
        verbose=False,
    )  # fmt: skip
    assert success(victim, few, other) == 1.0
    assert nearest.mean().item() == pytest.approx(0.52 * lengths(few, other).mean().item(), rel=0.15)
    assert (nearest < lengths(few, other)).all()
