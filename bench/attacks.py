"""Measure the images per second of four attacks against independent implementations, on one trained network.

The reference for FGSM, PGD and one pixel is the Adversarial Robustness Toolbox (ART). Both sides get the network with
frozen weights, so that neither computes gradients of weights. ART has no L-BFGS attack; its reference is SciPy's
L-BFGS-B, one image at a time. Settings are equal on both sides. References that attack one image at a time get fewer
images, because their rate does not depend on the number of images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from art.attacks.evasion import FastGradientMethod, PixelAttack
from art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_pytorch import (
    ProjectedGradientDescentPyTorch,
)
from art.estimators.classification import PyTorchClassifier
from scipy.optimize import Bounds, minimize
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.rows import Row, compute_rate, compute_ratio, measure_cpu_seconds
from reproof.attacks.attack import Aim, draw_targets
from reproof.attacks.fgsm import fgsm
from reproof.attacks.least_distortion import _compute_first_weight, _compute_next_weight, minimum_distortion
from reproof.attacks.one_pixel import one_pixel
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.data.registry import Request
from reproof.data.sources import mnist5k
from reproof.training.processor import keep_freed_memory

REPEATS = 5
EPSILON, STEPS, STEP_SIZE = 0.1, 40, 0.01
SEARCHES, ITERATIONS, GAIN = 10, 100, 1e-5
POPULATION, GENERATIONS = 399, 5  # ART's population: 400 // 3 times the three numbers of a candidate
MANY, SOME, FEW = 800, 100, 3  # images
Make = Callable[[Tensor, Tensor], Tensor]  # images [N, 1, 28, 28] and labels [N] to attacked images


@dataclass(frozen=True)
class Contest:
    """An attack, its reference, and the number of images that each gets.

    `ours` and `theirs` map images float32 [N, 1, 28, 28] in [0, 1] and labels int64 [N] to attacked images. `least` is
    true for an attack that minimises the distance to the image.
    """

    name: str
    other: str
    ours: Make
    theirs: Make
    counts: tuple[int, int]
    least: bool = False


def measure() -> Iterator[Row]:
    """Yield the rates and ratios of the attacks, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    network, images, labels = _train_network()
    # torch's setting does not reach SciPy's and numpy's own threads.
    with threadpool_limits(1):
        for contest in (*_compare_with_art(network), _compare_with_scipy(network)):
            yield from _compare(contest, images, labels)


def _compare(contest: Contest, images: Tensor, labels: Tensor) -> Iterator[Row]:
    """Yield the rate of the attack, that of its reference, and their ratio; for minimisers also that of distances."""
    many, few = contest.counts
    ours, theirs = (
        partial(contest.ours, images[:many], labels[:many]),
        partial(contest.theirs, images[:few], labels[:few]),
    )
    made = ours()[:few], theirs()  # untimed: the first call also pays for the first touch of memory
    times = [(measure_cpu_seconds(ours) / many, measure_cpu_seconds(theirs) / few) for _ in range(REPEATS)]
    # Seconds an image: the two sides get different numbers of images.
    mine, others = zip(*times, strict=True)
    yield compute_rate(f"attack {contest.name}, {many} images at once", mine, "images/s")
    yield compute_rate(f"{contest.other}'s {contest.name}, {few} images", others, "images/s")
    yield compute_ratio(
        f"attack {contest.name}, images per second relative to {contest.other}", others, mine, "at least 1.0"
    )
    if contest.least:
        # Speed alone could be had by worse minima, so distances are compared as well.
        near, other = (_compute_distance(side, images[:few]) for side in made)
        yield Row(f"attack {contest.name}, mean distance relative to {contest.other}", near / other, "at most 1.02")


def _compute_distance(made: Tensor, images: Tensor) -> float:
    """Return the mean L2 distance between attacked images and originals, both [N, 1, 28, 28]."""
    return (made - images).flatten(1).norm(dim=1).mean().item()


def _train_network() -> tuple[nn.Module, Tensor, Tensor]:
    """Return a trained 784-100-100-10 network, and the test images and labels that it classifies correctly.

    It is trained for 400 steps of Adam on 4,000 digits. Images: float32 [N, 1, 28, 28] in [0, 1], of 1,000 digits.
    """
    content = mnist5k(Request())
    train, test = (
        (torch.from_numpy(np.concatenate(images)).float().div_(255), torch.from_numpy(labels))
        for images, labels in ((content.train_images, content.train_labels), (content.test_images, content.test_labels))
    )
    # The layers and the batches below are drawn from the global generator.
    torch.manual_seed(0)
    layers = [nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10)]
    network = nn.Sequential(nn.Flatten(), *layers)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(400):
        batch = torch.randint(len(train[1]), (100,))
        optimiser.zero_grad()
        cross_entropy(network(train[0][batch]), train[1][batch]).backward()
        optimiser.step()
    network.eval().requires_grad_(False)
    order = torch.randperm(len(test[1]))  # the file is sorted by class, and references get only the first few
    known = order[network(test[0][order]).argmax(1) == test[1][order]]
    return network, test[0][known], test[1][known]


def _compare_with_art(network: nn.Module) -> Iterator[Contest]:
    """Yield the contests against ART."""
    victim = Victim(network)

    def ours(attack: Callable, **options: object) -> Make:
        # A new generator for each call, so that every repeat does the same work.
        return lambda images, labels: attack(victim, images, Aim(labels), generator=_make_generator(), **options).images

    def theirs(attack: Callable, **options: object) -> Make:
        classifier = PyTorchClassifier(
            network, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1)
        )
        # Made once: the timed call is the attack alone.
        made = attack(classifier, **options)
        return lambda images, labels: torch.from_numpy(made.generate(images.numpy(), labels.numpy()))

    yield Contest(
        "fgsm", "ART",
        ours(fgsm, epsilon=EPSILON),
        theirs(FastGradientMethod, eps=EPSILON, batch_size=MANY),
        (MANY, MANY),
    )  # fmt: skip
    yield Contest(
        f"pgd of {STEPS} steps", "ART",
        ours(pgd, epsilon=EPSILON, steps=STEPS, step_size=STEP_SIZE),
        theirs(
            ProjectedGradientDescentPyTorch, eps=EPSILON, eps_step=STEP_SIZE, max_iter=STEPS, num_random_init=1,
            batch_size=MANY, verbose=False,
        ),
        (MANY, MANY),
    )  # fmt: skip
    yield Contest(
        "one pixel", "ART",
        ours(one_pixel, population=POPULATION, generations=GENERATIONS, at_once=True),
        theirs(PixelAttack, th=1, es=1, max_iter=GENERATIONS),
        (SOME, FEW),
    )  # fmt: skip


def _compare_with_scipy(network: nn.Module) -> Contest:
    """Return the contest of the L-BFGS attack against SciPy."""
    victim = Victim(network)

    def ours(images: Tensor, labels: Tensor) -> Tensor:
        options = {"searches": SEARCHES, "iterations": ITERATIONS, "gain": GAIN}
        return minimum_distortion(victim, images, _draw_targets(labels), generator=_make_generator(), **options).images

    def theirs(images: Tensor, labels: Tensor) -> Tensor:
        aim = _draw_targets(labels)
        return torch.cat(
            [_find_nearest(victim, images[[i]], aim.select(torch.tensor([i]))) for i in range(len(images))]
        )

    return Contest("l-bfgs", "SciPy", ours, theirs, (SOME, FEW), least=True)


def _draw_targets(labels: Tensor) -> Aim:
    """Return a wrong target class for each image, independent of the number of images."""
    return Aim(draw_targets(labels, 10, generator=_make_generator()), targeted=True)


def _find_nearest(victim: Victim, image: Tensor, aim: Aim) -> Tensor:
    """Return the nearest image [1, 1, 28, 28] that reaches the aim: SciPy minimises, our search sets c."""
    # The same first c and the same bracket as ours: the two sides differ in the minimiser alone.
    best, nearest, c = image, torch.inf, _compute_first_weight(victim, image, aim, "squared")
    low, high = torch.zeros(1), torch.full((1,), torch.inf)
    for turn in range(SEARCHES):
        made = _minimise(victim, image, aim, c.item(), best)
        reached, distance = aim.is_reached(victim.predict(made)), (made - image).norm().item()
        if reached and distance < nearest:
            best, nearest = made, distance
        low, high = (c, high) if reached else (low, c)
        c = _compute_next_weight(low, high, turn)
    return best


def _minimise(victim: Victim, image: Tensor, aim: Aim, c: float, start: Tensor) -> Tensor:
    """Return the minimiser [1, 1, 28, 28] of cross entropy plus c times the squared distance, found from `start`."""

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        pixels = torch.from_numpy(point).float().view_as(image).requires_grad_()
        value = cross_entropy(victim.logits(pixels), aim.labels) + c * (pixels - image).square().sum()
        (gradient,) = torch.autograd.grad(value, pixels)
        # SciPy works in float64, the network in float32.
        return value.item(), gradient.flatten().double().numpy()

    # `maxcor` is the history of our `minimise`, `ftol` its `gain`, `gtol` its `flat`.
    options = {"maxiter": ITERATIONS, "ftol": GAIN, "gtol": 1e-5, "maxcor": 10}
    flat = start.flatten().double().numpy()
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", bounds=Bounds(0, 1), options=options)
    return torch.from_numpy(found.x).float().view_as(image)


def _make_generator() -> torch.Generator:
    """Return a generator with a fixed seed, so that every repeat does the same work."""
    return torch.Generator().manual_seed(0)
