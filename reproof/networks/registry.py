"""Networks by name: found without importing their modules, and built with checked options."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from reproof import registry
from reproof.declarations.costs import Size
from reproof.networks.layers import Dropout
from reproof.storage.files import ReproofError

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])


def network(*, cost: Size | Callable[..., Size] | None = None) -> Callable[[Factory], Factory]:
    """Mark `factory(*, input_shape, classes, **options)` as the network of its own name.

    `cost` is its size at its usual input shape, or a function of its options that returns the size. A network without
    one is planned like the largest network. `cost` is read from source: see `reproof.declarations.evaluate`.
    """
    # The decorator only marks: `reproof.registry` finds it in the source, without importing torch.
    return lambda factory: factory


def list_networks() -> tuple[str, ...]:
    """Return the names of all networks, sorted."""
    return tuple(sorted(registry.list_registered("networks", "network")))


def build(name: str, *, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """Return the network `name` for inputs of `input_shape` (channels, height, width) and `classes` outputs.

    Its forward maps float32 [batch, channels, height, width] to logits [batch, classes]. Its weights are PyTorch's own
    draws: call `initialise`. Raises ReproofError for an unknown name or option, an input too small for it, or a buffer
    of random numbers, which `initialise` does not draw.
    """
    factory = registry.load("networks", "network", name)
    known = sorted(set(inspect.signature(factory).parameters) - {"input_shape", "classes"})
    # Checked here: a misspelt option would otherwise raise a TypeError without the names.
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ReproofError(f"network {name}: unknown option {unknown[0]!r}; its options are {', '.join(known)}")
    module: nn.Module = factory(input_shape=input_shape, classes=classes, **options)
    if _list_own_buffers(module):
        _check_buffers_constant(name, module, factory(input_shape=input_shape, classes=classes, **options))
    return module


def _list_own_buffers(module: nn.Module) -> dict[str, Tensor]:
    """Return the buffers by name, without those of batch norm and `Dropout`: these are set before they are used."""
    return {
        f"{name}.{key}".lstrip("."): buffer
        for name, layer in module.named_modules() if not isinstance(layer, (nn.BatchNorm2d, Dropout))
        for key, buffer in layer.named_buffers(recurse=False)
    }  # fmt: skip


def _check_buffers_constant(name: str, module: nn.Module, again: nn.Module) -> None:
    """Raise ReproofError if a buffer differs between two constructions: it holds numbers of PyTorch's global state."""
    others = _list_own_buffers(again)
    for key, buffer in _list_own_buffers(module).items():
        if not torch.equal(_view_bytes(buffer), _view_bytes(others[key])):
            raise ReproofError(
                f"network {name}: buffer {key} holds other numbers each time, so that equal seeds would give other "
                "networks; make it a parameter, and set it in a method draw_parameters(generator) of its layer"
            )


def _view_bytes(buffer: Tensor) -> Tensor:
    """Return the values as bytes, in which NaN equals NaN."""
    return buffer.detach().contiguous().reshape(-1).view(torch.uint8)
