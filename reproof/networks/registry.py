"""Networks by name: found without importing their modules, and built with checked options."""

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
    draws: call `initialise`. Raises ReproofError for an unknown name or option, or an input too small for it.
    """
    factory = registry.load("networks", "network", name)
    known = sorted(set(inspect.signature(factory).parameters) - {"input_shape", "classes"})
    # Checked here: a misspelt option would otherwise raise a TypeError without the names.
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ReproofError(f"network {name}: unknown option {unknown[0]!r}; its options are {', '.join(known)}")
    module: nn.Module = factory(input_shape=input_shape, classes=classes, **options)
    return module
