"""Parts that networks share: dropout without global random state, names of layers, and the list of prunable weights."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from reproof.storage.files import ReproofError


class Dropout(nn.Module):
    """Multiplies features by a mask that the trainer draws before each step (Srivastava et al. 2014, section 4).

    The mask is the buffer `keep`, float32 [batch, features]: 0 with probability `rate`, else 1 / (1 - rate), so that
    the mean of an output is its input. It is NaN until drawn, so that a step without a draw cannot go unnoticed. As a
    buffer it is stacked and mapped over a block of seeds like any other; it is not saved. In eval mode the layer is the
    identity.
    """

    keep: Tensor

    def __init__(self, *, rate: float, features: int) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ReproofError(f"dropout: rate {rate} is outside [0, 1)")
        self.rate = rate
        # Not persistent: a checkpoint must not depend on the batch size.
        self.register_buffer("keep", torch.full((1, features), torch.nan), persistent=False)

    def resize(self, batch: int) -> None:
        """Make room for the masks of `batch` examples."""
        self.keep = self.keep.new_full((batch, self.keep.shape[-1]), torch.nan)

    def draw(self, generator: torch.Generator, *, into: Tensor | None = None) -> None:
        """Draw a mask into `keep`, or `into` one seed's slice, float32 [batch, features], of a stacked buffer."""
        keep = self.keep if into is None else into
        # In place: `keep` may be a view into a stacked buffer.
        chances = torch.rand(keep.shape, generator=generator, device=generator.device)
        keep.copy_(chances.ge_(self.rate).div_(1 - self.rate))

    def forward(self, x: Tensor) -> Tensor:
        """Return features float32 [batch, features] times the mask in train mode, unchanged in eval mode."""
        # Nothing to rescale in eval mode: the mask already holds the factor 1 / (1 - rate).
        return x * self.keep if self.training else x

    def extra_repr(self) -> str:
        """Return rate and features for the printed form."""
        return f"rate={self.rate}, features={self.keep.shape[-1]}"


def find_dropouts(module: nn.Module) -> dict[str, Dropout]:
    """Return the dropout layers of `module` by name, in forward order; the buffer of each is `{name}.keep`."""
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, Dropout)}


def list_prunable(module: nn.Module) -> dict[str, str]:
    """Return {parameter name: kind} of the prunable weights, in forward order: no biases, no batch norm.

    Kinds: "conv", "fc", "shortcut" (a convolution inside a child called `shortcut`), "output" (the last layer). The
    order is that of registration, so a network registers its layers in the order of its forward pass.

    Raises ReproofError for a network without such a layer, or with a weight that is computed from other parameters.
    """
    layers = [name for name, layer in module.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    if not layers:
        raise ReproofError(f"network {type(module).__name__}: it has no prunable layer; use nn.Linear or nn.Conv2d")
    for name in layers:
        if "weight" not in dict(module.get_submodule(name).named_parameters(recurse=False)):
            raise ReproofError(
                f"network {type(module).__name__}: the weight of {name} is no parameter but computed, as by weight "
                "norm; leave that out"
            )
    kinds = {name: _classify(name, module.get_submodule(name)) for name in layers}
    # Overrides "fc" or "conv": pruning may treat the output layer differently.
    kinds[layers[-1]] = "output"
    return {f"{name}.weight": kind for name, kind in kinds.items()}


def _classify(name: str, layer: nn.Module) -> str:
    """Return the kind of a layer that is not the last."""
    # A part of the dotted name, not a substring: "shortcuts_1" is no shortcut.
    if "shortcut" in name.split("."):
        return "shortcut"
    return "conv" if isinstance(layer, nn.Conv2d) else "fc"


def choose_memory_format(module: nn.Module) -> torch.memory_format:
    """Return the layout of inputs [batch, channels, height, width] in which `module` trains fastest on a CPU.

    Convolutions are 15 to 40 % faster with channels last. Only the inputs need conversion, and only by
    `inputs.to(memory_format=...)`: `contiguous` does not convert a single channel. Other networks keep the layout of
    their inputs.
    """
    has_convolutions = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
    return torch.channels_last if has_convolutions else torch.preserve_format


def chain(*layers: tuple[str, nn.Module]) -> nn.Sequential:
    """Return the named layers as a chain; the names are the prefixes of the parameters."""
    return nn.Sequential(OrderedDict(layers))


def scale_units(units: int, width: float) -> int:
    """Return `units` times the width multiplier, rounded, at least 1; raise ReproofError for a width not above 0."""
    if not width > 0:
        raise ReproofError(f"width: {width} is not above 0; 1 is the published network, 0.125 an eighth of its units")
    # A tiny multiplier must leave every layer a unit.
    return max(1, round(units * width))


def compute_pooled_size(name: str, input_shape: tuple[int, int, int], pools: int) -> tuple[int, int]:
    """Return (height, width) after `pools` poolings by 2, odd sizes rounded down.

    Raises ReproofError if nothing is left.
    """
    _, height, width = input_shape
    if min(height, width) < 2**pools:
        raise ReproofError(f"network {name}: input {height}x{width} is too small; its {pools} pools need {2**pools}")
    return height >> pools, width >> pools
