"""HopSkipJump in L2: an attack that sees classes alone (Chen, Jordan & Wainwright 2020, algorithm 2).

From a misclassified image on the boundary it estimates the direction in which the class changes, steps along it, and
returns to the boundary on the line to the original.
"""

from dataclasses import dataclass
from itertools import count
from math import ceil, log2, sqrt

import torch
from torch import Generator, Tensor
from torch.linalg import vector_norm

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.queries import query_classes
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

FIRST_STEP = 0.1  # distance of the first estimate's queries, a tenth of the range of pixels, as in the authors' code
HALVINGS = 40  # of a step; then float32 no longer resolves it, and the image stays where it is


@attack
def hop_skip_jump(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, queries: int = 10_000, batch: int = 100,
    starts: int = 20,
) -> Adversarial:  # fmt: skip
    """Return the nearest image in L2 that reaches the aim, among the ends of all steps that `queries` pay for.

    The estimate of step t takes `batch` sqrt(t) queries. An attack that leaves a class starts from uniform noise, drawn
    up to `starts` times; one that reaches a class, and one that noise does not help, starts from another of the images
    that already has such a class. Images without a start return unchanged. Only classes are read.

    Raises ReproofError for an impossible option.
    """
    oracle = _Oracle(victim.hide_logits(), images, aim, torch.zeros_like(aim.labels))
    _check(queries, batch, starts, least=1 + (0 if aim.targeted else starts) + oracle.line_queries)
    places, points = _find_starts(oracle, generator, starts)
    made, least = images.clone(), torch.full(aim.labels.shape, torch.inf, dtype=torch.float64, device=images.device)
    points = oracle.search_line(places, points)
    reach = torch.full(places.shape, FIRST_STEP, device=images.device)
    for step in count(1):
        lengths = vector_norm((points - images[places]).double().flatten(1), dim=1)
        nearer = lengths < least[places]
        made[places[nearer]], least[places[nearer]] = points[nearer], lengths[nearer]
        asked = int(batch * sqrt(step))
        paid = oracle.asked[places] + asked + HALVINGS + oracle.line_queries <= queries
        places, points, reach, lengths = (one[paid] for one in (places, points, reach, lengths))
        if not len(places):
            return Adversarial(made, oracle.asked)
        directions = torch.cat([
            oracle.estimate_direction(places[i : i + 1], points[i : i + 1], reach[i], asked, generator)
            for i in range(len(places))
        ])  # fmt: skip
        moved = oracle.jump(places, points, directions, lengths.to(points.dtype) / sqrt(step))
        # The next estimate queries at 1 / d of the distance before the return, d pixels (section III-C).
        reach = vector_norm((moved - images[places]).flatten(1), dim=1) / images[0].numel()
        points = oracle.search_line(places, moved)
    raise AssertionError("count() does not end")


@dataclass(frozen=True, eq=False)
class _Oracle:
    """Answers of the victim about images near the originals [N, C, H, W]; `asked`, int64 [N], counts them in place."""

    victim: Victim
    originals: Tensor
    aim: Aim
    asked: Tensor

    @property
    def line_queries(self) -> int:
        """Queries of a search on a line, to d^(-3/2) of its length for d pixels."""
        return ceil(1.5 * log2(self.originals[0].numel()))

    def is_reached(self, places: Tensor, images: Tensor) -> Tensor:
        """Query images [n, C, H, W] made for the originals at `places` [n]; return bool [n]."""
        self.asked.index_add_(0, places, torch.ones_like(places))
        return self.aim.select(places).is_reached(query_classes(self.victim, images))

    def search_line(self, places: Tensor, outer: Tensor) -> Tensor:
        """Return the point [n, C, H, W] nearest to the original that reaches the aim, by bisection from `outer`."""
        low, high = (torch.full(places.shape, end, device=outer.device) for end in (0.0, 1.0))
        originals = self.originals[places]
        for _ in range(self.line_queries if len(places) else 0):
            middle = (low + high) / 2
            reached = self.is_reached(places, torch.lerp(originals, outer, _expand(middle)))
            low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
        return torch.lerp(originals, outer, _expand(high))

    def estimate_direction(
        self, place: Tensor, point: Tensor, reach: Tensor, asked: int, generator: Generator
    ) -> Tensor:
        """Return the direction [1, C, H, W], of length 1, in which the aim is reached at one point (equation 16).

        The mean of unit directions weighed by the answers less their mean: this lowers the variance of the estimate.
        """
        noise = torch.randn((asked, *point.shape[1:]), generator=generator).to(point.device)
        noise /= _expand(vector_norm(noise.flatten(1), dim=1))
        tried = (point + reach * noise).clamp_(0, 1)
        # Of the directions, what the box has left of them.
        noise = (tried - point) / reach
        answers = self.is_reached(place.expand(asked), tried).float() * 2 - 1
        mean = answers.mean()
        # Equal answers leave nothing after the mean is taken off; then they all count with their sign.
        weights = answers if mean.abs() == 1 else answers - mean
        direction = (weights @ noise.flatten(1)).view_as(point)
        return direction.div_(vector_norm(direction).clamp(min=torch.finfo().tiny))

    def jump(self, places: Tensor, points: Tensor, directions: Tensor, sizes: Tensor) -> Tensor:
        """Return the points moved along the directions by the size [n], halved until the aim is reached."""
        moved, left = points.clone(), torch.arange(len(places), device=places.device)
        for _ in range(HALVINGS):
            if not len(left):
                break
            tried = (points[left] + _expand(sizes[left]) * directions[left]).clamp_(0, 1)
            reached = self.is_reached(places[left], tried)
            moved[left[reached]] = tried[reached]
            left, sizes = left[~reached], sizes / 2
        return moved


def _find_starts(oracle: _Oracle, generator: Generator, starts: int) -> tuple[Tensor, Tensor]:
    """Return the images that have a start, int64 [n], and the starts [n, C, H, W]."""
    images, aim, every = oracle.originals, oracle.aim, torch.arange(len(oracle.originals), device=oracle.asked.device)
    classes = query_classes(oracle.victim, images)
    oracle.asked.add_(1)
    points, found = images.clone(), aim.is_reached(classes)
    already = found.clone()
    for _ in range(0 if aim.targeted else starts):
        left = every[~found]
        if not len(left):
            break
        noise = torch.rand((len(left), *images.shape[1:]), generator=generator).to(images.device)
        reached = oracle.is_reached(left, noise)
        points[left[reached]], found[left[reached]] = noise[reached], True
    for place in every[~found].tolist():
        # The class of each image is known from its own query.
        others = every[aim.select(torch.full_like(every, place)).is_reached(classes)]
        if len(others):
            points[place] = images[others[int(torch.randint(len(others), (1,), generator=generator))]]
            found[place] = True
    places = every[found & ~already]
    return places, points[places]


def _expand(numbers: Tensor) -> Tensor:
    """Return numbers [n] as [n, 1, 1, 1]."""
    return numbers.view(-1, 1, 1, 1)


def _check(queries: int, batch: int, starts: int, *, least: int) -> None:
    """Raise ReproofError for an impossible option, or for fewer queries than the `least` that a start takes."""
    if min(queries, batch) < 1 or starts < 0:
        raise ReproofError(
            f"hop_skip_jump: queries {queries} and batch {batch} must be above 0, starts {starts} at least 0; "
            "correct them"
        )
    if queries < least:
        raise ReproofError(f"hop_skip_jump: {queries} queries do not pay for its start; give at least {least}")
