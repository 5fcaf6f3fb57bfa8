"""Linear victims of several classes, and the exact distance from an image to each class within the box."""

from functools import cache

import torch
from scipy.optimize import linprog, minimize

from reproof.attacks.victim import Victim

PIXELS, CLASSES = 20, 5


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(*rows):
    """Return images with as many pixels as a row has numbers: [N, 1, 1, pixels]."""
    return torch.tensor(rows).view(len(rows), 1, 1, -1)


def slopes():
    return torch.randn(PIXELS, CLASSES, generator=chance(2))


def linear(weights=None, bias=None):
    """Return a victim of logits x W + b; without arguments of 20 pixels and five classes."""
    weights = slopes() if weights is None else weights
    bias = torch.zeros(weights.shape[1]) if bias is None else bias
    return Victim(lambda batch: batch.flatten(1) @ weights + bias)


def solve(point, normal, offset, norm):
    """Return the least distance from a point to <normal, z> = offset in the box by SciPy; inf if there is none."""
    point, normal = point.double().numpy(), normal.double().numpy()
    missing, count = float(offset) - float(normal @ point), len(point)
    if norm == "linf":
        found = linprog(
            [0.0] * count + [1.0],
            A_eq=[[*normal, 0.0]], b_eq=[missing],
            A_ub=[[sign * (i == j) for j in range(count)] + [-1.0] for sign in (1, -1) for i in range(count)],
            b_ub=[0.0] * 2 * count, bounds=[(-one, 1 - one) for one in point] + [(0, None)],
        )  # fmt: skip
        return found.fun if found.status == 0 else float("inf")
    found = minimize(
        lambda move: move @ move, [0.0] * count, jac=lambda move: 2 * move, method="SLSQP",
        bounds=[(-one, 1 - one) for one in point], options={"ftol": 1e-14, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda move: normal @ move - missing, "jac": lambda move: normal},
    )  # fmt: skip
    return found.fun**0.5 if found.success and abs(normal @ found.x - missing) < 1e-6 else float("inf")


def cases():
    """Return 40 images and the labels that `linear()` gives them."""
    images = torch.rand(40, 1, 4, 5, generator=chance(1))
    return images, linear().predict(images)


@cache
def distances(norm):
    """Return the distance [N, K] at which each class overtakes the label of `cases()`, by SciPy; inf for its own."""
    (images, labels), weights = cases(), slopes().double()
    found = torch.full((len(images), CLASSES), torch.inf)
    for place, (image, label) in enumerate(zip(images.flatten(1), labels.tolist(), strict=True)):
        for other in range(CLASSES):
            if other != label:
                found[place, other] = solve(image, weights[:, other] - weights[:, label], 0.0, norm)
    return found


def reachable(norm, epsilon):
    """Return bool [N]: True where some image of the ball and the box of `cases()` gets another class."""
    return distances(norm).amin(dim=1) < epsilon
