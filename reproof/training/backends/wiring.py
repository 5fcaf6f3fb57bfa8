"""Which weights of a masked fully connected network do any work, as one list of units and weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reproof.storage.files import Array


@dataclass(frozen=True, eq=False)
class MaskedLayer:
    """One linear layer: its mask, bool [out, in], and where its weights and biases begin in the flat parameters."""

    mask: Array
    weight_at: int
    bias_at: int | None


@dataclass(frozen=True, eq=False)
class Wiring:
    """The kept weights of a chain of layers with ReLU between them, cut off from what no output depends on.

    Units are the constant 1, the used inputs (`pixels`), and the neurons that an output depends on, layer by layer.
    `place` says where in the flat parameters each weight lies; `start` and `source` are those of the kernels.
    """

    pixels: Array
    start: Array
    source: Array
    place: Array
    hidden: int
    classes: int

    @classmethod
    def from_layers(cls, layers: Sequence[MaskedLayer], *, all_neurons: bool = False) -> "Wiring":
        """Make from the layers, first to last; with `all_neurons` those that no output depends on stay as well.

        Weights into such a neuron have gradient 0 and never move, unless weight decay moves them.
        """
        masks = [layer.mask.copy() for layer in layers]
        lives: list[Array] = [np.ones(len(masks[-1]), dtype=bool)]
        for upper in reversed(masks[1:]):
            upper[~lives[0]] = False
            lives.insert(0, np.asarray(upper.any(axis=0) | all_neurons))
        masks[0][~lives[0]] = False
        pixels = np.flatnonzero(masks[0].any(axis=0))
        units = np.full(masks[0].shape[1], -1)
        units[pixels] = 1 + np.arange(len(pixels))
        starts, sources, places, first = [0], [], [], 1 + len(pixels)
        for layer, mask, alive in zip(layers, masks, lives, strict=True):
            for row in np.flatnonzero(alive):
                columns = np.flatnonzero(mask[row])
                bias = [] if layer.bias_at is None else [layer.bias_at + row]
                sources += [np.zeros(len(bias), dtype=np.int64), units[columns]]
                places += [np.array(bias, dtype=np.int64), layer.weight_at + row * mask.shape[1] + columns]
                starts.append(starts[-1] + len(bias) + len(columns))
            units = np.full(len(mask), -1)
            units[alive] = first + np.arange(alive.sum())
            first += int(alive.sum())
        neurons = len(starts) - 1
        return cls(
            pixels=pixels, start=np.array(starts), source=np.concatenate(sources).astype(np.int32),
            place=np.concatenate(places), hidden=neurons - len(masks[-1]), classes=len(masks[-1]),
        )  # fmt: skip

    @property
    def first(self) -> int:
        """The unit of the first neuron."""
        return 1 + len(self.pixels)

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return len(self.start) - 1

    @cached_property
    def weights(self) -> int:
        """How many weights there are, biases included."""
        return len(self.place)


def compute_kept_share(masks: Mapping[str, Array] | None, sizes: Mapping[str, int]) -> float:
    """Return the share of the weights that the masks keep; all of those of a layer without a mask."""
    masks = masks or {}
    kept = sum(int(masks[name].sum()) if name in masks else size for name, size in sizes.items())
    return kept / sum(sizes.values())
