"""phi(x), the activations of a layer: the space whose units and directions Szegedy et al. 2014, section 3, compare."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from reproof.networks.layers import list_prunable
from reproof.storage.files import ReproofError


def compute_features(module: nn.Module, batches: Iterable[Tensor], *, layer: str = "") -> Tensor:
    """Return phi(x) [N, D] of batches of inputs [B, C, H, W], in eval mode: what `layer` puts out, flattened.

    Without a name it is what the output layer reads: the last hidden activation. Of a layer that the network runs
    several times it is the last. Raises ReproofError for a layer that is unknown, or that is only a group of others.
    """
    target, seen = _find_layer(module, layer), list[Tensor]()

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        seen[:] = [(outputs if layer else inputs[0]).flatten(1).clone()]  # what comes next may change it in place

    with target.register_forward_hook(keep), torch.no_grad():
        return torch.cat([_compute_batch(module.eval(), batch, seen, layer) for batch in batches])


def find_output_layer(module: nn.Module) -> str:
    """Return the name of the layer that makes the logits."""
    (name,) = (weight for weight, kind in list_prunable(module).items() if kind == "output")
    return name.removesuffix(".weight")


def _compute_batch(module: nn.Module, batch: Tensor, seen: list[Tensor], layer: str) -> Tensor:
    module(batch)
    if not seen:
        raise ReproofError(f"features: {layer!r} is a group that is not run as one; name a layer in it")
    return seen.pop()


def _find_layer(module: nn.Module, layer: str) -> nn.Module:
    named: dict[str, nn.Module] = dict(module.named_modules())
    if layer and layer not in named:
        known = [name for name, part in named.items() if not any(part.children())]
        raise ReproofError(f"features: no layer is called {layer!r}; they are {', '.join(known)}")
    return named[layer or find_output_layer(module)]
