"""Layers frozen at their initial values while the rest of the network trains."""

from collections.abc import Collection

from torch import nn


def freeze_parameters(module: nn.Module, names: Collection[str]) -> nn.Module:
    """Replace, in place, the parameters of `module` that are among `names` by buffers; return `module`.

    The state keeps its names, shapes and values, so weights load and are saved in the same way, but no optimiser sees
    them. Running statistics of a frozen normalisation still follow the data in train mode: they are measured, not
    trained.
    """
    for prefix, part in list(module.named_modules()):
        # Lists, because the loop changes what it goes through.
        for key, parameter in list(part.named_parameters(recurse=False)):
            if (f"{prefix}.{key}" if prefix else key) in names:
                # Deleted first: torch refuses a buffer with the name of a parameter.
                delattr(part, key)
                part.register_buffer(key, parameter.detach().clone())
    return module
