"""Balls of allowed images around the originals, L-infinity or L2, each cut by the box [0, 1] that holds all images.

What a ball gives is inside to the last bit: distances in float64 between the float32 images never exceed epsilon.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor
from torch.linalg import vector_norm

from reproof.attacks.attack import check_epsilon
from reproof.storage.files import ReproofError


class Ball(Protocol):
    """The images [N, C, H, W] within epsilon of the originals, one ball an image."""

    @property
    def originals(self) -> Tensor:
        """Return the images around which the balls lie."""

    def select(self, chosen: Tensor) -> Self:
        """Return the balls of some images, by index or mask."""

    def project(self, images: Tensor) -> Tensor:
        """Return the allowed images nearest to these."""

    def compute_steps(self, gradients: Tensor) -> Tensor:
        """Return the steps of length 1 in the ball's norm along which the gradients rise fastest; 0 where they are."""

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        """Return images uniform in the ball, then moved to the nearest in the box, as Madry et al. do."""


@dataclass(frozen=True, eq=False)
class LInf:
    """No pixel differs by more than epsilon: all from `lower` to `upper`, float32 as the originals."""

    originals: Tensor
    epsilon: float
    lower: Tensor
    upper: Tensor

    @classmethod
    def around(cls, originals: Tensor, epsilon: float) -> Self:
        return cls(originals, epsilon, *(find_farthest(originals, epsilon, side) for side in (-1, 1)))

    def select(self, chosen: Tensor) -> Self:
        parts = {name: getattr(self, name)[chosen] for name in ("originals", "lower", "upper")}
        return replace(self, **parts)

    def project(self, images: Tensor) -> Tensor:
        return images.clamp(self.lower, self.upper)

    def compute_steps(self, gradients: Tensor) -> Tensor:
        return gradients.sign()

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(self.originals.shape, generator=generator).to(self.originals.device)
        return self.project(self.originals + self.epsilon * (2 * drawn - 1))


@dataclass(frozen=True, eq=False)
class L2:
    """The root of the summed squares of all pixels' differences is at most epsilon; `room` is 1 - originals."""

    originals: Tensor
    epsilon: float
    room: Tensor

    @classmethod
    def around(cls, originals: Tensor, epsilon: float) -> Self:
        return cls(originals, epsilon, 1 - originals)

    def select(self, chosen: Tensor) -> Self:
        return replace(self, originals=self.originals[chosen], room=self.room[chosen])

    def project(self, images: Tensor) -> Tensor:
        """Return the allowed images nearest to these: the offsets shortened by one share an image, then cut at the box.

        The share is neared from above, each round shortening what is still too long. What is left of it when all are
        within a ten-thousandth, or after 50 rounds, goes in the end from what is cut.
        """
        offsets, share = images - self.originals, torch.ones(1, device=images.device)
        cut = offsets.clamp(-self.originals, self.room)
        excess = _compute_lengths(cut) / self._radius
        for _ in range(50):
            if not bool((excess > 1.0001).any()):
                break
            share = share / excess.clamp_(min=1)
            cut = (offsets * _expand_per_image(share, offsets)).clamp_(-self.originals, self.room)
            excess = _compute_lengths(cut) / self._radius
        return torch.addcdiv(self.originals, cut, _expand_per_image(excess.clamp_(min=1), cut))

    def compute_steps(self, gradients: Tensor) -> Tensor:
        return gradients / _expand_per_image(_compute_lengths(gradients), gradients).clamp_(min=torch.finfo().tiny)

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        pixels = self.originals[0].numel()
        drawn = torch.randn(self.originals.shape, generator=generator)
        radii = self.epsilon * torch.rand(len(drawn), generator=generator).pow(1 / pixels)
        offsets = self.compute_steps(drawn) * _expand_per_image(radii, drawn)
        return self.project(self.originals + offsets.to(self.originals.device))

    @property
    def _radius(self) -> float:
        """Epsilon less the most that float32 can round: 2^-25 a pixel of an image, a few 2^-24 of the offset."""
        pixels = self.originals[0].numel()
        return max(self.epsilon * (1 - 2**-21) - 2**-24 * math.sqrt(pixels), 1e-30)


BALLS: dict[str, Callable[[Tensor, float], Ball]] = {"linf": LInf.around, "l2": L2.around}


def make_balls(norm: str, originals: Tensor, epsilon: float) -> Ball:
    """Return the balls of this norm, "linf" or "l2"; raise ReproofError if epsilon exceeds the box's diameter."""
    if norm not in BALLS:
        raise ReproofError(f"attack: norm {norm!r} is unknown; choose one of {', '.join(BALLS)}")
    check_epsilon(epsilon, most=1.0 if norm == "linf" else math.sqrt(originals[0].numel()))
    return BALLS[norm](originals, epsilon)


def find_farthest(originals: Tensor, epsilon: float, sides: Tensor | int, *, box: bool = True) -> Tensor:
    """Return the last float32 pixels within epsilon, and in the box if asked, on one side: -1, +1, or 0 to stay.

    `sides` are one for all or one a pixel.
    """
    exact = originals.double()
    ends = torch.add(exact, sides, alpha=epsilon).to(originals.dtype)
    outside = (exact - ends).abs_() > epsilon
    ends = torch.where(outside, torch.nextafter(ends, originals), ends)
    return ends.clamp_(0, 1) if box else ends


def _compute_lengths(images: Tensor) -> Tensor:
    """Return the L2 norm of each image, in float64: [N]."""
    lengths: Tensor = vector_norm(images.flatten(1), dim=1, dtype=torch.float64)
    return lengths


def _expand_per_image(numbers: Tensor, images: Tensor) -> Tensor:
    """Return one number an image as what multiplies its pixels, of their type: [N, 1, 1, 1]."""
    return numbers.to(images.dtype).view(-1, *[1] * (images.dim() - 1))
