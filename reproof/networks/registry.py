"""The register of networks: what `@network` puts in it and how a network is built from its name."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from reproof.files import ReproofError

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])

_FACTORIES: dict[str, Callable[..., nn.Module]] = {}


def network(factory: Factory) -> Factory:
    """Register `factory(*, input_shape, classes, **options)` under its own name."""
    if factory.__name__ in _FACTORIES:
        raise ValueError(f"two networks are called {factory.__name__}")
    _FACTORIES[factory.__name__] = factory
    return factory


def networks() -> tuple[str, ...]:
    """Return the names of all registered networks, sorted."""
    return tuple(sorted(_FACTORIES))


def build(name: str, *, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """Return the network `name` for inputs of `input_shape` (channels, height, width) and `classes` outputs.

    Its forward maps [batch, channels, height, width] to logits [batch, classes]. Its weights are whatever PyTorch
    drew: call `initialise`. Raises ReproofError for an unknown name or option, or an input too small for it.
    """
    if name not in _FACTORIES:
        raise ReproofError(f"network {name!r} is unknown; choose one of {', '.join(networks())}")
    factory = _FACTORIES[name]
    known = sorted(set(inspect.signature(factory).parameters) - {"input_shape", "classes"})
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ReproofError(f"network {name}: unknown option {unknown[0]!r}; its options are {', '.join(known)}")
    return factory(input_shape=input_shape, classes=classes, **options)
