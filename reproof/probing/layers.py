"""The layers of Zhang, Bengio & Singer 2022 as names in a network's state, and sets of layers by pattern."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn

from reproof.storage.files import ReproofError

LayerNames = dict[str, tuple[str, ...]]  # layer, in forward order: names of its parameters and running statistics


def list_layers(module: nn.Module) -> LayerNames:
    """Return {layer: names of its state}, in forward order; every name of the state belongs to exactly one layer.

    A layer is a linear or convolutional layer with its bias and the normalisation after it, or a whole residual block
    (section 2: blocks are treated as one module). The state is parameters and running statistics. Layers have the names
    of the network's modules, without a leading "blocks.". Raises ReproofError if state comes before the first layer.
    """
    found: dict[str, list[str]] = {}
    for name, part in _list_parts("", module):
        state = [f"{name}.{key}" for key in part.state_dict()]
        if is_block(part) or isinstance(part, (nn.Linear, nn.Conv2d)):
            found[name.removeprefix("blocks.")] = state
        elif state and found:
            found[next(reversed(found))] += state  # a normalisation belongs to the layer before it
    assigned = [name for names in found.values() for name in names]
    # Every value must belong to a layer, or resetting all layers would not give the initial network.
    left = sorted(set(module.state_dict()) - set(assigned))
    if left:
        raise ReproofError(
            f"network: {left[0]} belongs to no linear or convolutional layer before it; see probing/layers"
        )
    return {layer: tuple(names) for layer, names in found.items()}


def is_block(module: nn.Module) -> bool:
    """Return True for a residual block: a module with a shortcut, which torchvision calls `downsample`."""
    return hasattr(module, "shortcut") or hasattr(module, "downsample")


def find_branch_norms(module: nn.Module) -> LayerNames:
    """Return {residual block: names of scale and shift of the last normalisation of its residual branch}.

    With these at 0 the branch adds exactly 0. A block that keeps the shape of its input is then the identity, because
    its input comes from a ReLU: the network without that block. A block that changes the shape keeps its shortcut.
    """
    blocks = ((name, part) for name, part in _list_parts("", module) if is_block(part))
    return {name.removeprefix("blocks."): _find_last_norm(name, block) for name, block in blocks}


def select_layers(layers: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the layers that match shell patterns, in forward order; a pattern with a leading "!" removes its matches.

    Raises ReproofError for a pattern that matches no layer, and for an empty selection.

    >>> select_layers(["fc_1", "fc_2", "output"], ["*", "!fc_1"])
    ('fc_2', 'output')
    """
    known, found = list(layers), set[str]()
    for pattern in patterns:
        fits = {layer for layer in known if fnmatchcase(layer, pattern.removeprefix("!"))}
        if not fits:
            raise ReproofError(f"layers: {pattern!r} fits none; they are {', '.join(known)}")
        # In order, as in .gitignore: a later pattern overrides an earlier one.
        found = found - fits if pattern.startswith("!") else found | fits
    if not found:
        raise ReproofError(f"layers: {list(patterns)} leaves none of {', '.join(known)}")
    return tuple(layer for layer in known if layer in found)


def collect_names(layers: Mapping[str, Sequence[str]], which: Iterable[str]) -> frozenset[str]:
    """Return the names of the state of all layers in `which`."""
    return frozenset(name for layer in which for name in layers[layer])


def _list_parts(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name, part) in the order of the forward pass: whole blocks, and modules without children."""
    children = list(module.named_children())
    if is_block(module) or not children:
        yield name, module
        return
    for child, part in children:
        yield from _list_parts(f"{name}.{child}" if name else child, part)


def _find_last_norm(name: str, block: nn.Module) -> tuple[str, str]:
    """Return the names of scale and shift of the last normalisation of a block outside its shortcut."""
    branch = (
        key
        for key, part in block.named_modules()
        if isinstance(part, nn.BatchNorm2d) and key.split(".")[0] not in ("shortcut", "downsample")
    )
    # In the order of registration, which is that of the forward pass: the last one ends the branch.
    *_, last = branch
    return f"{name}.{last}.weight", f"{name}.{last}.bias"
