"""Layers that stay as they were initialised while the rest of the network trains."""

from collections.abc import Collection

from torch import nn


def freeze_parameters(module: nn.Module, names: Collection[str]) -> nn.Module:
    """Make buffers, in place, of those parameters of `module` that are among `names`; return `module`.

    The state keeps its names, so that weights load and are saved as before, but no optimiser sees them. Running
    statistics of a frozen normalisation still follow the data in training mode: they are measured, not trained.
    """
    for prefix, part in list(module.named_modules()):
        for key, parameter in list(part.named_parameters(recurse=False)):
            if (f"{prefix}.{key}" if prefix else key) in names:
                delattr(part, key)
                part.register_buffer(key, parameter.detach().clone())
    return module
