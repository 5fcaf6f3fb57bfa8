"""Which channels and units of a masked network do any work, found by following its layers from images to outputs.

A channel is cut off in either of two ways. Nothing that the network returns depends on it: no kept weight leads on from
it. Or it is 0 for every image and stays so: no kept weight leads to it, and what is added to it, a bias or batch norm's
shift, is not above 0 where a ReLU follows, so that neither value nor slope gets through.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from reproof.networks import Dropout

MULTIPLE = 8  # what the channels computed are a multiple of: a convolution of 13 takes as long as one of 16
BY_CHANNEL = {"flatten", nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, functional.avg_pool2d, Dropout, nn.Flatten}
RELUS = {nn.ReLU, functional.relu, torch.relu}
SUMS = {operator.add, torch.add}
OF_SHAPES = {getattr, operator.getitem}

Places = dict[str, tuple[Tensor, ...]]


def working_places(
    module: nn.Module, masks: Mapping[str, Tensor], *, start: Mapping[str, Tensor], decays: bool
) -> Places | None:
    """Return {name: index} of what takes part in a step: of parameters, running statistics and dropout's buffers.

    `start` is the state that training starts from; `decays` tells if weight decay moves what no slope does. Returns
    None if every channel takes part, or if the network has a part whose channels are not followed here.
    """
    values = _followed(module)
    if values is None:
        return None
    _forward(values, masks, start, decays=decays)
    _backward(values)
    return _places(values) if _lay_out(values) else None


def _none() -> Tensor:
    return torch.zeros(0, dtype=torch.bool)


@dataclass(eq=False)
class _Value:
    """One value in the network, what makes it of which others, and what is known of its channels, bool [channels].

    `still` channels are `offset` for every image; those that are `gone` are 0, behind a ReLU that lets no slope
    through. `needed` ones reach the outputs, `live` ones are computed.
    """

    kind: str
    name: str = ""
    layer: nn.Module | None = None
    sources: Sequence["_Value"] = ()
    readers: int = 0
    kept: Tensor = field(default_factory=_none)
    still: Tensor = field(default_factory=_none)
    gone: Tensor = field(default_factory=_none)
    offset: Tensor = field(default_factory=_none)
    needed: Tensor = field(default_factory=_none)
    live: Tensor = field(default_factory=_none)

    @property
    def settled(self) -> Tensor:
        """Channels that are still whatever happens: a slope from a second reader could move an offset."""
        return self.still if self.readers == 1 else self.gone


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Dropout) or super().is_leaf_module(m, module_qualified_name)


def _followed(module: nn.Module) -> list[_Value] | None:
    """Return the values of a network in the order they are made, or None if one is of a kind not known here."""
    try:
        graph = _Tracer().trace(module)
    except Exception:  # whatever it is that has no graph: the network is then computed whole
        return None
    layers = dict(module.named_modules())
    values: dict[fx.Node, _Value] = {}
    for node in graph.nodes:
        layer = layers[str(node.target)] if node.op == "call_module" else None
        kind = _kind(node, layer)
        if kind == "shape":
            continue
        value = _Value(kind, str(node.target), layer, [values[one] for one in node.all_input_nodes if one in values])
        if not _is_known(value, values.values()):
            return None
        for one in value.sources:
            one.readers += 1
        values[node] = value
    return list(values.values())


def _is_known(value: _Value, others: Iterable[_Value]) -> bool:
    """Whether a value is of a kind that is followed: of layers used once, on images only weights, sums of two."""
    twice = value.layer is not None and any(one.layer is value.layer for one in others)
    reads_images = any(one.kind == "images" for one in value.sources)
    numbers = {"images": 0, "sum": 2}
    return (
        bool(value.kind) and not twice and len(value.sources) == numbers.get(value.kind, 1)
        and (value.kind == "weights" or not reads_images)
    )  # fmt: skip


def _kind(node: fx.Node, layer: nn.Module | None) -> str:
    """Return what a node does to channels; an empty text if that is not known."""
    if node.op in ("placeholder", "output"):
        return {"placeholder": "images", "output": "outputs"}[node.op]
    if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
        return "weights"
    if isinstance(layer, nn.BatchNorm2d):
        return "norm" if layer.affine and layer.track_running_stats else ""
    what = type(layer) if layer else node.target
    kinds: dict[str, set[Any]] = {"relu": RELUS, "by channel": BY_CHANNEL, "sum": SUMS, "shape": OF_SHAPES}
    return next((kind for kind, members in kinds.items() if what in members), "")


def _forward(
    values: Sequence[_Value], masks: Mapping[str, Tensor], start: Mapping[str, Tensor], *, decays: bool
) -> None:
    """Find the channels that are the same for every image."""
    for value in values:
        if value.kind == "weights":
            (below,), weight = value.sources, start[f"{value.name}.weight"]
            kept = masks.get(f"{value.name}.weight", torch.ones_like(weight)).bool()
            value.kept = kept.reshape(*weight.shape[:2], -1).any(-1)
            if below.kind == "images":
                below.still, below.gone = (torch.zeros(weight.shape[1], dtype=torch.bool) for _ in range(2))
            value.still = ~(value.kept & ~_spread(below.gone, weight.shape[1])).any(1)
            value.offset = start.get(f"{value.name}.bias", torch.zeros(len(weight)))
            value.gone = torch.zeros_like(value.still)
        elif value.kind == "norm":
            (below,) = value.sources
            value.still = below.settled & (below.offset == start[f"{value.name}.running_mean"])
            value.offset, value.gone = start[f"{value.name}.bias"], torch.zeros_like(value.still)
        elif value.kind == "relu":
            (below,) = value.sources
            value.gone = below.settled & (below.offset <= 0 if not decays else below.offset == 0)
            value.still, value.offset = value.gone, torch.zeros_like(below.offset)
        elif value.kind == "sum":
            value.still = _all([below.settled & (below.offset <= 0) for below in value.sources])
            value.gone = _all([below.gone for below in value.sources])
            value.offset = torch.stack([below.offset for below in value.sources]).sum(0)
        elif value.kind != "images":
            (below,) = value.sources
            value.still, value.gone, value.offset = below.settled, below.gone, below.offset


def _backward(values: Sequence[_Value]) -> None:
    """Find the channels that the outputs depend on."""
    for value in values:
        value.needed = torch.full_like(value.still, value.kind == "outputs")
    for value in reversed(values):
        needed = value.needed & ~value.gone
        if value.kind == "weights":
            needed = (value.kept & needed[:, None]).any(0)
        for below in value.sources:
            below.needed |= needed.reshape(len(below.needed), -1).any(1)


def _lay_out(values: Sequence[_Value]) -> bool:
    """Decide which channels are computed, the same for all values that are taken channel by channel from each other.

    Returns whether any is not.
    """
    groups: dict[_Value, list[_Value]] = {}
    for value in values:
        groups[value] = [value]
        for below in value.sources if value.kind != "weights" else ():
            if groups[below] is not groups[value]:
                merged = groups[below] + groups[value]
                groups |= dict.fromkeys(merged, merged)
    for group in groups.values():
        whole = any(one.kind in ("images", "outputs") for one in group)
        live = torch.stack([one.needed & ~one.gone for one in group]).any(0)
        group[0].live = torch.ones_like(live) if whole else _rounded_up(live)
        for one in group:
            one.live = group[0].live
    return not all(bool(one.live.all()) for one in values)


def _rounded_up(live: Tensor) -> Tensor:
    """Return `live` with as many others as make its count a multiple of 8: they do no harm, nor do they cost time."""
    count = max(MULTIPLE, -(-int(live.sum()) // MULTIPLE) * MULTIPLE)
    return live.index_fill(0, (~live).nonzero()[: max(0, count - int(live.sum())), 0], True)


def _places(values: Sequence[_Value]) -> Places:
    places: Places = {}
    for value in values:
        (rows,) = value.live.nonzero(as_tuple=True)
        if value.kind == "weights":
            (columns,) = _spread(value.sources[0].live, value.kept.shape[1]).nonzero(as_tuple=True)
            places |= {f"{value.name}.weight": (rows[:, None], columns), f"{value.name}.bias": (rows,)}
        elif value.kind == "norm":
            for which in ("weight", "bias", "running_mean", "running_var"):
                places[f"{value.name}.{which}"] = (rows,)
        elif isinstance(value.layer, Dropout):
            places[f"{value.name}.keep"] = _spread(value.live, value.layer.keep.shape[-1]).nonzero(as_tuple=True)
    return places


def _spread(channels: Tensor, features: int) -> Tensor:
    """Return what is known of each channel for each of its features, as flattening lays them out."""
    return channels.repeat_interleave(features // len(channels))


def _all(several: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(several)).all(0)
