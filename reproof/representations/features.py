"""Activations phi(x) of a layer, whose units and directions Szegedy et al. 2014, section 3, compare."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from reproof.networks.layers import list_prunable
from reproof.storage.files import ReproofError


def compute_features(module: nn.Module, batches: Iterable[Tensor], *, layer: str = "") -> Tensor:
    """Return phi(x) float32 [N, D]: the flattened outputs of `layer` on batches of inputs [B, C, H, W], in eval mode.

    Without a name, phi(x) is the input of the output layer: the last hidden activation. If the network runs a layer
    several times, the last run counts. The network stays in eval mode.

    Raises ReproofError for an unknown layer, or one that is only a group of others.
    """
    target, seen = _find_layer(module, layer), list[Tensor]()

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        seen[:] = [(outputs if layer else inputs[0]).flatten(1).clone()]  # a later layer may change it in place

    # Features are kept per batch and joined at the end: the hook sees one batch at a time.
    with target.register_forward_hook(keep), torch.no_grad():
        return torch.cat([_compute_batch(module.eval(), batch, seen, layer) for batch in batches])


def find_output_layer(module: nn.Module) -> str:
    """Return the name of the layer that computes the logits."""
    (name,) = (weight for weight, kind in list_prunable(module).items() if kind == "output")
    return name.removesuffix(".weight")


def _compute_batch(module: nn.Module, batch: Tensor, seen: list[Tensor], layer: str) -> Tensor:
    """Return the features of one batch, which the hook left in `seen`."""
    module(batch)
    if not seen:
        raise ReproofError(f"features: {layer!r} is a group that is not run as one; name a layer in it")
    return seen.pop()


def _find_layer(module: nn.Module, layer: str) -> nn.Module:
    """Return the layer of this name; raise ReproofError, with the known names, if there is none."""
    named: dict[str, nn.Module] = dict(module.named_modules())
    if layer and layer not in named:
        known = [name for name, part in named.items() if not any(part.children())]
        raise ReproofError(f"features: no layer is called {layer!r}; they are {', '.join(known)}")
    return named[layer or find_output_layer(module)]
