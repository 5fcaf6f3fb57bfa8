"""Balls of allowed images around the originals, L-infinity or L2, each intersected with the box [0, 1] of all images.

Results are inside to the last bit: float64 distances between the float32 images never exceed epsilon.
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
    """Images [N, C, H, W] within epsilon of the originals, one ball per image; all tensors are float32."""

    @property
    def originals(self) -> Tensor:
        """Return the centres of the balls, [N, C, H, W]."""

    def select(self, chosen: Tensor) -> Self:
        """Return the balls of some images, by index int64 [n] or mask bool [N]."""

    def project(self, images: Tensor) -> Tensor:
        """Return the allowed images [N, C, H, W] nearest to these."""

    def compute_steps(self, gradients: Tensor) -> Tensor:
        """Return the steepest ascent steps [N, C, H, W] of length 1 in the ball's norm; 0 where the gradient is 0."""

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        """Return images [N, C, H, W] uniform in the ball, then projected onto the box, as Madry et al. do."""


@dataclass(frozen=True, eq=False)
class LInf:
    """Ball of the maximum norm: every pixel lies from `lower` to `upper`, float32 [N, C, H, W] like the originals."""

    originals: Tensor
    epsilon: float
    lower: Tensor
    upper: Tensor

    @classmethod
    def around(cls, originals: Tensor, epsilon: float) -> Self:
        """Return the balls of radius `epsilon` around the originals, float32 [N, C, H, W], intersected with [0, 1]."""
        return cls(originals, epsilon, *(find_farthest(originals, epsilon, side) for side in (-1, 1)))

    def select(self, chosen: Tensor) -> Self:
        """Return the balls of some images, by index int64 [n] or mask bool [N]."""
        parts = {name: getattr(self, name)[chosen] for name in ("originals", "lower", "upper")}
        return replace(self, **parts)

    def project(self, images: Tensor) -> Tensor:
        """Return the images [N, C, H, W] with each pixel clipped to its interval."""
        # Ball and box are both products of intervals, so a single clamp is the exact projection.
        return images.clamp(self.lower, self.upper)

    def compute_steps(self, gradients: Tensor) -> Tensor:
        """Return the sign of the gradients [N, C, H, W]."""
        # The steepest direction of the maximum norm moves every pixel by the same amount.
        return gradients.sign()

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        """Return images float32 [N, C, H, W] uniform in the ball, then projected onto the box."""
        # Drawn on the CPU: the same numbers on every device.
        drawn = torch.rand(self.originals.shape, generator=generator).to(self.originals.device)
        return self.project(self.originals + self.epsilon * (2 * drawn - 1))


@dataclass(frozen=True, eq=False)
class L2:
    """Ball of the Euclidean norm over all pixels of an image, of radius epsilon; `room` is 1 - originals."""

    originals: Tensor
    epsilon: float
    room: Tensor

    @classmethod
    def around(cls, originals: Tensor, epsilon: float) -> Self:
        """Return the balls of radius `epsilon` around the originals, float32 [N, C, H, W], intersected with [0, 1]."""
        return cls(originals, epsilon, 1 - originals)

    def select(self, chosen: Tensor) -> Self:
        """Return the balls of some images, by index int64 [n] or mask bool [N]."""
        return replace(self, originals=self.originals[chosen], room=self.room[chosen])

    def project(self, images: Tensor) -> Tensor:
        """Return the allowed images nearest to these, [N, C, H, W]: offsets scaled by a share per image, then clipped.

        The share falls from 1. Each round shortens the offsets that are still too long, until all are within 1e-4 of
        the radius or 50 rounds have passed. A final rescaling of the clipped offsets removes the remaining excess.
        """
        offsets, share = images - self.originals, torch.ones(1, device=images.device)
        cut = offsets.clamp(-self.originals, self.room)
        excess = _compute_lengths(cut) / self._radius
        for _ in range(50):
            # Most images are done after a few rounds, and each round costs a pass over all pixels.
            if not bool((excess > 1.0001).any()):
                break
            share = share / excess.clamp_(min=1)
            # Clipping shortens an offset, so a share that is right for the unclipped one is too small: search it.
            cut = (offsets * _expand_per_image(share, offsets)).clamp_(-self.originals, self.room)
            excess = _compute_lengths(cut) / self._radius
        return torch.addcdiv(self.originals, cut, _expand_per_image(excess.clamp_(min=1), cut))

    def compute_steps(self, gradients: Tensor) -> Tensor:
        """Return the gradients, float32 [N, C, H, W], each image's divided by its L2 norm; 0 stays 0."""
        return gradients / _expand_per_image(_compute_lengths(gradients), gradients).clamp_(min=torch.finfo().tiny)

    def draw_start(self, *, generator: torch.Generator) -> Tensor:
        """Return images float32 [N, C, H, W] uniform in the ball, then projected onto the box."""
        pixels = self.originals.shape[1:].numel()
        drawn = torch.randn(self.originals.shape, generator=generator)
        # The volume within radius r grows as r^M, so u^(1 / M) of a uniform u is uniform in volume.
        radii = self.epsilon * torch.rand(len(drawn), generator=generator).pow(1 / pixels)
        offsets = self.compute_steps(drawn) * _expand_per_image(radii, drawn)
        return self.project(self.originals + offsets.to(self.originals.device))

    @property
    def _radius(self) -> float:
        """Epsilon less the greatest rounding error of float32: 2^-25 per pixel, and a few 2^-24 of the offset."""
        pixels = self.originals.shape[1:].numel()
        return max(self.epsilon * (1 - 2**-21) - 2**-24 * math.sqrt(pixels), 1e-30)


BALLS: dict[str, Callable[[Tensor, float], Ball]] = {"linf": LInf.around, "l2": L2.around}


def make_balls(norm: str, originals: Tensor, epsilon: float) -> Ball:
    """Return the balls of a norm, "linf" or "l2", around originals float32 [N, C, H, W].

    Raises ReproofError for an unknown norm, or an epsilon above the diameter of the box.
    """
    if norm not in BALLS:
        raise ReproofError(f"attack: norm {norm!r} is unknown; choose one of {', '.join(BALLS)}")
    check_epsilon(epsilon, most=1.0 if norm == "linf" else math.sqrt(originals.shape[1:].numel()))
    return BALLS[norm](originals, epsilon)


def find_farthest(originals: Tensor, epsilon: float, sides: Tensor | int, *, box: bool = True) -> Tensor:
    """Return the farthest float32 pixels within epsilon of the originals on one side, in the box if `box`.

    `sides` is -1, +1, or 0 for no change; one number for all pixels or a tensor of the shape of `originals`.
    """
    exact = originals.double()
    ends = torch.add(exact, sides, alpha=epsilon).to(originals.dtype)
    # Rounding to float32 may leave the ball by one unit in the last place; step back where it does.
    outside = (exact - ends).abs_() > epsilon
    ends = torch.where(outside, torch.nextafter(ends, originals), ends)
    return ends.clamp_(0, 1) if box else ends


def _compute_lengths(images: Tensor) -> Tensor:
    """Return the L2 norm of each image, float64 [N]."""
    lengths: Tensor = vector_norm(images.flatten(1), dim=1, dtype=torch.float64)
    return lengths


def _expand_per_image(numbers: Tensor, images: Tensor) -> Tensor:
    """Return numbers [N], one per image, in the dtype of `images` and as [N, 1, 1, 1], which multiplies pixels."""
    return numbers.to(images.dtype).view(-1, *[1] * (images.dim() - 1))
