"""The units and weights of a masked fully connected network on which an output depends, as flat lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reproof.storage.files import Array


@dataclass(frozen=True, eq=False)
class MaskedLayer:
    """One linear layer.

    mask: bool [out, in]. weight_at, bias_at: where its weights and biases begin in the flat parameters.
    """

    mask: Array
    weight_at: int
    bias_at: int | None


@dataclass(frozen=True, eq=False)
class Wiring:
    """The kept weights of a chain of layers with ReLU between them, without those on which no output depends.

    The units are the constant 1, the used inputs and the neurons on which an output depends, layer by layer.
    pixels: int64 [used], the used inputs. start, source, hidden: see `kernels`. place: int64 [weights], where each
    weight lies in the flat parameters. classes: the number of outputs.
    """

    pixels: Array
    start: Array
    source: Array
    place: Array
    hidden: int
    classes: int

    @classmethod
    def from_layers(cls, layers: Sequence[MaskedLayer], *, all_neurons: bool = False) -> "Wiring":
        """Make the wiring of these layers, first to last.

        `all_neurons` also keeps neurons on which no output depends. Weights into such a neuron have gradient 0, and
        only weight decay moves them.
        """
        masks = [layer.mask.copy() for layer in layers]
        lives: list[Array] = [np.ones(len(masks[-1]), dtype=bool)]
        # Backwards: a neuron lives if a living neuron of the layer above has a weight from it.
        for upper in reversed(masks[1:]):
            upper[~lives[0]] = False
            lives.insert(0, np.asarray(upper.any(axis=0) | all_neurons))
        masks[0][~lives[0]] = False
        # A pixel that no kept weight reads need not be gathered.
        pixels = np.flatnonzero(masks[0].any(axis=0))
        # -1 where there is no unit. No kept weight comes from such a place.
        units = np.full(masks[0].shape[1], -1)
        units[pixels] = 1 + np.arange(len(pixels))
        starts, sources, places, first = [0], [], [], 1 + len(pixels)
        for layer, mask, alive in zip(layers, masks, lives, strict=True):
            # Rows of a compressed sparse matrix. A neuron without incoming weights stays: its bias may reach an output.
            for row in np.flatnonzero(alive):
                columns = np.flatnonzero(mask[row])
                bias = [] if layer.bias_at is None else [layer.bias_at + row]
                # Unit 0 is the constant 1, so that a bias is a weight like any other.
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
        """Return the unit of the first neuron."""
        return 1 + len(self.pixels)

    @property
    def neurons(self) -> int:
        """Return the number of neurons."""
        return len(self.start) - 1

    @cached_property
    def weights(self) -> int:
        """Return the number of weights, biases included."""
        return len(self.place)


def compute_kept_share(masks: Mapping[str, Array] | None, sizes: Mapping[str, int]) -> float:
    """Return the share of the weights, in [0, 1], that the masks keep; a layer without a mask keeps all.

    masks: bool by name of a weight. sizes: the number of weights by name.
    """
    masks = masks or {}
    kept = sum(int(masks[name].sum()) if name in masks else size for name, size in sizes.items())
    return kept / sum(sizes.values())
