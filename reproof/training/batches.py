"""Batches for a group of networks: gathered from bytes in memory, augmented and normalised, all repeatable by step."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from reproof.data.dataset import Dataset
from reproof.seeding import derive
from reproof.training.members import Member
from reproof.training.schedule import Order

PADDING = 4


class Batches:
    """The training batches of a group of networks, each in its own order."""

    def __init__(self, dataset: Dataset, members: Sequence[Member], *, batch: int, augment: str) -> None:
        self._dataset, self._members, self._augment = dataset, members, augment
        images = dataset.train.images
        self._flat = images.view(len(images), -1)  # index_select on rows is 8 times faster than indexing images
        self._shape = (len(members), batch, *images.shape[1:])
        self._orders = [Order(examples=len(images), batch=batch, noise=member.noise) for member in members]

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return inputs float32 [S, B, C, H, W] and labels int64 [S, B] of this step."""
        orders = [order.indices(step) for order in self._orders]
        chosen = (torch.cat(orders) if len(orders) > 1 else orders[0]).to(self._flat.device)
        images = self._flat.index_select(0, chosen).view(self._shape)
        if self._augment == "flip_crop":
            images = self._flipped_and_cropped(images, step)
        labels = self._dataset.train.labels.index_select(0, chosen).view(self._shape[:2])
        return self._dataset.normalise(images), labels

    def _flipped_and_cropped(self, images: Tensor, step: int) -> Tensor:
        generators = (torch.Generator().manual_seed(derive("augment", member.noise, step)) for member in self._members)
        return torch.stack([flip_and_crop(one, generator) for one, generator in zip(images, generators, strict=True)])


def flip_and_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images [B, C, H, W] each mirrored with chance 1/2 and shifted by up to 4 pixels, zeros moving in.

    That is a crop of the original size out of the image padded by 4 pixels on each side (Frankle & Carbin 2019,
    appendix I.3). A generator of the CPU draws, so that a GPU sees the same augmentation.
    """
    count, channels, height, width = images.shape
    shifts = torch.randint(0, 2 * PADDING + 1, (2, count, 1), generator=generator)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    rows, columns = torch.arange(height) + shifts[0], torch.arange(width) + shifts[1]
    columns = torch.where(mirrored, columns.flip(1), columns)
    padded = pad(images, (PADDING,) * 4)
    which = torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    places = (*which, rows[:, None, :, None], columns[:, None, None, :])
    return padded[tuple(place.to(images.device) for place in places)]
