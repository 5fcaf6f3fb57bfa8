"""Residual networks without some of their blocks."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from reproof.storage.files import ReproofError


def leave_out_blocks(module: nn.Module, without: Sequence[str]) -> nn.Module:
    """Remove, in place, the residual blocks whose names match shell patterns; return `module`.

    Blocks have the names of the network's modules, without a leading "blocks.". Only a block that keeps the shape of
    its input can be left out. Raises ReproofError for a pattern that fits no block, or a block that changes the shape.

    Of all blocks, those with a shortcut of their own change the shape (torchvision calls it `downsample`).
    """
    named = {name.removeprefix("blocks."): name for name, part in module.named_modules() if _is_block(part)}
    for pattern in without:
        fits = [name for name in named if fnmatchcase(name, pattern)]
        if not fits:
            raise ReproofError(f"network: without: {pattern!r} fits no block; they are {', '.join(named)}")
        for name in fits:
            parent, _, child = named.pop(name).rpartition(".")
            if _changes_shape(module.get_submodule(f"{parent}.{child}")):
                raise ReproofError(
                    f"network: without: {name} changes the shape of its input; only others can be left out"
                )
            delattr(module.get_submodule(parent), child)
    return module


def _is_block(module: nn.Module) -> bool:
    return hasattr(module, "shortcut") or hasattr(module, "downsample")


def _changes_shape(block: nn.Module) -> bool:
    shortcut = getattr(block, "shortcut", None) or getattr(block, "downsample", None)
    return shortcut is not None and len(list(shortcut.children())) > 0
