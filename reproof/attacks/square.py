"""Square: random search at the ball's border (Andriushchenko et al. 2020, algorithm 1).

In L-infinity a step repaints a square (algorithm 2, here); in L2 it moves mass between windows (`square_l2`).
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import sqrt

import torch
from torch import Generator, Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.balls import L2, Ball, LInf, make_balls
from reproof.attacks.queries import query_logits, query_unreached
from reproof.attacks.square_l2 import compute_window_side, draw_bumps, move_mass
from reproof.attacks.victim import Victim, compute_margin
from reproof.storage.files import ReproofError
from reproof.training.objective import compute_cross_entropy

HALVINGS = (
    10,
    50,
    200,
    500,
    1_000,
    2_000,
    4_000,
    6_000,
    8_000,
)  # queries, of 10,000, after which the share of a square halves


@attack
def square(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float, queries: int = 10_000,
    p: float = 0.8, norm: str = "linf", schedule: int = 0,
) -> Adversarial:  # fmt: skip
    """Change a square of each image per query, and keep it if the loss falls: the margin, or a target's cross-entropy.

    `images` are float32 [N, C, H, W]; `epsilon` is a distance of the `norm`, "linf" or "l2", in pixels of [0, 1]. The
    first query is the unchanged image, which the paper does not count; the second has stripes, or bumps in L2. `p` is
    the share of the image that the first squares cover: 0.05 for ImageNet and 0.8 for MNIST in the paper, 0.1 in L2.
    The squares shrink over `schedule` queries, those of the budget if 0.

    Raises ReproofError for an impossible epsilon, norm or `p`, or fewer than 2 queries.
    """
    _check(queries, p)
    made, asked = images.clone(), torch.ones_like(aim.labels)
    balls = make_balls(norm, images, epsilon)
    search = _start_search(images, aim, query_unreached(victim, images, aim), balls)
    # Steps count from the first square, as in the paper; step -1 is the query of the stripes.
    for step in range(-1, queries - 2):
        if not len(search.left):
            break
        tried = _draw_candidates(search, step, compute_share(p, step, schedule or queries), generator)
        search = _judge(search, victim, tried)
        asked[search.left] = step + 3
        if search.reached.any():
            made[search.left] = search.best
            search = search.select(~search.reached)
    made[search.left] = search.best
    return Adversarial(made, asked)


def _draw_candidates(search: "_Search", step: int, share: float, generator: Generator) -> Tensor:
    """Return the images [n, C, H, W] of the next query: stripes or bumps before step 0, changed squares later."""
    if isinstance(search.ball, L2):
        side = compute_window_side(share, *search.best.shape[2:])
        return draw_bumps(search.ball, generator) if step < 0 else move_mass(search.best, search.ball, side, generator)
    assert isinstance(search.ball, LInf)
    side = compute_side(share, *search.best.shape[2:])
    if step < 0:
        return draw_stripes(search.ball, generator)
    return repaint_squares(search.best, search.ball, side, generator)


def draw_stripes(ball: LInf, generator: Generator) -> Tensor:
    """Return images float32 [N, C, H, W] of vertical stripes, one pixel wide, at the ball's lower or upper end."""
    count, channels, _, width = ball.lower.shape
    # [N, C, 1, W] broadcasts over rows: every column has one sign in each channel.
    return torch.where(_flip_coins((count, channels, 1, width), ball, generator), ball.upper, ball.lower)


def repaint_squares(best: Tensor, ball: LInf, side: int, generator: Generator) -> Tensor:
    """Return each image with one random square, each channel of which is at the ball's lower or upper end.

    `best`, and the result, are float32 [N, C, H, W]; `side` is in pixels.

    A square that would change nothing gets the opposite signs; the authors' code draws it again.
    """
    at = _draw_squares(best, side, generator).expand(-1, best.shape[1], -1)
    before, lower, upper = (one.flatten(2).gather(2, at) for one in (best, ball.lower, ball.upper))
    up = _flip_coins((*best.shape[:2], 1), ball, generator)
    # A query of an unchanged image would be wasted.
    same = torch.where(up, upper, lower).eq(before).flatten(1).all(dim=1).view(-1, 1, 1)
    return best.flatten(2).scatter(2, at, torch.where(up ^ same, upper, lower)).view_as(best)


def compute_share(p: float, step: int, queries: int) -> float:
    """Return the share of an image that this step's square covers: p, halved at fixed shares of the budget."""
    # The schedule of 10,000 queries is stretched or shrunk to the budget, as in the authors' code.
    return p * 0.5 ** bisect_left(HALVINGS, step * 10_000 / queries)


def compute_side(share: float, height: int, width: int) -> int:
    """Return the side, in pixels, of the square that covers this share of an image: at least 1, and it fits."""
    return min(max(round(sqrt(share * height * width)), 1), height, width)


@dataclass(frozen=True, eq=False)
class _Search:
    """Unfinished images: their indices [n], and the best so far, its loss [n], and whether it reaches the aim [n]."""

    left: Tensor
    aim: Aim
    ball: Ball
    best: Tensor
    losses: Tensor
    reached: Tensor

    def select(self, chosen: Tensor) -> "_Search":
        """Return the search of some of the images, by index or mask."""
        best, losses, reached = (one[chosen] for one in (self.best, self.losses, self.reached))
        return _Search(self.left[chosen], self.aim.select(chosen), self.ball.select(chosen), best, losses, reached)


def _start_search(images: Tensor, aim: Aim, left: Tensor, balls: Ball) -> _Search:
    """Return the search before its first query, over the images `left`."""
    none = torch.zeros_like(left, dtype=torch.bool)
    losses = torch.full(left.shape, torch.inf, dtype=torch.float64, device=left.device)
    return _Search(left, aim.select(left), balls.select(left), images[left], losses, none)


def _judge(search: _Search, victim: Victim, tried: Tensor) -> _Search:
    """Return the search with the candidates kept where they are better; it costs one query per image."""
    logits, aim = query_logits(victim, tried), search.aim
    losses = (
        compute_cross_entropy(logits.double(), aim.labels)
        if aim.targeted
        else compute_margin(logits, aim.labels).double()
    )
    reached = aim.is_reached(logits.argmax(dim=-1))
    # A candidate that reaches the aim is kept even if its loss is not lower.
    better = reached | (losses < search.losses)
    best = torch.where(better.view(-1, 1, 1, 1), tried, search.best)
    return replace(search, best=best, losses=torch.where(better, losses, search.losses), reached=reached)


def _draw_squares(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Return the pixels of one random square per image, as flat indices: int64 [N, 1, side * side]."""
    count, _, height, width = images.shape
    top, left = (torch.randint(size - side + 1, (count, 1, 1), generator=generator) for size in (height, width))
    inside = torch.arange(side)[:, None] * width + torch.arange(side)
    return (top * width + left + inside.flatten()).to(images.device)


def _flip_coins(shape: tuple[int, ...], ball: LInf, generator: Generator) -> Tensor:
    """Return random bits of a shape: bool, on the ball's device."""
    return torch.randint(2, shape, generator=generator).bool().to(ball.lower.device)


def _check(queries: int, p: float) -> None:
    """Raise ReproofError for an impossible budget or share."""
    if queries < 2:
        raise ReproofError(f"attack: {queries} queries leave none for square after the first look; give at least 2")
    if not 0 < p <= 1:
        raise ReproofError(f"attack: p {p:g} is no share of an image; it must be above 0, at most 1")
