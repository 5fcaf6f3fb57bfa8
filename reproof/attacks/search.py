"""Results of an attack that several searches share: each continues with the images that still miss the aim."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Found:
    """Best results so far, changed in place.

    `images` are float32 [N, C, H, W], `queries` int64 [N]. `highest` is the loss of an image without success, float64
    [N]; `missed` is bool [N], True without success.
    """

    images: Tensor
    queries: Tensor
    highest: Tensor
    missed: Tensor

    @classmethod
    def of(cls, images: Tensor, reached: Tensor) -> Self:
        """Return the results of one query of each unchanged image; `reached`, bool [N], are adversarial already."""
        highest = torch.full(reached.shape, -torch.inf, dtype=torch.float64, device=reached.device)
        return cls(images.clone(), torch.ones_like(reached, dtype=torch.int64), highest, ~reached)

    def list_missed(self) -> Tensor:
        """Return the indices int64 [n] of the images without success."""
        return self.missed.nonzero().squeeze(1)

    def count_query(self, places: Tensor) -> None:
        """Count one query of the images at `places` [n]."""
        self.queries[places] += 1

    def keep_success(self, places: Tensor, images: Tensor) -> None:
        """Keep images [n, C, H, W] that reach their aim."""
        self.images[places] = images
        self.missed[places] = False

    def keep_highest(self, places: Tensor, images: Tensor, losses: Tensor) -> None:
        """Keep the images [n, C, H, W] whose loss [n] exceeds that of all searches before."""
        better = losses > self.highest[places]
        self.images[places[better]], self.highest[places[better]] = images[better], losses[better]
