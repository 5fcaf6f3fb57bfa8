"""Networks by name: what `@network` marks, found without importing the others, and built with checked options."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from reproof import registry
from reproof.declarations.costs import Size
from reproof.storage.files import ReproofError

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])


def network(*, cost: Size | Callable[..., Size] | None = None) -> Callable[[Factory], Factory]:
    """Mark `factory(*, input_shape, classes, **options)` as the network of its own name.

    `cost` is its size at the input shape that it is usually given, or a function of its options that returns it; what
    is planned with a network that states none is planned as for the largest network. `cost` is read from source: see
    `reproof.declarations.evaluate`.
    """
    return lambda factory: factory


def networks() -> tuple[str, ...]:
    """Return the names of all networks, sorted."""
    return tuple(sorted(registry.list_registered("networks", "network")))


def build(name: str, *, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """Return the network `name` for inputs of `input_shape` (channels, height, width) and `classes` outputs.

    Its forward maps [batch, channels, height, width] to logits [batch, classes]. Its weights are whatever PyTorch
    drew: call `initialise`. Raises ReproofError for an unknown name or option, or an input too small for it.
    """
    factory = registry.load("networks", "network", name)
    known = sorted(set(inspect.signature(factory).parameters) - {"input_shape", "classes"})
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ReproofError(f"network {name}: unknown option {unknown[0]!r}; its options are {', '.join(known)}")
    module: nn.Module = factory(input_shape=input_shape, classes=classes, **options)
    return module
