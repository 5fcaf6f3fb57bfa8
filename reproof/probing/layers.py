"""What Zhang, Bengio & Singer call a layer, as names in a network's state; and sets of layers by pattern."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn

from reproof.storage.files import ReproofError

LayerNames = dict[str, tuple[str, ...]]


def list_layers(module: nn.Module) -> LayerNames:
    """Return {layer: names of all its state}, in forward order; every name of the state belongs to exactly one layer.

    A layer is a linear or convolutional layer with its bias and the normalisation after it, or a whole residual block
    (section 2: blocks are treated as one module). State is parameters and running statistics. Layers are called as the
    network's modules, without a leading "blocks.".
    """
    found: dict[str, list[str]] = {}
    for name, part in _list_parts("", module):
        state = [f"{name}.{key}" for key in part.state_dict()]
        if is_block(part) or isinstance(part, (nn.Linear, nn.Conv2d)):
            found[name.removeprefix("blocks.")] = state
        elif state and found:
            found[next(reversed(found))] += state
    assigned = [name for names in found.values() for name in names]
    left = sorted(set(module.state_dict()) - set(assigned))
    if left:
        raise ReproofError(
            f"network: {left[0]} belongs to no linear or convolutional layer before it; see probing/layers"
        )
    return {layer: tuple(names) for layer, names in found.items()}


def is_block(module: nn.Module) -> bool:
    """Return whether a module is a residual block: it has a shortcut, torchvision's `downsample` included."""
    return hasattr(module, "shortcut") or hasattr(module, "downsample")


def find_branch_norms(module: nn.Module) -> LayerNames:
    """Return {residual block: the scale and shift of the last normalisation of its residual branch}.

    With these at 0 the branch adds exactly nothing. A block that keeps its input's shape is then the identity, for its
    input went through a ReLU: the network without that block. One that changes the shape is left its shortcut.
    """
    blocks = ((name, part) for name, part in _list_parts("", module) if is_block(part))
    return {name.removeprefix("blocks."): _find_last_norm(name, block) for name, block in blocks}


def select_layers(layers: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the layers that shell patterns choose, in forward order; one that starts with "!" takes out what it fits.

    Raises ReproofError for a pattern that fits no layer, and for a choice that is empty.

    >>> chosen(["fc_1", "fc_2", "output"], ["*", "!fc_1"])
    ('fc_2', 'output')
    """
    known, found = list(layers), set[str]()
    for pattern in patterns:
        fits = {layer for layer in known if fnmatchcase(layer, pattern.removeprefix("!"))}
        if not fits:
            raise ReproofError(f"layers: {pattern!r} fits none; they are {', '.join(known)}")
        found = found - fits if pattern.startswith("!") else found | fits
    if not found:
        raise ReproofError(f"layers: {list(patterns)} leaves none of {', '.join(known)}")
    return tuple(layer for layer in known if layer in found)


def collect_names(layers: Mapping[str, Sequence[str]], which: Iterable[str]) -> frozenset[str]:
    """Return the names of the state of several layers."""
    return frozenset(name for layer in which for name in layers[layer])


def _list_parts(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield what a network is made of, in the order of its forward pass: whole blocks, and modules without children."""
    children = list(module.named_children())
    if is_block(module) or not children:
        yield name, module
        return
    for child, part in children:
        yield from _list_parts(f"{name}.{child}" if name else child, part)


def _find_last_norm(name: str, block: nn.Module) -> tuple[str, str]:
    branch = (
        key
        for key, part in block.named_modules()
        if isinstance(part, nn.BatchNorm2d) and key.split(".")[0] not in ("shortcut", "downsample")
    )
    *_, last = branch
    return f"{name}.{last}.weight", f"{name}.{last}.bias"
