"""Moves of Square in L2: mass of the change moves from one window to another (Andriushchenko et al. 2020, algorithm 3).

The change spends all of epsilon at every step, before the cut to the box.
"""

from functools import cache
from math import sqrt

import torch
from torch import Generator, Tensor
from torch.linalg import vector_norm

from reproof.attacks.balls import L2

TILES = 5  # bumps along a side of the first image
LEAST_SIDE = 3  # pixels of a window's side
TINY = 1e-10  # as in the authors' code: an unchanged window adds nothing


def draw_bumps(ball: L2, generator: Generator) -> Tensor:
    """Return images [N, C, H, W] with a grid of bumps, each of a random sign and scaled to the ball's radius."""
    count, channels, height, width = ball.originals.shape
    side = max(min(height, width) // TILES, 1)
    rows, columns = height // side, width // side
    signs = _draw_signs((count, channels, rows, 1, columns, 1), generator)
    # The orientation of a tile is drawn once for all images, as in the authors' code.
    tiles = [
        [_turn(side, bool(torch.randint(2, (1,), generator=generator))) for _ in range(columns)] for _ in range(rows)
    ]
    grid = torch.stack([torch.stack(row) for row in tiles]).permute(0, 2, 1, 3)
    change = torch.zeros_like(ball.originals)
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    bumps = (signs * grid).reshape(count, channels, rows * side, columns * side).to(change.device)
    change[:, :, top : top + rows * side, left : left + columns * side] = bumps
    return _spend(change, ball)


def move_mass(best: Tensor, ball: L2, side: int, generator: Generator) -> Tensor:
    """Return each image with one window emptied and another one changed by a bump, within the same radius.

    `best` are images [N, C, H, W] in the ball. Each channel's bump has a random sign, is added to the direction of the
    window's change, and gets the mass of both windows and its share of what the cut to the box left unspent.
    """
    change, (filled, emptied) = best - ball.originals, (_draw_windows(best, side, generator) for _ in range(2))
    count, channels = change.shape[:2]
    flat = change.flatten(2)
    unspent = (ball.epsilon**2 - _compute_square(change, (1, 2, 3))).clamp(min=0) / channels
    union = torch.zeros(count, 1, flat.shape[2], device=best.device)
    union.scatter_(2, filled, 1).scatter_(2, emptied, 1)
    mass = (_compute_square(flat * union, (2,)) + unspent.view(-1, 1, 1)).sqrt()
    inside = flat.gather(2, filled.expand(-1, channels, -1))
    bumps = _draw_signs((count, channels, 1), generator).to(best.device) * _draw_turned(count, side, generator, best)
    mixed = bumps + inside / (vector_norm(inside, dim=2, keepdim=True) + TINY)
    mixed = mixed / vector_norm(mixed, dim=2, keepdim=True).clamp(min=TINY) * mass
    flat = flat.scatter(2, emptied.expand(-1, channels, -1), 0).scatter(2, filled.expand(-1, channels, -1), mixed)
    return _spend(flat.view_as(change), ball)


def compute_window_side(share: float, height: int, width: int) -> int:
    """Return the side, in pixels, of a window that covers this share of an image: odd, at least 3, and it fits.

    An image smaller than 3 pixels gives 1.
    """
    side = max(round(sqrt(share * height * width)), LEAST_SIDE)
    most = min(height, width)
    # An even side grows by one, and one that is too large is cut to the greatest odd side that fits.
    return min(side + 1 - side % 2, most - 1 + most % 2)


@cache
def make_bump(side: int) -> Tensor:
    """Return a bump [side, side] of norm 1: a positive peak in the upper half, a negative one in the lower (eq. 3)."""
    halves = _make_peak(side // 2, side), -_make_peak(side - side // 2, side)
    bump = torch.cat(halves)
    return bump.div_(vector_norm(bump))


def _make_peak(height: int, width: int) -> Tensor:
    """Return [height, width] of norm 1: sum of 1 / (j + 1)^2 over j from the distance to the centre to the border."""
    far = max(height // 2, width // 2)
    rows, columns = ((torch.arange(size) - size // 2).abs() for size in (height, width))
    distance = torch.maximum(rows[:, None], columns[None])
    steps = 1 / (torch.arange(far + 1) + 1.0) ** 2
    # Sums from each distance outwards.
    peak = steps.flip(0).cumsum(0).flip(0)[distance]
    return peak.div_(vector_norm(peak).clamp(min=TINY))


def _turn(side: int, turned: bool) -> Tensor:
    """Return the bump, or the same with its halves side by side."""
    return make_bump(side).T if turned else make_bump(side)


def _draw_turned(count: int, side: int, generator: Generator, like: Tensor) -> Tensor:
    """Return a bump for each image, turned or not with equal chance: [N, 1, side * side]."""
    turned = torch.randint(2, (count, 1, 1), generator=generator).bool().to(like.device)
    upright, level = (_turn(side, one).flatten().to(like.device) for one in (False, True))
    return torch.where(turned, level, upright)


def _draw_windows(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Return the pixels of one random window per image, as flat indices: int64 [N, 1, side * side]."""
    count, _, height, width = images.shape
    top, left = (torch.randint(size - side + 1, (count, 1, 1), generator=generator) for size in (height, width))
    inside = torch.arange(side)[:, None] * width + torch.arange(side)
    return (top * width + left + inside.flatten()).to(images.device)


def _draw_signs(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Return -1 or 1, equally likely, float32 of this shape."""
    return torch.randint(2, shape, generator=generator).float() * 2 - 1


def _compute_square(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return the sum of squares over `dims`, which stay as axes of length 1."""
    return values.square().sum(dim=dims, keepdim=True)


def _spend(change: Tensor, ball: L2) -> Tensor:
    """Return the images whose change is scaled to the ball's radius and then cut to the box."""
    lengths = vector_norm(change, dim=(1, 2, 3), keepdim=True).clamp(min=TINY)
    return ball.project(ball.originals + change / lengths * ball.epsilon)
