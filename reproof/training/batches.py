"""Batches for a group of networks: gathered from bytes in memory, augmented and normalised, a function of the step."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from reproof.data.dataset import Dataset
from reproof.seeding import derive
from reproof.training.members import Member
from reproof.training.schedule import Order

PADDING = 4  # pixels on each side
MOST_AT_ONCE, CACHE_BYTES = 16, 4 << 20  # most steps gathered in one call, and most bytes of float32 inputs


class Batches:
    """The training batches of a group of S networks, each in its own order.

    `batch` is the number of examples of a step, B. `augment` is "none" or "flip_crop".
    """

    def __init__(self, dataset: Dataset, members: Sequence[Member], *, batch: int, augment: str) -> None:
        self.dataset, self._members, self._augment = dataset, members, augment
        self._images, self._labels = dataset.train.images, dataset.train.labels
        self._flat = self._images.view(len(self._images), -1)  # selecting rows is 8 times faster than selecting images
        self._shape = (len(members), batch, *self._images.shape[1:])
        self._orders = [Order(examples=len(self._images), batch=batch, noise=member.noise) for member in members]
        bytes_a_step = 4 * len(members) * batch * self._flat.shape[1]
        self._at_once = min(MOST_AT_ONCE, max(1, CACHE_BYTES // bytes_a_step))
        self._from, self._ahead = -1, (torch.empty(0), torch.empty(0))

    def gather(self, step: int) -> tuple[Tensor, Tensor]:
        """Return inputs float32 [S, B, C, H, W] and labels int64 [S, B] of this step; do not write to them."""
        # A gather of sixteen small batches costs little more than one, so steps are gathered ahead and kept.
        first = step - step % self._at_once
        if first != self._from:
            self._from, self._ahead = first, self._gather_steps(range(first, first + self._at_once))
        inputs, labels = self._ahead
        return inputs[step - first], labels[step - first]

    def select_examples(self, step: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return images uint8 [N, pixels], labels int64 [N], and for each network the indices of its batch, int64 [B].

        Without augmentation these are all N training images, and no byte is copied.
        """
        if self._augment == "none":
            return self._flat, self._labels, [order.list_indices(step) for order in self._orders]
        images, labels = self._gather_bytes([step])
        # Augmented images exist only for this step: number them instead of the training set.
        places = torch.arange(labels.numel()).view(labels.shape[1:])
        return images.flatten(0, 2).flatten(1), labels.flatten(), list(places)

    def _gather_steps(self, steps: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return inputs float32 [steps, S, B, C, H, W] and labels int64 [steps, S, B]."""
        images, labels = self._gather_bytes(steps)
        return self.dataset.normalise(images), labels

    def _gather_bytes(self, steps: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return augmented images uint8 [steps, S, B, C, H, W] and labels int64 [steps, S, B]."""
        # [steps * S * B]: all networks of all steps in one gather.
        chosen = torch.cat([order.list_indices(step) for step in steps for order in self._orders]).to(self._flat.device)
        images = self._flat.index_select(0, chosen).view(len(steps), *self._shape)
        labels = self._labels.index_select(0, chosen).view(len(steps), *self._shape[:2])
        if self._augment == "flip_crop":
            pairs = zip(images, steps, strict=True)
            images = torch.stack([self._flip_and_crop_members(one, step) for one, step in pairs])
        return images, labels

    def _flip_and_crop_members(self, images: Tensor, step: int) -> Tensor:
        """Return augmented images uint8 [S, B, C, H, W], each network by its own noise."""
        generators = (torch.Generator().manual_seed(derive("augment", member.noise, step)) for member in self._members)
        return torch.stack([flip_and_crop(one, generator) for one, generator in zip(images, generators, strict=True)])


def flip_and_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images uint8 [B, C, H, W], each mirrored with probability 1/2 and shifted by up to 4 pixels.

    Each is a crop of the original size from the image with 4 pixels of zeros on each side (Frankle & Carbin 2019,
    appendix I.3). `generator` is one of the CPU, so that a GPU sees the same augmentation.
    """
    count, channels, height, width = images.shape
    shifts = torch.randint(0, 2 * PADDING + 1, (2, count, 1), generator=generator)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    rows, columns = torch.arange(height) + shifts[0], torch.arange(width) + shifts[1]
    # Mirroring is reading the columns of the crop backwards.
    columns = torch.where(mirrored, columns.flip(1), columns)
    # Before normalisation, so that the border is black, byte 0.
    padded = pad(images, (PADDING,) * 4)
    which = torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    # These indices broadcast to [B, C, H, W]: one gather crops and mirrors all images.
    places = (*which, rows[:, None, :, None], columns[:, None, None, :])
    return padded[tuple(place.to(images.device) for place in places)]
