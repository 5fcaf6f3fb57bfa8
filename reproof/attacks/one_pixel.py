"""One pixel: differential evolution over the places and colours of few pixels (Su, Vargas & Sakurai 2019, section 3).

A candidate is float32 [pixels, 2 + C]: row and column of each pixel, in pixels, and its colour in [0, 1]. It is painted
at the integer part of its place. All images are searched together, each with its own population.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.queries import query_batches, query_unreached, split_indices
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

SURE, GONE = 0.9, 0.05  # probabilities at which the paper stops: of a target above, of a true class below
Draw = Callable[[int], Tensor]  # n to random populations [n, population, pixels, 2 + C]
Propose = Callable[[Tensor], Tensor]  # parents [n, population, pixels, 2 + C] to children of this shape


@attack
def one_pixel(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, pixels: int = 1, population: int = 400,
    generations: int = 100, differential_weight: float = 0.5, at_once: bool = False,
) -> Adversarial:  # fmt: skip
    """Change at most `pixels` pixels of each image: a child replaces its parent if it is fitter.

    Fitness is the probability of the label. `images` are float32 [N, C, H, W] in [0, 1], and so are the results.

    An image stops when a target's probability exceeds 0.9 or a true class's falls below 0.05, as in the paper, or, if
    `at_once`, after the first generation with a candidate that reaches the aim. The fittest candidate is returned.

    Raises ReproofError for an impossible number of pixels or a population below 3.
    """
    _check(images, pixels, population, least=3)
    propose = partial(breed, size=(images.shape[2], images.shape[3]), weight=differential_weight, generator=generator)
    return _search(
        victim, images, aim, _make_draw(images, pixels, population, generator), propose, generations, at_once
    )


@attack
def random_pixel(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, pixels: int = 1, population: int = 400,
    generations: int = 100, at_once: bool = False,
) -> Adversarial:  # fmt: skip
    """Return the fittest of as many random candidates as `one_pixel` tries, float32 [N, C, H, W]: its control.

    The options are those of `one_pixel`; every candidate is drawn like those of its first generation.

    Raises ReproofError for an impossible number of pixels or an empty population.
    """
    _check(images, pixels, population, least=1)
    draw = _make_draw(images, pixels, population, generator)
    return _search(victim, images, aim, draw, lambda parents: draw(len(parents)), generations, at_once)


def _search(
    victim: Victim, images: Tensor, aim: Aim, draw: Draw, propose: Propose, generations: int, at_once: bool
) -> Adversarial:
    """Query each image, then its population in every generation until it stops."""
    made, asked = images.clone(), torch.ones_like(aim.labels)
    left = query_unreached(victim, images, aim)
    # Infinite costs make the first generation replace its parents.
    parents = children = draw(len(left))
    costs = torch.full(parents.shape[:2], torch.inf, dtype=torch.float64, device=images.device)
    for _ in range(generations + 1):
        if not len(left):
            break
        # The costs of the parents are kept from their own generation: each candidate is queried once.
        judged = compute_costs(victim, images[left], children, aim.select(left), at_once)
        better = judged < costs
        parents, costs = torch.where(better[..., None, None], children, parents), torch.where(better, judged, costs)
        asked[left] += judged.shape[1]
        least, fittest = costs.min(dim=1)
        made[left] = paint(images[left], _select_members(parents, fittest[:, None]).squeeze(1))
        # The cost of a success with `at_once` is below both thresholds, so it stops the image.
        going = least >= (-SURE if aim.targeted else GONE)
        left, parents, costs = left[going], parents[going], costs[going]
        children = propose(parents)
    return Adversarial(made, asked)


def breed(parents: Tensor, *, size: tuple[int, int], weight: float, generator: Generator) -> Tensor:
    """Return children x1 + weight (x2 - x3) of three different parents each, clipped to the image's border and [0, 1].

    `parents` are float32 [n, population, pixels, 2 + C], and so are the children. `size` is the image's height and
    width. There is no crossover. A child's own parent is one of the three only by chance.
    """
    chosen = _draw_triples(tuple(parents.shape[:2]), generator)
    one, two, three = (_select_members(parents, which.to(parents.device)) for which in chosen)
    # Places end at the border and colours at 1.
    most = parents.new_tensor([*size, *[1] * (parents.shape[-1] - 2)])
    return (one + weight * (two - three)).clamp_(min=0).minimum(most)


def paint(images: Tensor, candidates: Tensor) -> Tensor:
    """Paint one candidate, float32 [N, pixels, 2 + C], on each image, float32 [N, C, H, W], in place.

    Later pixels cover earlier ones.
    """
    height, width = images.shape[2:]
    rows, columns = (candidates[..., i].long().clamp(0, end - 1) for i, end in ((0, height), (1, width)))
    # [N, C, H * W]: a place is then one index, equal in all channels.
    flat = images.view(*images.shape[:2], -1)
    for place, colour in zip((rows * width + columns).unbind(1), candidates[..., 2:].unbind(1), strict=True):
        flat.scatter_(2, place.view(-1, 1, 1).expand(-1, flat.shape[1], 1), colour[..., None])
    return images


def compute_costs(victim: Victim, images: Tensor, candidates: Tensor, aim: Aim, at_once: bool) -> Tensor:
    """Return the costs to minimise, float64 [n, population]: the label's probability, negated if targeted.

    They are float64, because a confident network's probability rounds to 1 in float32. With `at_once`, reaching the aim
    lowers the cost by 2, below that of any candidate that does not.
    """
    count, flat = candidates.shape[1], candidates.flatten(0, 1)
    parts = split_indices(len(flat), images)
    logits = query_batches(victim, (paint(images[rows // count], flat[rows]) for rows in parts))
    each = aim.select(torch.arange(len(images), device=images.device).repeat_interleave(count))
    costs = aim.sign * logits.double().softmax(dim=-1).gather(1, each.labels[:, None]).squeeze(1)
    costs -= 2 * (at_once * each.is_reached(logits.argmax(dim=-1)))
    return costs.view(-1, count)


def _make_draw(images: Tensor, pixels: int, population: int, generator: Generator) -> Draw:
    """Return a function that draws populations: uniform places, channel values from N(128, 127) / 255 in [0, 1]."""
    channels, *size = images.shape[1:]

    def draw(count: int) -> Tensor:
        shape = count, population, pixels
        places = torch.rand((*shape, 2), generator=generator) * torch.tensor(size)
        # The paper draws bytes from N(128, 127), here divided by 255.
        colours = torch.randn((*shape, channels), generator=generator).mul_(127).add_(128).div_(255).clamp_(0, 1)
        return torch.cat([places, colours], dim=-1).to(images.device)

    return draw


def _draw_triples(shape: tuple[int, ...], generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return three different indices below shape[-1] for each place of `shape`, uniformly, int64 each."""
    # Each later index is drawn from the remaining ones, and skips those already taken.
    one, two, three = (torch.randint(shape[-1] - i, shape, generator=generator) for i in range(3))
    two = two + (two >= one)
    three = three + (three >= torch.minimum(one, two))
    return one, two, three + (three >= torch.maximum(one, two))


def _select_members(populations: Tensor, which: Tensor) -> Tensor:
    """Return the members `which` [n, m] of each population [n, P, ...]: [n, m, ...]."""
    return populations[torch.arange(len(populations), device=populations.device)[:, None], which]


def _check(images: Tensor, pixels: int, population: int, *, least: int) -> None:
    """Raise ReproofError for an impossible number of pixels, or a population below `least`."""
    if not 1 <= pixels <= images.shape[2:].numel():
        raise ReproofError(
            f"attack: {pixels} pixels cannot be changed in images of {images.shape[2]} x {images.shape[3]}; "
            f"give 1 to {images.shape[2:].numel()}"
        )
    if population < least:
        raise ReproofError(f"attack: a population of {population} is too small; give at least {least}")
