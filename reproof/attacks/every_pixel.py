"""Every single pixel: all places and some values of one pixel, without a search.

The exact answer to the question of Su, Vargas & Sakurai 2019 for these values, at 2,352 queries of a digit where their
evolution may take 40,400.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.one_pixel import compute_costs, paint
from reproof.attacks.queries import query_unreached
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

MOST = 100_000  # candidates of an image: more than for any image of CIFAR-10 with three values a channel


@attack
def every_pixel(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, values: Sequence[float] = (0.0, 0.5, 1.0)
) -> Adversarial:
    """Return each image with the one pixel changed that serves the aim best, among all places and all `values`.

    Each channel of the pixel takes each of the `values`, in [0, 1]. A candidate that reaches the aim is best, then the
    lowest probability of the true class, or the highest of a target. Images that reach the aim already return
    unchanged. The attack draws no random numbers.

    Raises ReproofError for values outside [0, 1] or too many candidates.
    """
    candidates = _list_candidates(images, values)
    made, asked = images.clone(), torch.ones_like(aim.labels)
    left = query_unreached(victim, images, aim)
    asked[left] += len(candidates)
    for place in left:
        one = place[None]
        costs = compute_costs(victim, images[one], candidates[None], aim.select(one), at_once=True)
        made[one] = paint(images[one], candidates[costs.argmin(dim=1)])
    return Adversarial(made, asked)


def _list_candidates(images: Tensor, values: Sequence[float]) -> Tensor:
    """Return all candidates, float32 [candidates, 1, 2 + C]: row, column and the colour of one pixel."""
    channels, height, width = images.shape[1:]
    count = height * width * len(values) ** channels
    if not values or not all(0 <= value <= 1 for value in values):
        raise ReproofError(f"attack: values {list(values)} must be pixels in [0, 1], at least one; correct them")
    if count > MOST:
        raise ReproofError(
            f"attack: {count:,} candidates of an image are too many, at most {MOST:,}; give fewer values"
        )
    axes = [torch.arange(size).float() for size in (height, width)] + [torch.tensor(values)] * channels
    grid = torch.cartesian_prod(*axes).to(images.device)
    return grid[:, None]
