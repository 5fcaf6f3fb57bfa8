"""Fully connected networks on their kept weights alone, for masks that keep few of them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from reproof.data.dataset import Dataset
from reproof.settings import TrainingSettings
from reproof.storage.files import Array
from reproof.training.backends import kernels
from reproof.training.backends.alone import Alone
from reproof.training.backends.flat import FlatDescent, flatten_parameters
from reproof.training.backends.recognise import list_linear_layers
from reproof.training.backends.wiring import MaskedLayer, Wiring
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.objective import Objective
from reproof.training.state import State

LANES = 16  # float32 numbers of one instruction: the batch is padded to a multiple
EVALUATED = 256  # examples evaluated together, so that all their activations fit the second-level cache


class SparsePerceptron(Alone):
    """The backend of the kept weights alone: the cost of a step is proportional to their number.

    Equal to `Perceptron` under the same mask up to rounding, as the order of the sums differs. Neurons and inputs that
    the mask cuts off take no part.
    """

    descent: FlatDescent

    def __init__(
        self, module: nn.Module, members: Sequence[Member], *,
        device: torch.device, settings: TrainingSettings, objective: Objective,
    ) -> None:  # fmt: skip
        (member,) = members
        self.module = module.to(device)
        self.module.load_state_dict(member.make_start(device))
        self._flat = flatten_parameters(self.module)
        # Weight decay moves even the weights that no output depends on, and these are a part of the result.
        self._wiring = Wiring.from_layers(_list_layers(self.module, member), all_neurons=settings.weight_decay > 0)
        self._place = torch.from_numpy(self._wiring.place)
        # Indexing by a tensor copies: the kept weights lie next to each other, in the order in which the loops read
        # them.
        self._weights = self._flat[self._place]
        self.descent = FlatDescent(self._weights, settings)
        columns = -(-settings.batch // LANES) * LANES
        # Torch's memory starts at a cache line, and so does every row: no load crosses two lines.
        self._values = torch.zeros(self._wiring.first + self._wiring.neurons, columns).numpy()
        self._values[0] = 1
        self._slopes = torch.zeros(self._wiring.neurons, columns).numpy()
        self._table: Array | None = None

    def descend(self, batches: Batches, step: int, rate: float) -> None:
        """Take one step on the batch of `step`; see `Networks.descend`."""
        wiring, weights = self._wiring, self._weights.numpy()
        images, labels, (chosen,) = batches.select_examples(step)
        of_pixels = wiring.first, wiring.start, wiring.source, weights, wiring.hidden
        table, channel = self._make_table(batches.dataset)
        kernels.gather(self._values, images.numpy(), chosen.numpy(), wiring.pixels, table, channel)
        self._apply_factors(self._values, batches.dataset, images, chosen)
        kernels.forward(self._values, *of_pixels)
        kernels.compute_output_slopes(self._values, self._slopes, labels.numpy(), chosen.numpy(), wiring.classes)
        kernels.backward(self._values, self._slopes, *of_pixels, self.descent.gradient.numpy())
        self.descent.apply(rate)

    def _make_table(self, dataset: Dataset) -> tuple[Array, Array]:
        """Return the value of each byte, float32 [C, 256], and the channel of each used pixel, int64 [used].

        The values lack the factors of images, which `_apply_factors` multiplies.
        """
        if self._table is None:
            channels, *sides = dataset.input_shape
            # A channel has only 256 different bytes, so normalisation becomes a look-up.
            every = torch.arange(256, dtype=torch.uint8).expand(channels, 1, 256)
            scale, shift = dataset.scale_and_shift
            self._table = every.to(torch.float32).mul_(scale).add_(shift).reshape(channels, 256).numpy()
            self._channel = self._wiring.pixels // int(np.prod(sides))
        return self._table, self._channel

    def _apply_factors(self, values: Array, dataset: Dataset, flat: Tensor, chosen: Tensor) -> None:
        """Multiply the inputs in `values`, float32 [units, columns], by the factors of the chosen images."""
        if dataset.unit_norm:
            values[1 : self._wiring.first, : len(chosen)] *= dataset.find_factors(flat, chosen).numpy()

    def compute_outputs(self, inputs: Tensor) -> Tensor:
        """Return outputs float32 [1, B, classes] of normalised inputs float32 [B, ...]."""
        pixels = inputs.flatten(1)[:, torch.from_numpy(self._wiring.pixels)]
        values = self._allocate_values(len(inputs))
        values[1 : self._wiring.first] = pixels.numpy().T
        return self._compute_logits(values)

    def compute_outputs_of_bytes(self, images: Tensor, dataset: Dataset) -> Tensor:
        """Return outputs float32 [1, B, classes] of images uint8 [B, C, H, W]; only used pixels are normalised."""
        flat, (table, channel) = images.flatten(1), self._make_table(dataset)
        parts = []
        for low in range(0, len(flat), EVALUATED):
            chosen = torch.arange(low, min(low + EVALUATED, len(flat)))
            values = self._allocate_values(len(chosen))
            kernels.gather(values, flat.numpy(), chosen.numpy(), self._wiring.pixels, table, channel)
            self._apply_factors(values, dataset, flat, chosen)
            parts.append(self._compute_logits(values))
        return torch.cat(parts, dim=1)

    def _allocate_values(self, examples: int) -> Array:
        """Return memory for the values of all units, float32 [units, examples], with the constant filled in."""
        values: Array = torch.empty(self._wiring.first + self._wiring.neurons, examples).numpy()
        values[0] = 1
        return values

    def _compute_logits(self, values: Array) -> Tensor:
        """Return outputs float32 [1, B, classes] from values [units, B] whose inputs are filled in."""
        wiring = self._wiring
        kernels.forward(values, wiring.first, wiring.start, wiring.source, self._weights.numpy(), wiring.hidden)
        # Units are rows here and examples columns: [classes, B] -> [1, B, classes].
        return torch.from_numpy(values[-wiring.classes :].T.copy())[None]

    def read_state(self) -> dict[str, Tensor]:
        """Return the whole state {name: [1, ...]}, with the kept weights at their present values."""
        # The kept weights train in a row of their own, and are copied back when somebody reads the state.
        self._flat[self._place] = self._weights
        return super().read_state()

    def load_state(self, state: State) -> None:
        """Copy a state {name: [1, ...]} into the module and into the row of kept weights."""
        super().load_state(state)
        self._weights.copy_(self._flat[self._place])


def _list_layers(module: nn.Module, member: Member) -> list[MaskedLayer]:
    """Return the mask and the places of the weights of each linear layer of a flattened module."""
    names = [name for name, _ in module.named_parameters()]
    # Where each parameter begins in the flat row, and where the last one ends.
    ends = np.cumsum([0, *(one.numel() for one in module.parameters())]).tolist()
    at = {name: begin for name, (begin, _) in zip(names, pairwise(ends), strict=True)}
    masks = member.masks or {}
    return [
        MaskedLayer(
            mask=masks[f"{name}.weight"].bool().numpy() if f"{name}.weight" in masks
            else np.ones(tuple(layer.weight.shape), dtype=bool),
            weight_at=at[f"{name}.weight"], bias_at=at.get(f"{name}.bias"),
        )
        for name, layer in list_linear_layers(module).items()
    ]  # fmt: skip
