"""Images a second of four attacks, each beside an independent implementation of it, on one trained network.

FGSM, PGD and one pixel stand beside the Adversarial Robustness Toolbox (ART), which gets the network with its weights
frozen, as ours do: it computes no gradient that it does not need. L-BFGS, which ART has not, stands beside SciPy's
L-BFGS-B, image after image. Settings are the same on both sides. A reference that takes one image after the other gets
the first few: its rate is the same whatever their number.
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

from bench.rows import Row, cpu_seconds, over, rate
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
Make = Callable[[Tensor, Tensor], Tensor]  # images [N, 1, 28, 28] and labels [N] to other images


@dataclass(frozen=True)
class Contest:
    """An attack and its reference, with how many images each gets."""

    name: str
    other: str
    ours: Make
    theirs: Make
    counts: tuple[int, int]
    least: bool = False  # it seeks the nearest image


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    network, images, labels = _trained()
    with threadpool_limits(1):
        for contest in (*_against_art(network), _against_scipy(network)):
            yield from _rates(contest, images, labels)


def _rates(contest: Contest, images: Tensor, labels: Tensor) -> Iterator[Row]:
    many, few = contest.counts
    ours, theirs = (
        partial(contest.ours, images[:many], labels[:many]),
        partial(contest.theirs, images[:few], labels[:few]),
    )
    made = ours()[:few], theirs()  # and the first touch of memory
    times = [(cpu_seconds(ours) / many, cpu_seconds(theirs) / few) for _ in range(REPEATS)]
    mine, others = zip(*times, strict=True)
    yield rate(f"attack {contest.name}, {many} images at once", mine, "images/s")
    yield rate(f"the same by {contest.other}, {few} images", others, "images/s")
    yield over(f"attack {contest.name}, images a second over {contest.other}'s", others, mine, "at least 1.0")
    if contest.least:
        near, other = (_distance(side, images[:few]) for side in made)
        yield Row(f"attack {contest.name}, mean distance over {contest.other}'s", near / other, "at most 1.02")


def _distance(made: Tensor, images: Tensor) -> float:
    return (made - images).flatten(1).norm(dim=1).mean().item()


def _trained() -> tuple[nn.Module, Tensor, Tensor]:
    """Return 784-100-100-10 after 400 steps of Adam on 4,000 digits, and those of the other 1,000 that it knows."""
    content = mnist5k(Request())
    train, test = (
        (torch.from_numpy(np.concatenate(images)).float().div_(255), torch.from_numpy(labels))
        for images, labels in ((content.train_images, content.train_labels), (content.test_images, content.test_labels))
    )
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
    order = torch.randperm(len(test[1]))  # the file has them class by class
    known = order[network(test[0][order]).argmax(1) == test[1][order]]
    return network, test[0][known], test[1][known]


def _against_art(network: nn.Module) -> Iterator[Contest]:
    victim = Victim(network)

    def ours(attack: Callable, **options: object) -> Make:
        return lambda images, labels: attack(victim, images, Aim(labels), generator=_chance(), **options).images

    def theirs(attack: Callable, **options: object) -> Make:
        classifier = PyTorchClassifier(
            network, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1)
        )
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


def _against_scipy(network: nn.Module) -> Contest:
    victim = Victim(network)

    def ours(images: Tensor, labels: Tensor) -> Tensor:
        options = {"searches": SEARCHES, "iterations": ITERATIONS, "gain": GAIN}
        return minimum_distortion(victim, images, _wrong(labels), generator=_chance(), **options).images

    def theirs(images: Tensor, labels: Tensor) -> Tensor:
        aim = _wrong(labels)
        return torch.cat([_nearest(victim, images[[i]], aim.select(torch.tensor([i]))) for i in range(len(images))])

    return Contest("l-bfgs", "SciPy", ours, theirs, (SOME, FEW), least=True)


def _wrong(labels: Tensor) -> Aim:
    """Return a wrong class for each image, the same for an image whatever their number."""
    return Aim(draw_targets(labels, 10, generator=_chance()), targeted=True)


def _nearest(victim: Victim, image: Tensor, aim: Aim) -> Tensor:
    """Return the nearest image [1, 1, 28, 28] that reaches the aim: c is searched as by ours, SciPy minimises."""
    best, nearest, c = image, torch.inf, _compute_first_weight(victim, image, aim, "squared")
    low, high = torch.zeros(1), torch.full((1,), torch.inf)
    for turn in range(SEARCHES):
        made = _minimum(victim, image, aim, c.item(), best)
        reached, distance = aim.is_reached(victim.predict(made)), (made - image).norm().item()
        if reached and distance < nearest:
            best, nearest = made, distance
        low, high = (c, high) if reached else (low, c)
        c = _compute_next_weight(low, high, turn)
    return best


def _minimum(victim: Victim, image: Tensor, aim: Aim, c: float, start: Tensor) -> Tensor:
    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        pixels = torch.from_numpy(point).float().view_as(image).requires_grad_()
        value = cross_entropy(victim.logits(pixels), aim.labels) + c * (pixels - image).square().sum()
        (gradient,) = torch.autograd.grad(value, pixels)
        return value.item(), gradient.flatten().double().numpy()

    options = {"maxiter": ITERATIONS, "ftol": GAIN, "gtol": 1e-5, "maxcor": 10}
    flat = start.flatten().double().numpy()
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", bounds=Bounds(0, 1), options=options)
    return torch.from_numpy(found.x).float().view_as(image)


def _chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)
